// Microphone samples to packets of 20 ms. Both encoders: push(Float32Array at the rate given), then deliver(packet, gap) is
// called with a Uint8Array and whether audio was left out before it.
import { pcm16_of } from './pcm.js';
import { Resampler } from './resampler.js';

export const opus_input = {
  codec: 'opus',
  sampleRate: 48000,
  numberOfChannels: 1,
  bitrate: 24000,
  opus: { format: 'opus', frameDuration: 20000, complexity: 5, usedtx: false, useinbandfec: false },
};
export const pcm_input_hz = 16000;

export class OpusPackets {
  constructor(rate_hz, deliver, fail) {
    this.resampler = new Resampler(rate_hz, opus_input.sampleRate);
    this.encoder = new AudioEncoder({
      output: (chunk) => {
        const packet = new Uint8Array(chunk.byteLength);
        chunk.copyTo(packet);
        deliver(packet);
      },
      error: (error) => fail(`The microphone's Opus encoder stopped: ${error.message}`),
    });
    this.encoder.configure(opus_input);
    this.samples = 0;
  }

  push(input) {
    const data = this.resampler.push(input);
    if (data.length === 0) return;
    const audio = new AudioData({
      format: 'f32-planar',
      sampleRate: opus_input.sampleRate,
      numberOfChannels: 1,
      numberOfFrames: data.length,
      timestamp: Math.round((this.samples * 1e6) / opus_input.sampleRate),
      data,
    });
    this.samples += data.length;
    this.encoder.encode(audio);
    audio.close();
  }

  close() {
    if (this.encoder.state !== 'closed') this.encoder.close();
  }
}

export class PcmPackets {
  constructor(rate_hz, deliver) {
    this.resampler = new Resampler(rate_hz, pcm_input_hz);
    this.deliver = deliver;
    this.packet = new Float32Array(pcm_input_hz / 50);
    this.filled = 0;
  }

  push(input) {
    for (const sample of this.resampler.push(input)) {
      this.packet[this.filled++] = sample;
      if (this.filled === this.packet.length) {
        this.deliver(pcm16_of(this.packet));
        this.filled = 0;
      }
    }
  }

  close() {}
}
