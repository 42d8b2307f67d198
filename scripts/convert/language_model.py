"""Converts an instruct model of the Llama or Qwen2 architecture into the folder `brain/` of a bundle.

    config.json         the fields of the official config.json that the engine reads, the chat template by name,
                        the sampling that the model's makers advise
    model.safetensors   tensors by their official names; matrices as they came (float32, float16, bfloat16, or groups of
                        4 or 8 bits, see weight_groups.py), or rounded with --dtype
    tokenizer.json      Hugging Face's, or one with the same content made from a GGUF file

The source is an official folder (config.json, *.safetensors, tokenizer.json, tokenizer_config.json) or a GGUF file (Q4_1,
Q8_0, F16, F32), or a folder that holds one. Needs numpy and, for GGUF, the package gguf.

    python scripts/convert/language_model.py SOURCE OUT [--dtype keep|int8|int4]
"""
import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import chat_templates  # noqa: E402
import tensor_file  # noqa: E402
import weight_groups  # noqa: E402

ARCHITECTURES = ("LlamaForCausalLM", "Qwen2ForCausalLM")
CONFIG_FIELDS = ("architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                 "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps",
                 "rope_theta", "rope_scaling", "tie_word_embeddings", "attention_bias", "mlp_bias", "bos_token_id",
                 "eos_token_id")
UNSUPPORTED = {"use_sliding_window": False, "hidden_act": "silu", "mlp_bias": False}  # other values change the network
# The model card of SmolLM2-Instruct advises temperature 0.2 and top-p 0.9; the penalty keeps a model this small from
# repeating itself.
DEFAULT_SAMPLING = {"temperature": 0.2, "top_p": 0.9, "top_k": 0, "repetition_penalty": 1.1}


def convert(source_dir, out_dir, progress=lambda sentence: None, dtype="keep"):
    """Writes the three files into out_dir; answers their total size in bytes. Raises ValueError with a sentence."""
    source, out_dir = pathlib.Path(source_dir), pathlib.Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    gguf = find_gguf(source)
    if gguf is not None:
        from gguf_checkpoint import GgufCheckpoint  # official folders convert without the package
        checkpoint = GgufCheckpoint(gguf)
    else:
        checkpoint = OfficialFolder(source)

    progress("language model: tokenizer")
    config = checkpoint.config()
    config["chat_template"] = chat_templates.recognize(checkpoint.chat_template(), source)
    config.setdefault("sampling", DEFAULT_SAMPLING)
    write_json(out_dir / "tokenizer.json", checkpoint.tokenizer())

    progress("language model: weights")
    tensors = checkpoint.tensors()
    if dtype != "keep":
        tensors = quantized(tensors, dtype)
    tensor_file.write(out_dir / "model.safetensors", tensors, progress)
    write_json(out_dir / "config.json", config, indent=2)
    return sum(path.stat().st_size for path in out_dir.iterdir())


class OfficialFolder:
    """config.json, safetensors and tokenizer files as model makers publish them."""

    def __init__(self, folder):
        self.folder = folder
        self.source = self.read("config.json")
        if not set(self.source.get("architectures", [])) & set(ARCHITECTURES):
            raise ValueError(f"{folder} is a model of the architecture {self.source.get('architectures')}; "
                             f"{' and '.join(ARCHITECTURES)} can be converted")
        for field, expected in UNSUPPORTED.items():
            if self.source.get(field, expected) != expected:
                raise ValueError(f"{folder}/config.json: {field} is {self.source[field]!r}; only {expected!r} is supported")

    def read(self, name, optional=False):
        path = self.folder / name
        if not path.is_file():
            if optional:
                return {}
            raise ValueError(f"{path} is missing; the folder should hold config.json, *.safetensors and tokenizer.json")
        return json.loads(path.read_text(encoding="utf-8"))

    def config(self):
        config = {field: self.source[field] for field in CONFIG_FIELDS if field in self.source}
        rope = self.source.get("rope_parameters") or {}  # transformers 5 keeps both in one field
        if rope:
            config["rope_theta"] = rope["rope_theta"]
            config["rope_scaling"] = {key: value for key, value in rope.items() if key != "rope_theta"}
        generation = self.read("generation_config.json", optional=True)
        if "eos_token_id" in generation:  # often lists more tokens that end an answer
            config["eos_token_id"] = generation["eos_token_id"]
        if generation.get("do_sample") or "temperature" in generation:
            config["sampling"] = {key: generation.get(key, neutral) for key, neutral in
                                  (("temperature", 1.0), ("top_p", 1.0), ("top_k", 0), ("repetition_penalty", 1.0))}
        return config

    def chat_template(self):
        separate = self.folder / "chat_template.jinja"
        if separate.is_file():
            return separate.read_text(encoding="utf-8")
        template = self.read("tokenizer_config.json").get("chat_template", "")
        if isinstance(template, list):  # several by name
            template = {entry["name"]: entry["template"] for entry in template}.get("default", "")
        return template

    def tensors(self):
        files = sorted(self.folder.glob("*.safetensors"))
        if not files:
            raise ValueError(f"{self.folder} holds no .safetensors file")
        index = self.read("model.safetensors.index.json", optional=True)
        if index:
            files = [self.folder / name for name in sorted(set(index["weight_map"].values()))]
        tensors = {}
        for file in files:
            tensors.update(tensor_file.read(file))
        tied = self.source.get("tie_word_embeddings", False)
        return {name: tensor for name, tensor in tensors.items()
                if not name.endswith("rotary_emb.inv_freq") and not (tied and name == "lm_head.weight")}

    def tokenizer(self):
        return self.read("tokenizer.json")


def find_gguf(source):
    if source.is_file() and source.suffix == ".gguf":
        return source
    if source.is_dir() and not (source / "config.json").is_file():
        found = sorted(source.glob("*.gguf"))
        if len(found) == 1:
            return found[0]
        raise ValueError(f"{source} holds neither config.json nor exactly one .gguf file")
    if not source.exists():
        raise ValueError(f"{source} does not exist")
    return None


def quantized(tensors, dtype):
    """Rounds the float matrices, all but those whose rows are no multiple of a group."""
    result = {}
    for name, tensor in tensors.items():
        is_matrix = len(tensor.shape) == 2 and tensor.dtype in ("F32", "F16", "BF16") and name.endswith(".weight")
        if not is_matrix or tensor.shape[1] % weight_groups.GROUP:
            result[name] = tensor
            continue
        # 4 bits are too few for the embedding, which is also the output matrix where the two are tied.
        coarse = "int8" if "embed_tokens" in name or name.startswith("lm_head") else dtype
        base = name.removesuffix(".weight")
        result.update(weight_groups.tensors(base, weight_groups.quantize(tensor.floats(), coarse)))
    return result


def write_json(path, value, indent=None):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--dtype", choices=("keep", "int8", "int4"), default="keep")
    arguments = parser.parse_args()
    try:
        size = convert(arguments.source, arguments.out, lambda sentence: print(sentence, file=sys.stderr), arguments.dtype)
    except ValueError as error:
        sys.exit(f"error: {error}")
    print(f"{size / 1e6:.1f} MB in {arguments.out}")


if __name__ == "__main__":
    main()
