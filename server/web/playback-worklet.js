// The loudspeaker's side of the audio thread. Samples come by a port of their own from the codec worker; the page's port
// carries orders and news.
//
//   worker -> {stream, samples} | {stream, end: true}
//   page   -> {connect: port} | {flush: stream}
//   page   <- {state: 'started' | 'underrun' | 'ended' | 'flushed', stream, played}   at once
//          <- {stream, played, buffered, peak, heard, energy}                         every 20 ms
//
// `heard` counts the samples above silence since the beginning and `energy` sums their squares.
import { PlayoutQueue } from './playout_queue.js';

const report_s = 0.02;
const silence = 1e-4;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = new PlayoutQueue(sampleRate, (news) => this.port.postMessage(news));
    this.heard = 0;
    this.energy = 0;
    this.peak = 0;
    this.unreported = 0;
    this.port.onmessage = ({ data }) => {
      if (data.connect) data.connect.onmessage = ({ data: audio }) => this.receive(audio);
      if (data.flush) {
        const played = this.queue.flush(data.flush);
        this.port.postMessage({ state: 'flushed', stream: data.flush, played });
      }
    };
  }

  receive({ stream, samples, end }) {
    if (samples) this.queue.push(stream, samples);
    if (end) this.queue.end(stream);
  }

  process(_, [channels]) {
    this.queue.pull(channels[0]);
    for (let other = 1; other < channels.length; ++other) channels[other].set(channels[0]);
    this.measure(channels[0]);
    return true;
  }

  measure(samples) {
    for (const sample of samples) {
      const level = Math.abs(sample);
      if (level > silence) ++this.heard;
      if (level > this.peak) this.peak = level;
      this.energy += sample * sample;
    }
    this.unreported += samples.length;
    if (this.unreported < report_s * sampleRate) return;
    const { stream = 0, played = 0, buffered = 0 } = this.queue.playing ?? {};
    this.port.postMessage({ stream, played, buffered, peak: this.peak, heard: this.heard, energy: this.energy });
    this.unreported = 0;
    this.peak = 0;
  }
}

registerProcessor('playback', Playback);
