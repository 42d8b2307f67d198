import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decode_frame, encode_frame, input_kind, output_kind, unknown_cursor } from '../../../server/web/frames.js';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const buffer_of = (text) => Uint8Array.from(Buffer.from(text, 'hex')).buffer;

test('the first packet of a talk spurt has the header that the protocol shows', () => {
  const frame = encode_frame({ kind: input_kind, start: true, seq: 0, timestamp: 0, payload: Uint8Array.of(0xab) });
  assert.equal(hex(frame), '01010000' + '00000000' + '00000000' + '00000000' + 'ab');
});

test('the output example of the protocol reads as it says', () => {
  const frame = decode_frame(buffer_of('02000005' + '000012c0' + '00000003' + '0000000c' + 'f8fffe'));
  assert.equal(frame.kind, output_kind);
  assert.equal(frame.seq, 5);
  assert.equal(frame.timestamp, 4800);
  assert.equal(frame.stream, 3);
  assert.equal(frame.aux, 12);
  assert.deepEqual([frame.start, frame.end, frame.pcm, frame.gap], [false, false, false, false]);
  assert.equal(hex(frame.payload), 'f8fffe');
});

test('each flag has its own bit and comes back alone', () => {
  const bits = { start: 1, end: 2, pcm: 4, gap: 8 };
  for (const [name, bit] of Object.entries(bits)) {
    const message = encode_frame({ kind: output_kind, [name]: true, seq: 1, timestamp: 1, payload: new Uint8Array() });
    assert.equal(message[1], bit, name);
    const frame = decode_frame(message.buffer);
    for (const other of Object.keys(bits)) assert.equal(frame[other], other === name, `${other} beside ${name}`);
  }
});

test('numbers wrap at their width, and the largest survive', () => {
  const message = encode_frame({
    kind: input_kind, seq: 65537, timestamp: 2 ** 32 + 7, stream: 0xfffffffe, aux: unknown_cursor, payload: new Uint8Array(),
  });
  const frame = decode_frame(message.buffer);
  assert.equal(frame.seq, 1);
  assert.equal(frame.timestamp, 7);
  assert.equal(frame.stream, 0xfffffffe);
  assert.equal(frame.aux, unknown_cursor);
});

test('a message without a whole header is no frame, one with an empty payload is', () => {
  assert.equal(decode_frame(new ArrayBuffer(15)), null);
  assert.equal(decode_frame(new ArrayBuffer(0)), null);
  assert.equal(decode_frame(new ArrayBuffer(16)).payload.length, 0);
});
