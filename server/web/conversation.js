// What is said in a session, as the server's events tell it.
//
// An item is {id, role: 'user' | 'assistant', text, heard, open, cut}: `heard` counts the code points of the text that were
// played (Infinity: all, or not spoken at all), `open` while it still grows, `cut` once its end was never heard.
import { split_at } from './captions.js';

export class Conversation {
  constructor() {
    this.items = new Map();
    this.forget_activity();
  }

  // The session is gone: what was going on has ended. Of an answer only what was heard has been said. Returns the items that
  // changed.
  forget_activity() {
    this.user_speaking = false;
    this.response = null;    // id of the one in progress
    this.awaiting = false;   // the user has ended a turn and nothing has come of it yet
    const changed = [...this.items.values()].filter(({ open, heard }) => open || heard !== Infinity);
    return changed.map((item) => this.close(item));
  }

  close(item) {
    const [said, unheard] = split_at(item.text, item.heard);
    Object.assign(item, { text: said.trimEnd(), heard: Infinity, open: false, cut: item.cut || unheard !== '' });
    return item.text === '' ? this.remove(item.id) : item;
  }

  // Takes an event in. Returns the item that changed, or null.
  apply(event) {
    return rules[event.type]?.(this, event) ?? null;
  }

  item(id, role) {
    if (!this.items.has(id)) this.items.set(id, { id, role, text: '', heard: Infinity, open: true, cut: false });
    return this.items.get(id);
  }

  remove(id) {
    const item = this.items.get(id);
    if (!item) return null;
    this.items.delete(id);
    return { ...item, removed: true };
  }

  // The events that tell a new session what was said before. They keep the ids, so that the echo changes nothing here.
  replay() {
    return [...this.items.values()]
      .filter(({ text }) => text !== '')
      .map(({ id, role, text }) => ({
        type: 'conversation.item.create',
        item: { id, type: 'message', role, content: [{ type: role === 'user' ? 'input_text' : 'output_text', text }] },
      }));
  }
}

const text_of = ({ content = [] }) => content.map((part) => part.transcript ?? part.text ?? '').join('');

function take_item(conversation, { item }) {
  if (item.type !== 'message' || item.role === 'system') return null;
  const entry = conversation.item(item.id, item.role);
  const text = text_of(item);
  if (text) entry.text = text;
  if (item.role === 'user' && text) entry.open = false;
  return entry;
}

function grow(conversation, { item_id, delta }, role) {
  const entry = conversation.item(item_id, role);
  entry.text += delta;
  return entry;
}

function settle(conversation, { item_id }, role, text) {
  const entry = conversation.item(item_id, role);
  entry.text = text;
  entry.open = false;
  return entry;
}

const rules = {
  'input_audio_buffer.speech_started'(conversation, { item_id }) {
    conversation.user_speaking = true;
    conversation.awaiting = false;
    return conversation.item(item_id, 'user');
  },
  'input_audio_buffer.speech_stopped'(conversation) {
    conversation.user_speaking = false;
    conversation.awaiting = true;
  },
  'conversation.item.added': take_item,
  'conversation.item.done': take_item,
  'conversation.item.retrieved'(conversation, event) {
    const entry = take_item(conversation, event);
    if (!entry) return null;
    entry.text = text_of(event.item);
    entry.heard = Infinity;
    return entry;
  },
  'conversation.item.deleted'(conversation, { item_id }) {
    return conversation.remove(item_id);
  },
  'conversation.item.truncated'(conversation, { item_id }) {
    const entry = conversation.items.get(item_id);
    if (entry) entry.cut = true;
    return entry;
  },
  'conversation.item.input_audio_transcription.delta'(conversation, event) {
    return grow(conversation, event, 'user');
  },
  'conversation.item.input_audio_transcription.completed'(conversation, event) {
    const text = event.transcript.trim();
    return text ? settle(conversation, event, 'user', text) : conversation.remove(event.item_id);
  },
  'conversation.item.input_audio_transcription.failed'(conversation, event) {
    return settle(conversation, event, 'user', '');
  },
  'response.created'(conversation, { response }) {
    conversation.response = response.id;
    conversation.awaiting = true;
  },
  'response.output_audio_transcript.delta'(conversation, event) {
    return grow(conversation, event, 'assistant');
  },
  'response.output_text.delta'(conversation, event) {
    conversation.awaiting = false;
    return grow(conversation, event, 'assistant');
  },
  'response.output_audio_transcript.done'(conversation, event) {
    return settle(conversation, event, 'assistant', event.transcript);
  },
  'response.output_text.done'(conversation, event) {
    return settle(conversation, event, 'assistant', event.text);
  },
  'response.done'(conversation, { response }) {
    if (conversation.response === response.id) conversation.response = null;
    conversation.awaiting = false;
    // An item that was begun and never filled says nothing.
    const empty = response.output?.find(({ id }) => conversation.items.get(id)?.text === '');
    return empty ? conversation.remove(empty.id) : null;
  },
};
