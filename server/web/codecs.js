// Which codec each direction can use here: Opus where the browser's WebCodecs have it, else PCM.
import { opus_output } from './decoders.js';
import { opus_input, pcm_input_hz } from './encoders.js';

const pcm_output_hz = 24000;

const supports = async (codec, config) => {
  try {
    return (await codec.isConfigSupported(config)).supported === true;
  } catch {
    return false;   // no such codec, or a description it does not understand: both mean no
  }
};

// `wanted` ("opus", "pcm16" or null) leaves nothing to find out where it says pcm16.
export async function choose_codecs(wanted) {
  if (wanted === 'pcm16') return { input: 'pcm16', output: 'pcm16' };
  const [encodes, decodes] = await Promise.all([
    supports(globalThis.AudioEncoder, opus_input),
    supports(globalThis.AudioDecoder, opus_output),
  ]);
  return { input: encodes ? 'opus' : 'pcm16', output: decodes ? 'opus' : 'pcm16' };
}

// What `session.native` says for them.
export function native_parameters({ input, output }) {
  return {
    input: { codec: input, rate: input === 'opus' ? opus_input.sampleRate : pcm_input_hz },
    output: { codec: output, rate: pcm_output_hz },
  };
}
