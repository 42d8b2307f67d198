"""Times the Python reference of Step-Audio 2 at official sizes with random weights, run by a Python that has it: prints one
JSON line {"ms": [...]}, the first run, which warms up, left out.

    PYTHON reference_step_audio_2.py hear|decode|speak [--threads N] [--runs N]

hear    encoder and adaptor on the log-mel of 10 s, float32: transformers' Qwen2AudioEncoder with its fused attention.
decode  one step of the language model with 4 of its 28 layers, embedding and head included, at 512 positions of context,
        bfloat16: transformers' Qwen2ForCausalLM with a cache of keys and values.
speak   one steady chunk of 25 ids and 3 of look-ahead through flow and vocoder, float32: stepaudio2-minicpmo's classes.

scripts/make_parity_data.py describes the environment.
"""
import argparse
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

import torch  # noqa: E402
import transformers  # noqa: E402
from parity.reference import hearing, language, token2wav  # noqa: E402
from parity.reference.speaker import SpeakerPrompt  # noqa: E402

AUDIO = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 1280, "n_audio_head": 20, "n_audio_layer": 32}
ADAPTOR_INNER = 2048
SPEECH_S = 10
TEXT = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 4, "num_attention_heads": 28, "num_key_value_heads": 4,
        "vocab_size": 158720, "max_position_embeddings": 16384, "rms_norm_eps": 1e-6, "rope_theta": 1e6}
CONTEXT = 512
FLOW = {"input_size": 512, "output_size": 80, "spk_embed_dim": 192, "output_type": "mel", "vocab_size": 6561,
        "encoder": {"input_size": 512, "output_size": 512, "input_layer": "linear", "pre_lookahead_len": 3, "num_blocks": 6,
                    "num_up_blocks": 4, "up_stride": 2, "up_scale_factor": 2, "attention_heads": 8,
                    "pos_enc_layer_type": "rel_pos_espnet", "selfattention_layer_type": "rel_selfattn", "key_bias": True,
                    "linear_units": 2048, "dropout_rate": 0.1, "positional_dropout_rate": 0.1, "attention_dropout_rate": 0.1,
                    "normalize_before": True},
        "decoder": {"inference_cfg_rate": 0.7,
                    "estimator": {"in_channels": 320, "out_channels": 80, "mlp_ratio": 4.0, "depth": 16, "num_heads": 8,
                                  "head_dim": 64, "hidden_size": 512}}}
HIFT_CHANNELS = F0_CHANNELS = 512
CHUNKS_BEFORE = 4  # until the caches are trimmed: steady
WEIGHT_RANGE = 0.02


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=["hear", "decode", "speak"])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--prompt-tokens", type=int, default=100, help="speak: length of the voice's prompt, 25 a second")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    with torch.inference_mode():
        run = {"hear": hear, "decode": decode, "speak": lambda: speak(options.prompt_tokens)}[options.what]()
        times = []
        for _ in range(options.runs + 1):
            start = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({"ms": times[1:]}))


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """From a module without memory to one with small random weights: faster than the modules' own initialisation."""
    module.to_empty(device="cpu")
    for parameter in module.parameters():
        parameter.uniform_(-WEIGHT_RANGE, WEIGHT_RANGE)
    return module.eval()


def hear():
    with torch.device("meta"):
        encoder = hearing.make_encoder(AUDIO, attention="sdpa")
        adaptor = hearing.Adaptor(AUDIO["n_audio_state"], ADAPTOR_INNER, TEXT["hidden_size"])
    encoder, adaptor = randomised(encoder), randomised(adaptor)
    mel = hearing.log_mel(torch.randn(SPEECH_S * hearing.RATE_HZ) * 0.1)[None]
    valid = torch.tensor([mel.shape[2] - hearing.NOT_HEARD])
    return lambda: adaptor(hearing.encode(encoder, mel, valid))


def decode():
    config = language.make_config(TEXT, attention="sdpa")
    # The rotary table is no parameter, and needs its values: the rest is made without them.
    with transformers.modeling_utils.no_init_weights():
        model = transformers.Qwen2ForCausalLM(config).to(torch.bfloat16)
    for parameter in model.parameters():
        parameter.uniform_(-WEIGHT_RANGE, WEIGHT_RANGE)
    model.eval()
    cache = transformers.DynamicCache()
    heads, head = config.num_key_value_heads, config.hidden_size // config.num_attention_heads
    for layer in range(config.num_hidden_layers):
        cache.update(*torch.randn(2, 1, heads, CONTEXT, head, dtype=torch.bfloat16), layer)
    token, place = torch.tensor([[1000]]), torch.tensor([CONTEXT])

    def run() -> None:
        cache.crop(CONTEXT)
        model(input_ids=token, past_key_values=cache, cache_position=place, use_cache=True)

    return run


def speak(prompt_tokens: int):
    frames = token2wav.MELS_A_TOKEN * prompt_tokens
    chunk_frames = token2wav.MELS_A_TOKEN * token2wav.CHUNK
    most = frames + token2wav.KEPT_BESIDE_PROMPT + chunk_frames
    model = token2wav.Token2Wav(token2wav.make_flow(FLOW, most), token2wav.make_hift(HIFT_CHANNELS, F0_CHANNELS))
    for parameter in model.flow.decoder.parameters():  # of which some begin as zero
        parameter.uniform_(-WEIGHT_RANGE, WEIGHT_RANGE)
    prompt = SpeakerPrompt(torch.randint(0, FLOW["vocab_size"], (1, prompt_tokens), dtype=torch.int32), torch.randn(1, 192),
                           torch.randn(1, frames, FLOW["output_size"]))
    stream = token2wav.Stream(model, prompt, "reference-py", torch.randn(1, FLOW["output_size"], most).numpy())
    ids = torch.randint(0, FLOW["vocab_size"], (token2wav.CHUNK + token2wav.LOOKAHEAD,)).tolist()
    noise = torch.randn(1, token2wav.SAMPLES_A_FRAME * (chunk_frames + token2wav.MEL_CACHE), token2wav.HARMONICS).numpy()
    first = noise[:, :token2wav.SAMPLES_A_FRAME * chunk_frames]
    for chunk in range(CHUNKS_BEFORE):
        stream.render(ids, False, noise if chunk else first)
    return lambda: stream.render(ids, False, noise)


if __name__ == "__main__":
    main()
