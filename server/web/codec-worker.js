// Codecs off the page's thread. Samples pass straight between here and the audio thread; the page sees packets only.
//
//   page -> {rate_hz, capture: port, playback: port}        once
//        -> {input: 'opus' | 'pcm16'}                       the microphone's codec from now on
//        -> {started: native.output_stream.started}         a stream of speech begins
//        -> {stream, packet, end}                           one of its packets
//        -> {drop: stream}                                  streams up to this one are not wanted any more
//   page <- {packet: Uint8Array}                            20 ms of the microphone
//        <- {failure: sentence}
import { OpusSpeech, PcmSpeech } from './decoders.js';
import { OpusPackets, PcmPackets } from './encoders.js';

const speech_of = { opus: OpusSpeech, pcm16: PcmSpeech };
const packets_of = { opus: OpusPackets, pcm16: PcmPackets };

let rate_hz;
let playback;
let microphone;
const speeches = new Map();   // by stream

const fail = (failure) => self.postMessage({ failure });

function open({ rate_hz: rate, capture, playback: port }) {
  rate_hz = rate;
  playback = port;
  capture.onmessage = ({ data: samples }) => microphone?.push(samples);
}

function choose_input(codec) {
  microphone?.close();
  microphone = new packets_of[codec](rate_hz, (packet) => self.postMessage({ packet }, [packet.buffer]), fail);
}

function start({ stream, codec, rate, preskip }) {
  const deliver = (samples) => playback.postMessage({ stream, samples }, [samples.buffer]);
  speeches.set(stream, new speech_of[codec]({ rate, preskip }, rate_hz, deliver, fail));
}

async function take({ stream, packet, end }) {
  const speech = speeches.get(stream);
  if (!speech) return;
  if (packet.length) speech.push(packet);
  if (!end) return;
  speeches.delete(stream);
  await speech.finish();
  playback.postMessage({ stream, end: true });
}

function drop(last) {
  for (const [stream, speech] of speeches) {
    if (stream > last) continue;
    speech.close();
    speeches.delete(stream);
  }
}

self.onmessage = ({ data }) => {
  if (data.rate_hz) open(data);
  else if (data.input) choose_input(data.input);
  else if (data.started) start(data.started);
  else if (data.drop) drop(data.drop);
  else take(data).catch((error) => fail(`Speech could not be decoded: ${error.message}`));
};
