import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { output_kind } from '../../../server/web/frames.js';
import { Playout } from '../../../server/web/playout.js';

let told;      // by the playout, in order
let audio;
let playout;
beforeEach(() => {
  told = [];
  audio = {
    now: { stream: 0, position: 0, buffered_ms: 0 },
    start_stream: ({ stream }) => told.push(`start ${stream}`),
    take_packet: (stream, packet, end) => told.push(`packet ${stream}${end ? ' end' : ''}`),
    flush: (stream) => told.push(`flush ${stream}`),
  };
  playout = new Playout(10, {
    audio,
    send: ({ type, stream, state, played_ms }) => told.push([type.split('.').at(-1), stream, state, played_ms].filter((part) => part !== undefined).join(' ')),
    on_sound: () => told.push('sound'),
    on_heard: (item_id, heard) => told.push(`${item_id} heard ${heard}`),
    on_change: () => {},
  });
});

const begin = (stream) => playout.start({ stream, item_id: `item_${stream}`, frame_ms: 20, codec: 'opus', rate: 24000, preskip: 312 });
const packet = (stream, number, aux, end = false) =>
  playout.take({ kind: output_kind, stream, timestamp: number * 960, aux, payload: new Uint8Array(1), end });
const news = (state, stream, position = 0) => playout.told({ state, stream, position });
const taken = () => told.splice(0);

test('the loudspeaker counts on where the server counts anew', () => {
  begin(1);
  packet(1, 0, 4, true);
  assert.deepEqual(taken(), ['item_1 heard 0', 'start 11', 'packet 11 end']);
  assert.equal(playout.last, 11);
  news('started', 11);
  assert.deepEqual(taken(), ['report 1 started 0', 'sound']);
  audio.now = { stream: 11, position: 500, buffered_ms: 0 };
  assert.deepEqual(playout.now, { stream: 1, position: 500 });
});

test('the text follows the sound and is whole at its end', () => {
  begin(1);
  packet(1, 0, 4);
  packet(1, 1, 9);
  news('started', 11);
  taken();
  audio.now = { stream: 11, position: 1500, buffered_ms: 0 };
  playout.advance();
  news('ended', 11, 1920);
  assert.deepEqual(taken(), ['item_1 heard 9', 'report 1 ended 40', 'item_1 heard Infinity']);
  assert.equal(playout.playing, 0);
});

test('a flush by the server is answered with what was heard', () => {
  begin(1);
  packet(1, 0, 4);
  packet(1, 1, 9);
  news('started', 11);
  taken();
  playout.flush(1);
  news('flushed', 11, 480);
  assert.deepEqual(taken(), ['flush 11', 'flushed 1 10', 'item_1 heard 4']);
  assert.deepEqual([playout.playing, playout.coming], [0, 0]);
});

test('the user stops an answer, before its first sound too', async () => {
  begin(1);
  taken();
  const stopped = playout.stop();
  assert.deepEqual(taken(), ['flush 11']);
  news('flushed', 11, 0);
  await stopped;
  assert.equal(taken()[0], 'flushed 1 0');
  await playout.stop();   // nothing left: done at once
  assert.deepEqual(taken(), []);
});

test('a flush that comes late does not touch the stream after it', () => {
  begin(1);
  begin(2);
  news('flushed', 11);
  assert.equal(playout.coming, 12);
});

test('what an earlier session said is no news in this one', () => {
  news('ended', 10, 960);
  audio.now = { stream: 10, position: 960, buffered_ms: 0 };
  playout.report_progress();
  assert.deepEqual(playout.now, { stream: 0, position: 0 });
  assert.deepEqual(taken(), []);
});

test('a session that is gone plays no further, and nobody waits for it', async () => {
  begin(3);
  const stopped = playout.stop();
  playout.abandon();
  await stopped;
  assert.deepEqual(taken().slice(2), ['flush 13', 'flush 13']);
  assert.equal(playout.coming, 0);
});

test('frames of kinds that are not known are left alone', () => {
  begin(1);
  taken();
  playout.take({ kind: 9, stream: 1, timestamp: 0, aux: 0, payload: new Uint8Array(1), end: false });
  assert.deepEqual(taken(), []);
});
