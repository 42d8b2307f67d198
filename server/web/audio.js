// Microphone and loudspeaker: the audio graph and the codec worker.
//
//   microphone -> capture-worklet -> codec-worker -> on_packet(Uint8Array)
//   start_stream, take_packet     -> codec-worker -> playback-worklet -> loudspeaker
import { units_per_ms } from './frames.js';

const sound_off = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const sound_on = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

// `handlers`: on_packet(bytes), on_input_level(peak), on_output_level(peak), on_playback({state, stream, position}),
// on_microphone_lost(), on_failure(sentence). Positions count units of 1/48000 s that have reached the ear.
export class Audio {
  constructor(handlers) {
    this.handlers = handlers;
    this.heard = { samples: 0, energy: 0 };   // at the output worklet, for whoever measures
    this.now = { stream: 0, position: 0, buffered_ms: 0 };
  }

  // To be called while a click or key press is handled: browsers let nothing sound before one.
  async open() {
    this.context = new AudioContext({ latencyHint: 'interactive' });
    const running = this.context.resume();
    await Promise.all(['capture', 'playback'].map((name) => this.context.audioWorklet.addModule(`/${name}-worklet.js`)));
    await running;
    this.worker = new Worker('/codec-worker.js', { type: 'module' });
    this.worker.onmessage = ({ data }) => {
      if (data.packet) this.handlers.on_packet(data.packet);
      if (data.failure) this.handlers.on_failure(data.failure);
    };
    this.worker.onerror = ({ message }) => this.handlers.on_failure(`The codec worker stopped: ${message}`);
    this.capture = new AudioWorkletNode(this.context, 'capture', { channelCount: 1, channelCountMode: 'explicit' });
    this.playback = new AudioWorkletNode(this.context, 'playback', { numberOfInputs: 0, outputChannelCount: [2] });
    const ports = { capture: new MessageChannel(), playback: new MessageChannel() };
    for (const [name, { port1, port2 }] of Object.entries(ports)) {
      this[name].port.postMessage({ connect: port1 }, [port1]);
      ports[name] = port2;
    }
    this.worker.postMessage({ rate_hz: this.context.sampleRate, ...ports }, Object.values(ports));
    this.capture.port.onmessage = ({ data }) => this.handlers.on_input_level(data.peak);
    this.playback.port.onmessage = ({ data }) => this.on_playback(data);
    this.capture.connect(this.context.destination);   // silent; what is not connected may not be run
    this.playback.connect(this.context.destination);
  }

  // `raw` leaves the sound as the microphone gives it.
  async open_microphone({ raw = false } = {}) {
    const wanted = { channelCount: 1, ...(raw ? sound_off : sound_on) };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    this.track = this.stream.getAudioTracks()[0];
    this.track.onended = () => this.handlers.on_microphone_lost();
    this.source = this.context.createMediaStreamSource(this.stream);
    this.source.connect(this.capture);
  }

  close_microphone() {
    this.source?.disconnect();
    if (this.track) this.track.onended = null;
    this.track?.stop();
    this.source = this.track = this.stream = null;
  }

  set muted(muted) {
    if (this.track) this.track.enabled = !muted;
  }

  choose_input(codec) {
    this.worker.postMessage({ input: codec });
  }

  start_stream({ stream, codec, rate, preskip }) {
    this.worker.postMessage({ started: { stream, codec, rate, preskip } });
  }

  take_packet(stream, packet, end) {
    this.worker.postMessage({ stream, packet, end });
  }

  // Stops all streams up to this one; on_playback tells 'flushed' with how much of it was heard.
  flush(stream) {
    this.worker.postMessage({ drop: stream });
    this.playback.port.postMessage({ flush: stream });
  }

  // A phone call or the lock screen may have stopped the context.
  wake() {
    if (this.context && this.context.state !== 'running') return this.context.resume();
  }

  async close() {
    this.close_microphone();
    for (const node of [this.capture, this.playback]) if (node) node.port.onmessage = null;
    this.worker?.terminate();
    await this.context?.close();
  }

  get latency_ms() {
    return 1000 * (this.context.outputLatency || this.context.baseLatency || 0);
  }

  on_playback({ state, stream, played, buffered, peak, heard, energy }) {
    const ms = (samples) => (1000 * samples) / this.context.sampleRate;
    const position = Math.max(0, Math.round(units_per_ms * (ms(played) - (state === 'ended' ? 0 : this.latency_ms))));
    if (state) return this.handlers.on_playback({ state, stream, position });
    this.now = { stream, position, buffered_ms: ms(buffered) };
    this.heard = { samples: heard, energy };
    this.handlers.on_output_level(peak);
  }
}
