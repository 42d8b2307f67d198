// What the page shows. Knows elements and words, nothing of sessions.
import { split_at } from './captions.js';

const phase_words = {
  idle: 'Ready when you are',
  connecting: 'Connecting',
  lost: 'Reconnecting',
  ready: 'Ready for your message',
  listening: 'Listening',
  hearing: 'Hearing you',
  thinking: 'Thinking',
  speaking: 'Speaking',
  muted: 'Muted',
};
const names = { user: 'You', assistant: 'Parley' };
const near_end_px = 80;

export const element = (id) => document.getElementById(id);

export class View {
  constructor() {
    this.entries = new Map();   // item id -> its list element
    element('problem').querySelector('button').onclick = () => this.hide_problem();
  }

  // ---- the conversation

  show_item(item) {
    const scroller = element('scroller');
    const follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < near_end_px;
    if (item.removed) {
      this.entries.get(item.id)?.remove();
      this.entries.delete(item.id);
    } else {
      if (!this.entries.has(item.id)) this.entries.set(item.id, new_entry(item));
      fill_entry(this.entries.get(item.id), item);
    }
    element('welcome').hidden = this.entries.size > 0;
    if (follows) scroller.scrollTop = scroller.scrollHeight;
  }

  clear_items() {
    element('items').replaceChildren();
    this.entries.clear();
    element('welcome').hidden = false;
  }

  // ---- the state

  show_phase({ phase, microphone, muted }) {
    const live = phase !== 'idle';
    document.body.dataset.phase = phase;
    set_text(element('phase'), phase_words[phase]);
    element('figures').hidden = !live;

    const talking = live && microphone;
    const talk = element('talk');
    talk.classList.toggle('live', talking);
    set_text(talk.querySelector('span'), talking ? 'End' : 'Start talking');
    set_icon(talk, talking ? 'end' : 'mic');

    const mute = element('mute');
    mute.disabled = !talking;
    mute.setAttribute('aria-pressed', String(muted));
    set_icon(mute, muted ? 'mic-off' : 'mic');
    element('stop').disabled = phase !== 'speaking' && phase !== 'thinking';
    if (live && phase !== 'lost' && this.problem === 'lost') this.hide_problem();
  }

  show_figure(name, ms) {
    element(name).textContent = name === 'latency' ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms)} ms`;
  }

  show_problem(sentence, why = 'other') {
    this.problem = why;
    element('problem').querySelector('p').textContent = sentence;
    element('problem').hidden = false;
  }

  hide_problem() {
    this.problem = null;
    element('problem').hidden = true;
  }

  show_voices(voices, chosen) {
    element('voice').replaceChildren(...voices.map(({ name, about }) => {
      const shown = name[0].toUpperCase() + name.slice(1);
      return new Option(about ? `${shown} (${about})` : shown, name, false, name === chosen);
    }));
    element('voice').closest('label').hidden = voices.length < 2;
  }
}

function new_entry({ role }) {
  const entry = document.createElement('li');
  entry.className = `item ${role}`;
  const who = document.createElement('span');
  who.className = 'who';
  who.textContent = names[role];
  entry.append(who, document.createElement('p'));
  element('items').append(entry);
  return entry;
}

function fill_entry(entry, { text, heard, open, cut }) {
  const paragraph = entry.querySelector('p');
  entry.setAttribute('aria-busy', String(open));
  if (text === '') return void paragraph.replaceChildren(open ? dots() : note('not understood'));
  const [said, rest] = heard === Infinity ? [text, ''] : split_at(text, heard);
  const parts = [document.createTextNode(said)];
  if (rest) parts.push(span('unheard', rest));
  if (cut) parts.push(note('interrupted'));
  paragraph.replaceChildren(...parts);
}

function span(name, text) {
  const node = document.createElement('span');
  node.className = name;
  node.textContent = text;
  return node;
}

const note = (text) => span('note', text);

function dots() {
  const node = span('dots', '');
  node.append(...[1, 2, 3].map(() => document.createElement('i')));
  return node;
}

function set_text(node, text) {
  if (node.textContent !== text) node.textContent = text;   // a status that repeats itself would be read out again
}

function set_icon(button, name) {
  button.querySelector('use').setAttribute('href', `#i-${name}`);
}
