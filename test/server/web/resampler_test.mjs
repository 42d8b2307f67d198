import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Resampler } from '../../../server/web/resampler.js';

const tone = (hz, rate, count) => Float32Array.from({ length: count }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rate));

function resample(input, from, to, block) {
  const resampler = new Resampler(from, to);
  const output = [];
  for (let at = 0; at < input.length; at += block) output.push(...resampler.push(input.subarray(at, at + block)));
  output.push(...resampler.finish());
  return output;
}

// The largest difference away from the ends, where the tone begins and stops.
function error(output, expected, edge) {
  let most = 0;
  for (let n = edge; n < Math.min(output.length, expected.length) - edge; ++n) {
    most = Math.max(most, Math.abs(output[n] - expected[n]));
  }
  return most;
}

for (const [from, to] of [[48000, 16000], [44100, 48000], [48000, 44100], [24000, 48000], [24000, 44100], [44100, 16000]]) {
  test(`a tone keeps its pitch, phase and length from ${from} to ${to} Hz`, () => {
    const output = resample(tone(1000, from, from / 10), from, to, 128);
    assert.ok(Math.abs(output.length - to / 10) <= 1, `${output.length} samples`);
    assert.ok(error(output, tone(1000, to, to / 10), 100) < 2e-3);
  });
}

test('blocks of any size make the same samples', () => {
  const input = tone(440, 44100, 4410);
  const whole = resample(input, 44100, 48000, input.length);
  for (const block of [1, 7, 128, 882]) assert.deepEqual(resample(input, 44100, 48000, block), whole);
});

test('what the lower rate cannot hold is gone instead of folded down', () => {
  const output = resample(tone(11000, 48000, 4800), 48000, 16000, 960);
  assert.ok(Math.max(...output.slice(50, -50).map(Math.abs)) < 0.01);
});

test('equal rates pass the samples through untouched', () => {
  const input = tone(1000, 48000, 480);
  assert.equal(new Resampler(48000, 48000).push(input), input);
});
