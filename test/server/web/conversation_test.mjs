import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Conversation } from '../../../server/web/conversation.js';

let conversation;
beforeEach(() => {
  conversation = new Conversation();
});

const apply = (...events) => events.map((event) => conversation.apply(event)).at(-1);
const message = (id, role, ...content) => ({ id, type: 'message', role, content });
const heard_speech = [
  { type: 'input_audio_buffer.speech_started', item_id: 'item_u' },
  { type: 'input_audio_buffer.speech_stopped', item_id: 'item_u' },
  { type: 'conversation.item.added', item: message('item_u', 'user', { type: 'input_audio', transcript: null }) },
  { type: 'conversation.item.done', item: message('item_u', 'user', { type: 'input_audio', transcript: null }) },
];
const answer = [
  { type: 'response.created', response: { id: 'resp_1' } },
  { type: 'conversation.item.added', item: message('item_a', 'assistant') },
  { type: 'response.output_audio_transcript.delta', item_id: 'item_a', delta: 'Good ' },
  { type: 'response.output_audio_transcript.delta', item_id: 'item_a', delta: 'morning.' },
];

test('speech shows as an open item from its first moment and gets its words later', () => {
  const item = apply(heard_speech[0]);
  assert.deepEqual({ ...item }, { id: 'item_u', role: 'user', text: '', heard: Infinity, open: true, cut: false });
  assert.equal(conversation.user_speaking, true);
  apply(...heard_speech.slice(1));
  assert.equal(conversation.user_speaking, false);
  assert.equal(conversation.awaiting, true);
  apply({ type: 'conversation.item.input_audio_transcription.delta', item_id: 'item_u', delta: 'Hel' });
  assert.equal(item.text, 'Hel');
  apply({ type: 'conversation.item.input_audio_transcription.completed', item_id: 'item_u', transcript: ' Hello. ' });
  assert.equal(item.text, 'Hello.');
  assert.equal(item.open, false);
});

test('speech without a word in it is no item', () => {
  apply(...heard_speech);
  const gone = apply({ type: 'conversation.item.input_audio_transcription.completed', item_id: 'item_u', transcript: '' });
  assert.equal(gone.removed, true);
  assert.equal(conversation.items.size, 0);
});

test('an answer grows by its deltas and is settled by its end', () => {
  apply(...answer);
  const item = conversation.items.get('item_a');
  assert.equal(item.text, 'Good morning.');
  assert.equal(item.open, true);
  assert.equal(conversation.response, 'resp_1');
  apply({ type: 'response.output_audio_transcript.done', item_id: 'item_a', transcript: 'Good morning.' },
    { type: 'response.done', response: { id: 'resp_1', output: [] } });
  assert.equal(item.open, false);
  assert.equal(conversation.response, null);
});

test('an answer that was cut keeps what the server says was heard', () => {
  apply(...answer, { type: 'conversation.item.truncated', item_id: 'item_a' });
  const item = apply({
    type: 'conversation.item.retrieved', item: message('item_a', 'assistant', { type: 'output_audio', transcript: 'Good' }),
  });
  assert.equal(item.text, 'Good');
  assert.equal(item.cut, true);
});

test('an answer that was cancelled before its first word leaves nothing behind', () => {
  apply(...answer.slice(0, 2));
  const gone = apply({ type: 'response.done', response: { id: 'resp_1', output: [message('item_a', 'assistant')] } });
  assert.equal(gone.removed, true);
  assert.equal(conversation.items.size, 0);
});

test('a text answer grows like a spoken one', () => {
  apply({ type: 'response.output_text.delta', item_id: 'item_t', delta: 'Yes' });
  apply({ type: 'response.output_text.done', item_id: 'item_t', text: 'Yes.' });
  assert.equal(conversation.items.get('item_t').text, 'Yes.');
});

test('the replay tells a new session all that was said, in order and under the same ids', () => {
  apply(...heard_speech,
    { type: 'conversation.item.input_audio_transcription.completed', item_id: 'item_u', transcript: 'Hello.' }, ...answer,
    { type: 'input_audio_buffer.speech_started', item_id: 'item_open' });
  const events = conversation.replay();
  assert.deepEqual(events, [
    { type: 'conversation.item.create', item: message('item_u', 'user', { type: 'input_text', text: 'Hello.' }) },
    { type: 'conversation.item.create', item: message('item_a', 'assistant', { type: 'output_text', text: 'Good morning.' }) },
  ]);
  for (const { item } of events) apply({ type: 'conversation.item.added', item }, { type: 'conversation.item.done', item });
  assert.deepEqual(conversation.replay(), events);
});

test('a lost connection leaves nobody speaking, nothing awaited, and of the answer what was heard', () => {
  apply(...heard_speech,
    { type: 'conversation.item.input_audio_transcription.completed', item_id: 'item_u', transcript: 'Hello.' }, ...answer,
    { type: 'input_audio_buffer.speech_started', item_id: 'item_v' });
  conversation.items.get('item_a').heard = 4;
  const changed = conversation.forget_activity();
  assert.deepEqual([conversation.user_speaking, conversation.awaiting, conversation.response], [false, false, null]);
  assert.deepEqual(changed.map(({ id, removed }) => [id, removed ?? false]), [['item_a', false], ['item_v', true]]);
  const { text, heard, open, cut } = conversation.items.get('item_a');
  assert.deepEqual([text, heard, open, cut], ['Good', Infinity, false, true]);
});

test('a conversation at rest is not changed by the end of its session', () => {
  apply(...answer, { type: 'response.output_audio_transcript.done', item_id: 'item_a', transcript: 'Good morning.' });
  assert.deepEqual(conversation.forget_activity(), []);
  assert.equal(conversation.items.get('item_a').text, 'Good morning.');
});

test('tool calls and events from the future change nothing', () => {
  assert.equal(apply({ type: 'conversation.item.added', item: { id: 'item_f', type: 'function_call' } }), null);
  assert.equal(apply({ type: 'response.something.new' }), null);
  assert.equal(conversation.items.size, 0);
});
