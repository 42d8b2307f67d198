// What is to be heard: the speech of one output stream after another, at the sound card's pace.
//
// A stream is held back until `target` is buffered, so that packets may come unevenly; each time it runs dry all the same
// the target grows. Nothing is dropped for being early: the server may send a whole answer at once. Starts, gaps and cuts
// are faded, for a step in the waveform is heard as a click.
const base_ms = 80;
const growth_ms = 20;      // an underrun
const longest_ms = 200;
const fade_in_ms = 5;
const fade_out_ms = 8;

export class PlayoutQueue {
  // `notify` is told {state: 'started' | 'underrun' | 'ended', stream, played}; `played` counts samples of the stream.
  constructor(rate_hz, notify) {
    this.samples_of = (ms) => Math.round((rate_hz * ms) / 1000);
    this.notify = notify;
    this.streams = [];       // the first is the one being heard
    this.flushed = 0;        // streams up to this number are not heard any more
    this.tail = [];          // the last samples of a stream that was cut, fading
  }

  push(stream, samples) {
    if (samples.length === 0) return;
    const entry = this.entry(stream);
    if (!entry) return;
    entry.chunks.push(samples);
    entry.buffered += samples.length;
  }

  // No more samples of it will come.
  end(stream) {
    const entry = this.entry(stream);
    if (entry) entry.ended = true;
  }

  // Stops every stream up to this one. Returns how many samples of it were heard.
  flush(stream) {
    this.flushed = Math.max(this.flushed, stream);
    const playing = this.streams[0];
    if (playing && playing.stream <= stream && playing.running) this.tail = this.fading_tail(playing);
    const entry = this.streams.find((candidate) => candidate.stream === stream);
    this.streams = this.streams.filter((candidate) => candidate.stream > stream);
    return entry ? entry.played : 0;
  }

  // What is playing now, if anything is.
  get playing() {
    const entry = this.streams[0];
    return entry && entry.started ? { stream: entry.stream, played: entry.played, buffered: entry.buffered } : null;
  }

  // Fills one block for the sound card.
  pull(output) {
    output.fill(0);
    this.take_tail(output);
    const entry = this.streams[0];
    if (!entry) return;
    if (!entry.running) {
      if (entry.buffered < entry.target && !entry.ended) return;
      this.start(entry);
    }
    const wanted = Math.min(output.length, entry.buffered);
    const dry = entry.buffered <= output.length;
    this.take(entry, output, wanted, dry && !entry.ended);
    if (!dry) return;
    if (entry.ended) {
      this.streams.shift();
      this.notify({ state: 'ended', stream: entry.stream, played: entry.played });
    } else {
      entry.running = false;
      entry.target = Math.min(entry.target + this.samples_of(growth_ms), this.samples_of(longest_ms));
      this.notify({ state: 'underrun', stream: entry.stream, played: entry.played });
    }
  }

  entry(stream) {
    if (stream <= this.flushed) return null;
    let entry = this.streams.find((candidate) => candidate.stream === stream);
    if (!entry) {
      entry = {
        stream, chunks: [], buffered: 0, played: 0, target: this.samples_of(base_ms),
        started: false,   // something of it was heard
        running: false,   // false: buffering
        faded: 0,         // samples since it began to run
        ended: false,
      };
      this.streams.push(entry);
    }
    return entry;
  }

  start(entry) {
    entry.running = true;
    entry.faded = 0;
    if (!entry.started && entry.buffered > 0) {
      entry.started = true;
      this.notify({ state: 'started', stream: entry.stream, played: 0 });
    }
  }

  take(entry, output, count, fade_out) {
    const fade_in = this.samples_of(fade_in_ms);
    for (let index = 0; index < count; ++index) {
      let gain = Math.min(1, entry.faded++ / fade_in);
      if (fade_out) gain *= (count - index) / count;
      output[index] += gain * this.next(entry);
    }
    entry.played += count;
  }

  next(entry) {
    const chunk = entry.chunks[0];
    entry.at = entry.at ?? 0;
    const sample = chunk[entry.at++];
    --entry.buffered;
    if (entry.at === chunk.length) {
      entry.chunks.shift();
      entry.at = 0;
    }
    return sample;
  }

  fading_tail(entry) {
    const length = Math.min(this.samples_of(fade_out_ms), entry.buffered);
    return Array.from({ length }, (_, index) => this.next(entry) * (1 - (index + 1) / length));
  }

  take_tail(output) {
    const count = Math.min(this.tail.length, output.length);
    for (let index = 0; index < count; ++index) output[index] += this.tail[index];
    this.tail.splice(0, count);
  }
}
