"""Writes a tiny random Whisper checkpoint in the official layout: config.json, model.safetensors, tokenizer.json and
generation_config.json. Needs numpy.

    python make_tiny_checkpoint.py OUT multilingual|english|large-v3
"""
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[4] / "scripts" / "convert"))
import tensor_file  # noqa: E402
import whisper  # noqa: E402

BYTES = 256  # the words of the tiny vocabulary: one for each byte
LANGUAGES = ["en", "zh", "de", "es"]


def byte_alphabet():
    """GPT-2's printable character for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def tokenizer(kind):
    special = ["<|endoftext|>", "<|startoftranscript|>"]
    if kind != "english":
        languages = LANGUAGES + (["yue"] if kind == "large-v3" else [])
        special += [f"<|{language}|>" for language in languages] + ["<|translate|>", "<|transcribe|>"]
    special += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>" if kind == "large-v3" else "<|nocaptions|>",
                "<|notimestamps|>"]
    added = [{"id": BYTES + i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, content in enumerate(special)]
    return {"version": "1.0", "added_tokens": added,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": {token: id for id, token in enumerate(byte_alphabet())}, "merges": []}}


def main():
    out, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
    out.mkdir(parents=True, exist_ok=True)
    words = tokenizer(kind)
    config = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "d_model": 64,
              "num_mel_bins": 128 if kind == "large-v3" else 80, "vocab_size": BYTES + len(words["added_tokens"]),
              "max_source_positions": 1500, "max_target_positions": 448, "encoder_layers": 2, "decoder_layers": 2,
              "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 128,
              "decoder_ffn_dim": 128, "activation_function": "gelu", "scale_embedding": False}
    random = np.random.default_rng(3)
    dtype = np.float16 if kind == "large-v3" else np.float32
    tensors = {name: tensor_file.Tensor.of((random.standard_normal(shape) * (1 if len(shape) == 1 else shape[-1] ** -0.5))
                                           .astype(dtype))
               for name, shape in whisper.expected_shapes(config).items()}
    tensor_file.write(out / "model.safetensors", tensors)
    (out / "config.json").write_text(json.dumps(config))
    (out / "tokenizer.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    (out / "generation_config.json").write_text(json.dumps(
        {"suppress_tokens": [7, 9], "begin_suppress_tokens": [220, BYTES]}))


if __name__ == "__main__":
    main()
