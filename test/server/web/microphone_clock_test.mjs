import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decode_frame } from '../../../server/web/frames.js';
import { MicrophoneClock } from '../../../server/web/microphone_clock.js';

const silence = { stream: 0, position: 0 };
const next = (clock, playing = silence, pcm = false) =>
  decode_frame(clock.frame(Uint8Array.of(1), playing, pcm).buffer);

test('packets are numbered and timed from the start of the session', () => {
  const clock = new MicrophoneClock();
  const frames = [next(clock), next(clock), next(clock)];
  assert.deepEqual(frames.map(({ seq }) => seq), [0, 1, 2]);
  assert.deepEqual(frames.map(({ timestamp }) => timestamp), [0, 960, 1920]);
  assert.deepEqual(frames.map(({ start }) => start), [true, false, false]);
  assert.equal(clock.ms, 60);
});

test('a packet tells what is heard while it is spoken', () => {
  const frame = next(new MicrophoneClock(), { stream: 4, position: 48000 }, true);
  assert.deepEqual([frame.stream, frame.aux, frame.pcm], [4, 48000, true]);
});

test('after packets that were left out the next one says so, and time went on', () => {
  const clock = new MicrophoneClock();
  next(clock);
  clock.sent(false);
  const late = next(clock);
  clock.sent(true);
  assert.deepEqual([late.gap, late.timestamp], [true, 960]);
  assert.equal(next(clock).gap, false);
});

test('a moment of the session is found again on the clock of the machine', () => {
  const clock = new MicrophoneClock();
  for (let packet = 0; packet < 100; ++packet) next(clock);
  assert.equal(clock.time_of(1500, 10_000), 9_500);
});
