import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { PlayoutQueue } from '../../../server/web/playout_queue.js';

const rate = 48000;
const block = 128;
const ms = (count) => (rate * count) / 1000;
const speech = (length, value = 0.5) => new Float32Array(length).fill(value);

let news;
let queue;
beforeEach(() => {
  news = [];
  queue = new PlayoutQueue(rate, (told) => news.push(told));   // whichever list is the current one
});

function pull(count = block) {
  const output = new Float32Array(count);
  queue.pull(output);
  return output;
}
const pull_blocks = (count) => Array.from({ length: count }, () => [...pull()]).flat();
// Plays on until `state` is told.
function pull_until(state, count = block, most = 10_000) {
  for (let pulled = 0; pulled < most; ++pulled) {
    if (news.at(-1)?.state === state) return;
    pull(count);
  }
  assert.fail(`never ${state}: ${JSON.stringify(news)}`);
}
const peak = (samples) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

test('a stream is silent until 80 ms of it are there', () => {
  queue.push(1, speech(ms(80) - 1));
  assert.equal(peak(pull()), 0);
  assert.deepEqual(news, []);
  queue.push(1, speech(1));
  assert.ok(peak(pull()) > 0);
  assert.deepEqual(news, [{ state: 'started', stream: 1, played: 0 }]);
});

test('a stream that ended before 80 ms is played at once', () => {
  queue.push(1, speech(ms(20)));
  queue.end(1);
  const samples = pull_blocks(8);
  assert.equal(samples.filter((sample) => sample !== 0).length, ms(20) - 1);   // the fade's first sample is 0
  assert.deepEqual(news.at(-1), { state: 'ended', stream: 1, played: ms(20) });
  assert.equal(queue.playing, null);
});

test('each underrun asks for 20 ms more, up to 200, and the next stream begins at 80 again', () => {
  let enough = ms(80);
  for (const next of [100, 120, 140, 160, 180, 200, 200, 200]) {
    news = [];
    queue.push(1, speech(enough - 1));
    assert.equal(peak(pull()), 0);
    queue.push(1, speech(1));
    pull_until('underrun');
    assert.equal(queue.playing.buffered, 0);
    enough = ms(next);
  }
  queue.end(1);
  pull();
  assert.equal(news.at(-1).state, 'ended');
  queue.push(2, speech(ms(80)));
  assert.ok(peak(pull()) > 0);
});

test('two minutes that come at once are all played', () => {
  for (let second = 0; second < 120; ++second) queue.push(1, speech(rate));
  queue.end(1);
  pull_until('ended', 4096);
  assert.equal(news.at(-1).played, 120 * rate);
});

test('the start is faded in over 5 ms', () => {
  queue.push(1, speech(ms(200)));
  const samples = pull_blocks(3);
  assert.equal(samples[0], 0);
  for (let n = 1; n < ms(5); ++n) assert.ok(samples[n] > samples[n - 1], `sample ${n}`);
  assert.equal(samples[ms(5)], 0.5);
});

test('a stream that runs dry fades out with what is left', () => {
  queue.push(1, speech(ms(80)));   // 30 blocks
  const last = pull_blocks(30).slice(-block);
  assert.equal(news.at(-1).state, 'underrun');
  assert.equal(last[0], 0.5);
  for (let n = 1; n < block; ++n) assert.ok(last[n] < last[n - 1], `sample ${n}`);
});

test('a flush fades out within 8 ms, tells what was heard, and what comes late is not played', () => {
  queue.push(1, speech(ms(500)));
  pull_blocks(75);
  assert.equal(queue.flush(1), 75 * block);
  const samples = pull_blocks(10);
  assert.ok(Math.abs(samples[0] - 0.5) < 0.01);
  for (let n = 1; n < ms(8); ++n) assert.ok(samples[n] < samples[n - 1], `sample ${n}`);
  assert.equal(peak(samples.slice(ms(8))), 0);
  queue.push(1, speech(ms(500)));
  queue.end(1);
  assert.equal(peak(pull_blocks(50)), 0);
  assert.equal(queue.playing, null);
});

test('a flush does not touch a later stream', () => {
  queue.push(1, speech(ms(500)));
  queue.push(2, speech(ms(100), 0.25));
  pull_blocks(10);
  queue.flush(1);
  pull_blocks(4);   // the fade of the first
  pull_blocks(2);   // and that of the second
  assert.equal(peak(pull()), 0.25);
  assert.equal(queue.playing.stream, 2);
});

test('a stream that waits is played after the one before it', () => {
  queue.push(1, speech(ms(100), 0.5));
  queue.push(2, speech(ms(100), 0.25));
  queue.end(1);
  queue.end(2);
  pull_blocks(80);
  assert.deepEqual(news.map(({ state, stream }) => `${state} ${stream}`), ['started 1', 'ended 1', 'started 2', 'ended 2']);
});

test('flushing what was never there hears nothing', () => {
  assert.equal(queue.flush(3), 0);
  queue.push(2, speech(ms(100)));
  assert.equal(peak(pull()), 0);
});
