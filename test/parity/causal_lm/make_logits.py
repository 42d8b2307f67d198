"""Writes what Hugging Face's transformers computes, in float32 and from the same dequantised weights, for
test/engine/models/causal_lm/parity_test.cpp.

    pip install torch==2.11.0 transformers==4.57.1 numpy safetensors        # the CPU is enough
    python make_logits.py ../../../.deps/starter/brain

smollm2.safetensors    for three prompts p: `p.prompt` ids; `p.first.ids`, `p.first.logits` the 200 likeliest tokens after
                       it and 200 others; `p.tokens` 64 greedy tokens; `p.last.*` as p.first, after these
tiny_llama/            small random checkpoints in the official layouts, converted by scripts/convert/language_model.py:
tiny_qwen2/            untied, with Llama 3's rope scaling, bfloat16; tied, with biases, float16;
tiny_llama_int4/       the same Llama in groups of 4 bits.
                       expected.safetensors: `prompt`; `positions` in it and the `logits` there [positions, vocabulary]; `tokens`
                       16 greedy ones after it
"""
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts" / "convert"))
import language_model  # noqa: E402
import tensor_file  # noqa: E402
import weight_groups  # noqa: E402

PROMPTS = {
    "question": "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
                "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
    "story": "<|im_start|>system\nYou answer in a few short sentences.<|im_end|>\n<|im_start|>user\nTell me a story about a "
             "lighthouse keeper and a whale.<|im_end|>\n<|im_start|>assistant\nOnce upon a time,",
    "plain": "The most important thing to know about the weather in the mountains is that",
}
GREEDY, LIKELIEST, OTHERS = 64, 200, 200


def raw(tensor):
    return tensor.load().view(tensor_file.NUMPY_OF[tensor.dtype]).reshape(tensor.shape)


def converted_weights(folder):
    """The tensors of a bundle's brain as float32, groups dequantised, by the official names."""
    tensors = {name: (tensor.floats() if tensor.dtype in ("F32", "F16", "BF16") else raw(tensor))
               for name, tensor in tensor_file.read(folder / "model.safetensors").items()}
    weights = {}
    for name, values in tensors.items():
        base, kind = name.rsplit(".", 1)
        if kind in ("scale", "min"):
            continue
        parts = {part: tensors[f"{base}.{part}"] for part in ("weight", "scale", "min") if f"{base}.{part}" in tensors}
        weights[name] = weight_groups.dequantize(parts) if kind == "weight" and "scale" in parts else values
    return weights


def reference(folder):
    config = json.loads((folder / "config.json").read_text())
    kind, model_kind = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen2": (Qwen2Config, Qwen2ForCausalLM)}[
        config["model_type"]]
    fields = {key: value for key, value in config.items() if key not in ("chat_template", "sampling", "architectures")}
    model = model_kind(kind(**fields, attn_implementation="eager")).to(torch.float32).eval()
    weights = {name: torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
               for name, values in converted_weights(folder).items()}
    if config.get("tie_word_embeddings"):
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights, strict=True)
    return model


@torch.inference_mode()
def logits_of(model, ids):
    return model(torch.tensor([ids])).logits[0].numpy()


@torch.inference_mode()
def greedy(model, prompt, count):
    ids, past, tokens = torch.tensor([prompt]), None, []
    for _ in range(count):
        out = model(ids, past_key_values=past, use_cache=True)
        past, token = out.past_key_values, int(out.logits[0, -1].argmax())
        tokens.append(token)
        ids = torch.tensor([[token]])
    return tokens


def some_logits(logits, random):
    likeliest = np.argsort(-logits, kind="stable")[:LIKELIEST]
    ids = np.concatenate([likeliest, random.choice(len(logits), OTHERS, replace=False)]).astype(np.int32)
    return {"ids": ids, "logits": logits[ids].astype(np.float32)}


def write_smollm2(brain):
    model, tokenizer = reference(brain), Tokenizer.from_file(str(brain / "tokenizer.json"))
    random, result = np.random.default_rng(1), {}
    for name, text in PROMPTS.items():
        prompt = tokenizer.encode(text, add_special_tokens=False).ids
        tokens = greedy(model, prompt, GREEDY)
        rows = logits_of(model, prompt + tokens)
        result[f"{name}.prompt"] = np.array(prompt, dtype=np.int32)
        result[f"{name}.tokens"] = np.array(tokens, dtype=np.int32)
        for place, row in (("first", rows[len(prompt) - 1]), ("last", rows[-1])):
            for kind, values in some_logits(row, random).items():
                result[f"{name}.{place}.{kind}"] = values
        print(name, repr(tokenizer.decode(tokens)))
        margins = np.sort(rows[len(prompt) - 1:-1], axis=-1)
        print("  smallest lead of a greedy token:", float((margins[:, -1] - margins[:, -2]).min()))
    save_file(result, HERE / "smollm2.safetensors")


def byte_tokenizer(specials):
    """Byte-level, without merges: every byte is a token."""
    alphabet = [chr(byte) if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte <= 255 else None for byte in range(256)]
    free = iter(range(256, 512))
    alphabet = [char or chr(next(free)) for char in alphabet]
    added = [{"id": 256 + place, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for place, token in enumerate(specials)]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"version": "1.0", "added_tokens": added, "normalizer": None, "pre_tokenizer": level, "decoder": level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "byte_fallback": False, "ignore_merges": False,
                      "vocab": {char: byte for byte, char in enumerate(alphabet)}, "merges": []}}


def write_tiny(name, model, dtype, specials, template, convert="keep"):
    """Saves an official folder, converts it, and writes what the reference makes of the converted weights."""
    with tempfile.TemporaryDirectory() as official:
        official = pathlib.Path(official)
        model.to(dtype).save_pretrained(official)
        (official / "tokenizer.json").write_text(json.dumps(byte_tokenizer(specials)), encoding="utf-8")
        (official / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}), encoding="utf-8")
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        language_model.convert(official, folder, dtype=convert)
    converted = reference(folder)
    prompt = np.random.default_rng(2).integers(0, 256, 37).tolist()
    positions = np.array([0, 1, 15, 16, len(prompt) - 1], dtype=np.int32)
    save_file({"prompt": np.array(prompt, dtype=np.int32), "positions": positions,
               "logits": np.ascontiguousarray(logits_of(converted, prompt)[positions]),
               "tokens": np.array(greedy(converted, prompt, 16), dtype=np.int32)}, folder / "expected.safetensors")


def random_model(kind, config, seed):
    """Weights large enough that every part of the network shows in the logits."""
    torch.manual_seed(seed)
    model = kind(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            else:
                parameter.copy_(torch.randn_like(parameter) * (0.5 if name.endswith("bias") else 0.15))
    return model


def write_tiny_checkpoints():
    sizes = {"vocab_size": 272, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "max_position_embeddings": 128}
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32}
    llama = LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=2, head_dim=16, rope_theta=5000.0, rope_scaling=scaling,
                        rms_norm_eps=1e-5, tie_word_embeddings=False, bos_token_id=256, eos_token_id=[257, 260])
    llama_specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    llama_template = "<|start_header_id|>{{ role }}<|end_header_id|>\n\n{{ content }}<|eot_id|>"
    write_tiny("tiny_llama", random_model(LlamaForCausalLM, llama, 3), torch.bfloat16, llama_specials, llama_template)
    write_tiny("tiny_llama_int4", random_model(LlamaForCausalLM, llama, 3), torch.float32, llama_specials, llama_template,
               convert="int4")
    qwen2 = Qwen2Config(**sizes, num_attention_heads=2, num_key_value_heads=1, rope_theta=10000.0, rms_norm_eps=1e-6, tie_word_embeddings=True,
                        bos_token_id=256, eos_token_id=258)
    write_tiny("tiny_qwen2", random_model(Qwen2ForCausalLM, qwen2, 4), torch.float16,
               ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
               "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user")


if __name__ == "__main__":
    torch.set_num_threads(1)
    write_tiny_checkpoints()
    write_smollm2(pathlib.Path(sys.argv[1]))
