// The microphone's side of the audio thread: gathers 20 ms and hands them to the codec worker by a port of its own; the
// page gets the level.
//
//   page   -> {connect: port}
//   worker <- Float32Array of 20 ms at the context's rate, mono
//   page   <- {peak} for each of them
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(Math.round(sampleRate / 50));
    this.filled = 0;
    this.port.onmessage = ({ data }) => {
      this.worker = data.connect;
    };
  }

  process([channels]) {
    const samples = channels[0];
    if (!samples) return true;   // no microphone is connected now
    for (const sample of samples) {
      this.block[this.filled++] = sample;
      if (this.filled === this.block.length) this.hand_over();
    }
    return true;
  }

  hand_over() {
    let peak = 0;
    for (const sample of this.block) peak = Math.max(peak, Math.abs(sample));
    this.port.postMessage({ peak });
    const full = this.block;
    this.block = new Float32Array(full.length);
    this.filled = 0;
    this.worker?.postMessage(full, [full.buffer]);
  }
}

registerProcessor('capture', Capture);
