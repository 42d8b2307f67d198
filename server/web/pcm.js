// PCM16 little-endian, whatever the machine's own byte order.
export function pcm16_of(samples) {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  samples.forEach((sample, index) => {
    view.setInt16(2 * index, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true);
  });
  return bytes;
}

export function samples_of(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Float32Array(bytes.byteLength >> 1).map((_, index) => view.getInt16(2 * index, true) / 32768);
}
