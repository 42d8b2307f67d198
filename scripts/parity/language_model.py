"""Golden data of the language model: transformers' Qwen2 with untied output, in float32, from weights made by a formula.

Writes language_model.safetensors. "tiny" is a whole small model:
    tiny.ids        int32 [24], a prompt; at the places 5 to 11 rows stand in for embeddings, values(ROWS_SEED, ..., 0.5)
    tiny.logits     float32 [24, vocabulary]
    tiny.greedy     int32 [24], the likeliest ids after it, by a model that keeps keys and values
    tiny.scores     float32 [24], the natural logarithms of their probabilities
"wide" is one layer of the official width, whose input is rows alone, values(WIDE_ROWS_SEED, ..., 1):
    wide.logits     float32 [6, vocabulary]
The tests make the same weights: tensor number i of `tensors` is values(seed + i, shape, scale) + offset.
"""
import pathlib

import numpy
import torch
from safetensors.numpy import save_file
from transformers import DynamicCache, Qwen2Config, Qwen2ForCausalLM

from .formula import values

TINY_SEED, ROWS_SEED, WIDE_SEED, WIDE_ROWS_SEED = 100, 90, 200, 91
ROWS = range(5, 12)
TINY = dict(vocab_size=320, hidden_size=96, intermediate_size=160, num_hidden_layers=2, num_attention_heads=6,
            num_key_value_heads=2, max_position_embeddings=128)
WIDE = dict(vocab_size=64, hidden_size=3584, intermediate_size=18944, num_hidden_layers=1, num_attention_heads=28,
            num_key_value_heads=4, max_position_embeddings=128)


def tensors(config) -> list[tuple[str, tuple[int, ...], float, float]]:
    """Name, shape, scale and offset of each tensor, in the order of their seeds."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    keys = hidden // config["num_attention_heads"] * config["num_key_value_heads"]

    def matrix(name, out, width):
        return name, (out, width), (3.0 / width) ** 0.5, 0.0

    listed = [("model.embed_tokens.weight", (config["vocab_size"], hidden), 1.0, 0.0)]
    for index in range(config["num_hidden_layers"]):
        layer = f"model.layers.{index}."
        listed += [(layer + "input_layernorm.weight", (hidden,), 0.3, 1.0)]
        for name, out in (("q", hidden), ("k", keys), ("v", keys)):
            listed += [matrix(f"{layer}self_attn.{name}_proj.weight", out, hidden),
                       (f"{layer}self_attn.{name}_proj.bias", (out,), 0.5, 0.0)]
        listed += [matrix(layer + "self_attn.o_proj.weight", hidden, hidden),
                   (layer + "post_attention_layernorm.weight", (hidden,), 0.3, 1.0),
                   matrix(layer + "mlp.gate_proj.weight", inner, hidden), matrix(layer + "mlp.up_proj.weight", inner, hidden),
                   matrix(layer + "mlp.down_proj.weight", hidden, inner)]
    return listed + [("model.norm.weight", (hidden,), 0.3, 1.0), matrix("lm_head.weight", config["vocab_size"], hidden)]


def model(config, seed) -> Qwen2ForCausalLM:
    made = Qwen2ForCausalLM(Qwen2Config(**config, rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=False,
                                        use_sliding_window=False, attn_implementation="eager")).eval()
    state = {name: torch.from_numpy(values(seed + index, shape, scale) + numpy.float32(offset))
             for index, (name, shape, scale, offset) in enumerate(tensors(config))}
    made.load_state_dict(state, strict=True)
    return made


@torch.inference_mode()
def make(folder: pathlib.Path) -> None:
    tiny = model(TINY, TINY_SEED)
    ids = torch.from_numpy((numpy.arange(24) * 67 + 11) % TINY["vocab_size"])[None]
    embedded = tiny.model.embed_tokens(ids)
    embedded[0, ROWS.start:ROWS.stop] = torch.from_numpy(values(ROWS_SEED, (len(ROWS), TINY["hidden_size"]), 0.5))
    cache = DynamicCache()
    whole = tiny(inputs_embeds=embedded, past_key_values=cache, use_cache=True).logits[0]
    greedy, scores, last = [], [], whole[-1]
    for _ in range(24):
        greedy.append(int(last.argmax()))
        scores.append(float(torch.log_softmax(last.double(), -1)[greedy[-1]]))
        last = tiny(torch.tensor([greedy[-1:]]), past_key_values=cache, use_cache=True).logits[0, -1]
    # The same without a cache, as the reference runs: the cache must change nothing.
    following = torch.cat([embedded, tiny.model.embed_tokens(torch.tensor([greedy]))], 1)
    apart = (tiny(inputs_embeds=following, use_cache=False).logits[0, -1] - last).abs().max()
    if apart > 1e-4:
        raise RuntimeError(f"with and without a cache the logits differ by {apart}")

    wide = model(WIDE, WIDE_SEED)
    rows = torch.from_numpy(values(WIDE_ROWS_SEED, (6, WIDE["hidden_size"]), 1.0))[None]
    save_file({"tiny.ids": ids[0].numpy().astype(numpy.int32), "tiny.logits": whole.numpy(),
               "tiny.greedy": numpy.array(greedy, numpy.int32), "tiny.scores": numpy.array(scores, numpy.float32),
               "wide.logits": wide(inputs_embeds=rows, use_cache=False).logits[0].numpy()},
              folder / "language_model.safetensors")
