// Binary messages: one packet of audio behind a header of 16 bytes, all numbers big-endian.
//
//   0 kind   1 flags   2 seq   4 timestamp   8 stream   12 aux   16 payload
//
// Timestamps and positions are in units of 1/48000 s.
export const header_bytes = 16;
export const units_per_ms = 48;
export const input_kind = 1;    // to the server; stream and aux: what is playing here, and how far it is
export const output_kind = 2;   // from the server; aux: code points of the transcript spoken by its end
export const unknown_cursor = 0xffffffff;

const flag_bits = { start: 1, end: 2, pcm: 4, gap: 8 };

// `payload` is a Uint8Array. seq and timestamp wrap.
export function encode_frame({ kind, seq, timestamp, stream = 0, aux = 0, payload, ...flags }) {
  const message = new Uint8Array(header_bytes + payload.length);
  const header = new DataView(message.buffer);
  let bits = 0;
  for (const [name, bit] of Object.entries(flag_bits)) if (flags[name]) bits |= bit;
  header.setUint8(0, kind);
  header.setUint8(1, bits);
  header.setUint16(2, seq);
  header.setUint32(4, timestamp);
  header.setUint32(8, stream);
  header.setUint32(12, aux);
  message.set(payload, header_bytes);
  return message;
}

// The frame in an ArrayBuffer; its payload is a view into it. Null where there is no whole header.
export function decode_frame(buffer) {
  if (buffer.byteLength < header_bytes) return null;
  const header = new DataView(buffer);
  const bits = header.getUint8(1);
  const frame = {
    kind: header.getUint8(0),
    seq: header.getUint16(2),
    timestamp: header.getUint32(4),
    stream: header.getUint32(8),
    aux: header.getUint32(12),
    payload: new Uint8Array(buffer, header_bytes),
  };
  for (const [name, bit] of Object.entries(flag_bits)) frame[name] = (bits & bit) !== 0;
  return frame;
}
