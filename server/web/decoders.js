// Packets of one output stream to samples at the loudspeaker's rate. Both decoders: push(packet), a Uint8Array; finish()
// resolves when all that was pushed has been delivered; deliver(Float32Array) is called as samples come.
import { samples_of } from './pcm.js';
import { Resampler } from './resampler.js';

export const opus_output = { codec: 'opus', sampleRate: 48000, numberOfChannels: 1 };
const packet_us = 20000;

export class OpusSpeech {
  // `preskip`: samples at 48 kHz that the encoder put before the speech.
  constructor({ preskip }, rate_hz, deliver, fail) {
    this.deliver = deliver;
    this.preskip = preskip;
    this.packets = 0;
    this.resampler = null;   // until the first block tells the rate
    this.rate_hz = rate_hz;
    this.decoder = new AudioDecoder({
      output: (data) => this.decoded(data),
      error: (error) => fail(`The Opus decoder stopped: ${error.message}`),
    });
    this.decoder.configure(opus_output);
  }

  push(packet) {
    const timestamp = packet_us * this.packets++;
    this.decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp, duration: packet_us, data: packet }));
  }

  async finish() {
    await this.decoder.flush();
    this.decoder.close();
    if (this.resampler) this.deliver(this.resampler.finish());
  }

  close() {
    if (this.decoder.state !== 'closed') this.decoder.close();
  }

  decoded(data) {
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
    this.resampler ??= new Resampler(data.sampleRate, this.rate_hz);
    const skip = Math.min(samples.length, Math.round((this.preskip * data.sampleRate) / opus_output.sampleRate));
    this.preskip -= (skip * opus_output.sampleRate) / data.sampleRate;
    data.close();
    this.deliver(this.resampler.push(samples.subarray(skip)));
  }
}

export class PcmSpeech {
  constructor({ rate }, rate_hz, deliver) {
    this.resampler = new Resampler(rate, rate_hz);
    this.deliver = deliver;
  }

  push(packet) {
    this.deliver(this.resampler.push(samples_of(packet)));
  }

  async finish() {
    this.deliver(this.resampler.finish());
  }

  close() {}
}
