// The answers of one session on their way to the ear: what is heard of them, what the transcript shows of it, and what the
// server is told about it.
//
// The server counts a session's streams from 1. The loudspeaker outlives sessions, so its numbers go on from `first`: here
// `stream` is the loudspeaker's number and `stream - first` the server's.
import { Captions } from './captions.js';
import { output_kind, units_per_ms } from './frames.js';

export class Playout {
  // `send(event)` goes to the server. on_sound(): an answer begins to be heard. on_heard(item_id, code_points): so much of an
  // item's text was heard by now. on_change(): `playing` or `coming` is another one.
  constructor(first, { audio, send, on_sound, on_heard, on_change }) {
    Object.assign(this, { first, audio, send, on_sound, on_heard, on_change });
    this.last = first;
    this.coming = 0;     // the stream that is announced and not heard yet
    this.playing = 0;    // the one that is heard
    this.captions = new Captions();
    this.stopped = [];   // who waits for a flush to be done
  }

  // ---- from the server

  start(started) {
    const stream = this.first + started.stream;
    this.last = Math.max(this.last, stream);
    this.coming = stream;
    this.packet_units = started.frame_ms * units_per_ms;
    this.captions.open(stream, started.item_id);
    this.on_heard(started.item_id, 0);
    this.audio.start_stream({ ...started, stream });
  }

  take({ kind, stream: theirs, timestamp, aux, payload, end }) {
    if (kind !== output_kind) return;
    const stream = this.first + theirs;
    this.captions.mark(stream, timestamp + this.packet_units, aux);
    this.audio.take_packet(stream, payload, end);
  }

  flush(theirs) {
    this.audio.flush(this.first + theirs);
  }

  // ---- from the user

  // Nothing more of the answer is heard. Resolves when the server has been told how much was.
  async stop() {
    const stream = this.playing || this.coming;
    if (!stream) return;
    const done = new Promise((resolve) => this.stopped.push(resolve));
    this.audio.flush(stream);
    await done;
  }

  // The session is gone, and so is the rest of what it said.
  abandon() {
    if (this.last > this.first) this.audio.flush(this.last);
    this.playing = this.coming = 0;
    for (const resolve of this.stopped.splice(0)) resolve();
  }

  // ---- from the loudspeaker

  told({ state, stream, position }) {
    if (stream <= this.first) return;
    if (state === 'flushed') {
      this.send({ type: 'native.playback.flushed', stream: stream - this.first, played_ms: ms_of(position) });
      for (const resolve of this.stopped.splice(0)) resolve();
    } else {
      this.report(state, stream, position);
    }
    if (state === 'started') {
      this.playing = stream;
      if (this.coming === stream) this.coming = 0;
      this.on_sound();
    }
    if (state === 'ended' || state === 'flushed') {
      this.show_heard(stream, state === 'ended' ? Infinity : position);
      if (this.playing <= stream) this.playing = 0;
      if (this.coming <= stream) this.coming = 0;
      this.captions.forget(stream);
    }
    this.on_change();
  }

  // What is being heard, by the server's number; stream 0 for silence.
  get now() {
    const { stream, position } = this.audio.now;
    return stream > this.first ? { stream: stream - this.first, position } : { stream: 0, position: 0 };
  }

  // ---- as time goes by

  advance() {
    if (this.playing) this.show_heard(this.playing, this.audio.now.position);
  }

  report_progress() {
    const { stream, position } = this.audio.now;
    if (stream > this.first) this.report('playing', stream, position);
  }

  report(state, stream, position) {
    this.send({
      type: 'native.playback.report',
      stream: stream - this.first,
      state,
      played_ms: ms_of(position),
      buffered_ms: Math.round(this.audio.now.buffered_ms),
    });
  }

  show_heard(stream, position) {
    const item_id = this.captions.item_of(stream);
    if (item_id === undefined) return;
    const heard = position === Infinity ? null : this.captions.heard(stream, position);
    this.on_heard(item_id, heard ?? Infinity);
  }
}

const ms_of = (position) => Math.round(position / units_per_ms);
