// How much of a spoken text has been heard. Each packet of speech says how many code points of its transcript are spoken by
// its end; these are the marks, and the play-out position chooses among them.
import { unknown_cursor } from './frames.js';

export class Captions {
  constructor() {
    this.streams = new Map();   // number -> {item_id, marks: [{end, cursor}]}
  }

  open(stream, item_id) {
    this.streams.set(stream, { item_id, marks: [] });
  }

  // `end` is the packet's end in the stream, `cursor` the code points spoken by then.
  mark(stream, end, cursor) {
    if (cursor !== unknown_cursor) this.streams.get(stream)?.marks.push({ end, cursor });
  }

  item_of(stream) {
    return this.streams.get(stream)?.item_id;
  }

  // Code points heard at `position`; null where the packets do not tell.
  heard(stream, position) {
    const marks = this.streams.get(stream)?.marks;
    if (!marks?.length) return null;
    let heard = 0;
    for (const { end, cursor } of marks) {
      heard = cursor;             // a packet that is playing counts: its word is being said
      if (end >= position) break;
    }
    return heard;
  }

  forget(stream) {
    this.streams.delete(stream);
  }
}

// A text in two: what was heard of it, when that is its first `count` code points, and the rest. A word that has begun is
// heard.
export function split_at(text, count) {
  const points = [...text];
  let end = Math.min(count, points.length);
  if (end > 0) while (end < points.length && points[end - 1] !== ' ' && points[end] !== ' ') ++end;
  return [points.slice(0, end).join(''), points.slice(end).join('')];
}
