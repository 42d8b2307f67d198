// Changes the sample rate of a stream, block by block. Each output sample is the input under a windowed sinc that cuts off
// just below the lower of the two Nyquist frequencies. With the rates' greatest common divisor taken out, output sample n
// lies at input position n * from / to, so there are `to` different kernels, tabulated once.
const zero_crossings = 16;   // of the sinc on each side
const cutoff_share = 0.94;   // of the lower Nyquist frequency: leaves room for the roll-off

export class Resampler {
  constructor(from_hz, to_hz) {
    const divisor = greatest_common_divisor(from_hz, to_hz);
    this.from = from_hz / divisor;
    this.to = to_hz / divisor;
    const cutoff = cutoff_share * Math.min(1, to_hz / from_hz);
    this.reach = from_hz === to_hz ? 0 : Math.ceil(zero_crossings / cutoff);
    if (this.reach) this.kernels = tabulate(this.to, cutoff, this.reach);
    this.reset();
  }

  reset() {
    this.history = new Float32Array(this.reach);   // silence before the first sample
    this.at = this.reach;                          // input sample at or before the next output sample
    this.phase = 0;                                // and how far behind it that is, in 1/to samples
  }

  // The output for which `input` (a Float32Array) is enough: the last `reach` samples wait for what follows.
  push(input) {
    if (!this.reach) return input;
    const samples = new Float32Array(this.history.length + input.length);
    samples.set(this.history);
    samples.set(input, this.history.length);
    const output = [];
    while (this.at + this.reach < samples.length) {
      output.push(this.under_kernel(samples));
      this.phase += this.from;
      this.at += Math.floor(this.phase / this.to);
      this.phase %= this.to;
    }
    const keep_from = Math.min(samples.length, this.at - this.reach);
    this.history = samples.slice(keep_from);
    this.at -= keep_from;
    return Float32Array.from(output);
  }

  // The rest, once no more input will come; ready for another stream then.
  finish() {
    const output = this.push(new Float32Array(this.reach));
    this.reset();
    return output;
  }

  under_kernel(samples) {
    const kernel = this.kernels[this.phase];
    const first = this.at - this.reach + 1;
    let sum = 0;
    for (let tap = 0; tap < kernel.length; ++tap) sum += kernel[tap] * samples[first + tap];
    return sum;
  }
}

// For each phase, the weights of the samples from reach - 1 before the output's place to reach behind it.
function tabulate(phases, cutoff, reach) {
  return Array.from({ length: phases }, (_, phase) => {
    const kernel = new Float32Array(2 * reach).map((_, tap) => {
      const distance = tap + 1 - reach - phase / phases;
      return sinc(cutoff * distance) * hann(distance / reach);
    });
    const sum = kernel.reduce((total, weight) => total + weight, 0);
    return kernel.map((weight) => weight / sum);   // a constant stays what it is
  });
}

const greatest_common_divisor = (a, b) => (b === 0 ? a : greatest_common_divisor(b, a % b));
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const hann = (x) => (Math.abs(x) >= 1 ? 0 : 0.5 + 0.5 * Math.cos(Math.PI * x));
