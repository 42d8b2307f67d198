import assert from 'node:assert/strict';
import { test } from 'node:test';

import { choose_codecs, native_parameters } from '../../../server/web/codecs.js';
import { pcm16_of, samples_of } from '../../../server/web/pcm.js';
import { voices_in } from '../../../server/web/voices.js';

test('PCM16 is little-endian, rounded, and stops at its ends', () => {
  assert.deepEqual([...pcm16_of(Float32Array.of(0, 0.5, -1, 1, 2, -2))],
    [0, 0, 0x00, 0x40, 0x00, 0x80, 0xff, 0x7f, 0xff, 0x7f, 0x00, 0x80]);
  assert.deepEqual([...samples_of(Uint8Array.of(0, 0x40, 0, 0x80, 7))], [0.5, -1]);   // an odd byte is none
});

test('without Opus in the browser both directions are PCM', async () => {
  assert.deepEqual(await choose_codecs(null), { input: 'pcm16', output: 'pcm16' });
  assert.deepEqual(native_parameters({ input: 'pcm16', output: 'opus' }), {
    input: { codec: 'pcm16', rate: 16000 }, output: { codec: 'opus', rate: 24000 },
  });
});

test('each direction has Opus by itself', async () => {
  globalThis.AudioEncoder = { isConfigSupported: async () => ({ supported: true }) };
  globalThis.AudioDecoder = { isConfigSupported: async () => { throw new TypeError('no such codec'); } };
  assert.deepEqual(await choose_codecs(null), { input: 'opus', output: 'pcm16' });
  assert.deepEqual(await choose_codecs('pcm16'), { input: 'pcm16', output: 'pcm16' });
});

test('voices are read as names or with their tags, and where none are listed there are none', () => {
  assert.deepEqual(voices_in({ data: [{ id: 'starter', voices: ['aria', { name: 'bo', sex: 'male', age: 'adult', mood: 'calm' }, { id: 'cy', age: 'child' }] }] }),
    [{ name: 'aria', about: '' }, { name: 'bo', about: 'calm, male' }, { name: 'cy', about: 'child' }]);
  assert.deepEqual(voices_in({ data: [{ id: 'starter' }] }), []);
  assert.deepEqual(voices_in({}), []);
});
