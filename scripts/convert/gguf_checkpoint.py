"""Reads a GGUF file (llama.cpp's format) of the Llama or Qwen2 architecture as what an official folder holds: the fields of
config.json, tensors by Hugging Face's names, and a tokenizer.json."""
import numpy as np
from gguf import GGMLQuantizationType, GGUFReader

import weight_groups
from tensor_file import Tensor

NAMES = {  # inside a block
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
TOP_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
# What tokenizer.ggml.pre stands for, as the official tokenizers of these models say it.
QWEN2_WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
               r"|\s+(?!\S)|\s+")
LLAMA3_WORDS = QWEN2_WORDS.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def split_by(pattern):
    return {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
        {**BYTE_LEVEL, "use_regex": False}]}


PRE_TOKENIZERS = {
    "smollm": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True},
                                                     {**BYTE_LEVEL, "use_regex": True}]},
    "gpt-2": {**BYTE_LEVEL, "use_regex": True},
    "qwen2": split_by(QWEN2_WORDS),
    "llama-bpe": split_by(LLAMA3_WORDS),
}
ORDINARY, CONTROL, USER_DEFINED = 1, 3, 4  # token types


class GgufCheckpoint:
    def __init__(self, path):
        self.path = path
        self.reader = GGUFReader(str(path))
        self.fields = {name: field for name, field in self.reader.fields.items()}
        self.architecture = self.field("general.architecture")
        if self.architecture not in ("llama", "qwen2"):
            raise ValueError(f"{path} is a model of the architecture {self.architecture!r}; llama and qwen2 can be converted")
        self.stored = {tensor.name: tensor for tensor in self.reader.tensors}

    def field(self, name, default=None):
        field = self.fields.get(name)
        return default if field is None else field.contents()

    def model_field(self, name, default=None):
        value = self.field(f"{self.architecture}.{name}", default)
        if value is None:
            raise ValueError(f"{self.path} does not say its {self.architecture}.{name}")
        return value

    def config(self):
        heads = self.model_field("attention.head_count")
        width = self.model_field("embedding_length")
        head = self.model_field("attention.key_length", width // heads)
        if self.model_field("rope.dimension_count", head) != head:
            raise ValueError(f"{self.path} rotates only a part of each head, which is not supported")
        if self.field(f"{self.architecture}.rope.scaling.type", "none") not in ("none", ""):
            raise ValueError(f"{self.path} scales its rotary positions, which is supported for official folders only")
        config = {
            "architectures": [{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[self.architecture]],
            "model_type": self.architecture,
            "vocab_size": int(self.stored["token_embd.weight"].shape[1]),
            "hidden_size": width, "intermediate_size": self.model_field("feed_forward_length"),
            "num_hidden_layers": self.model_field("block_count"), "num_attention_heads": heads,
            "num_key_value_heads": self.model_field("attention.head_count_kv", heads), "head_dim": head,
            "max_position_embeddings": self.model_field("context_length"),
            "rms_norm_eps": shortest(self.model_field("attention.layer_norm_rms_epsilon")),
            "rope_theta": shortest(self.model_field("rope.freq_base", 10000.0)),
            "tie_word_embeddings": "output.weight" not in self.stored,
            "attention_bias": "blk.0.attn_q.bias" in self.stored and self.architecture == "llama",
            "bos_token_id": self.field("tokenizer.ggml.bos_token_id"),
            "eos_token_id": self.field("tokenizer.ggml.eos_token_id"),
        }
        if "rope_freqs.weight" in self.stored:  # Llama 3.1's scaling, worked out when the file was made
            factors = self.stored["rope_freqs.weight"].data.astype(np.float32)
            config["rope_frequency_factors"] = [float(factor) for factor in factors]
        return config

    def chat_template(self):
        return self.field("tokenizer.chat_template", "")

    def tensors(self):
        config = self.config()
        tensors = {}
        for stored in self.reader.tensors:
            if stored.name == "rope_freqs.weight":
                continue
            base, kind = stored.name.rsplit(".", 1)
            name = TOP_NAMES.get(base)
            if name is None and base.startswith("blk."):
                _, layer, part = base.split(".", 2)
                name = f"model.layers.{layer}.{NAMES[part]}" if part in NAMES else None
            if name is None:
                raise ValueError(f"{self.path} has the tensor {stored.name}, which these architectures do not know")
            order = self.row_order(base, config)
            if kind == "bias" or len(stored.shape) == 1:
                values = stored.data.astype(np.float32).reshape(-1)
                tensors[f"{name}.{kind}"] = Tensor.of(values if order is None else values[order])
            else:
                tensors.update(matrix(name, stored, order))
        return tensors

    def row_order(self, base, config):
        """Llama's q and k rows were put in pairs (i, i + half a head) for llama.cpp; this puts them back."""
        if self.architecture != "llama" or not base.endswith((".attn_q", ".attn_k")):
            return None
        heads = config["num_attention_heads" if base.endswith("_q") else "num_key_value_heads"]
        head = config["head_dim"]
        return np.arange(heads * head).reshape(heads, head // 2, 2).swapaxes(1, 2).reshape(-1)

    def tokenizer(self):
        if self.field("tokenizer.ggml.model") != "gpt2":
            raise ValueError(f"{self.path} has a tokenizer of kind {self.field('tokenizer.ggml.model')!r}; "
                             "byte-level BPE can be converted")
        pre = self.field("tokenizer.ggml.pre", "gpt-2")
        if pre not in PRE_TOKENIZERS:
            raise ValueError(f"{self.path} splits words as {pre!r}; known are {', '.join(PRE_TOKENIZERS)}")
        tokens, kinds = self.field("tokenizer.ggml.tokens"), self.field("tokenizer.ggml.token_type")
        added = [{"id": id, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                  "normalized": False, "special": kind == CONTROL}
                 for id, (token, kind) in enumerate(zip(tokens, kinds)) if kind in (CONTROL, USER_DEFINED)]
        return {
            "version": "1.0", "added_tokens": added,
            "normalizer": {"type": "NFC"} if pre == "qwen2" else None,
            "pre_tokenizer": PRE_TOKENIZERS[pre],
            "decoder": {**BYTE_LEVEL, "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "byte_fallback": False,
                      "ignore_merges": pre == "llama-bpe",
                      "vocab": {token: id for id, (token, kind) in enumerate(zip(tokens, kinds))},
                      "merges": [merge.split(" ", 1) for merge in self.field("tokenizer.ggml.merges")]},
        }


def shortest(value):
    """A number that was stored as float32, as it was written: 1e-05, not 9.999999747378752e-06."""
    return float(str(np.float32(value)))


def matrix(name, stored, order):
    width, out = (int(size) for size in stored.shape)
    kind = stored.tensor_type
    if kind == GGMLQuantizationType.Q4_1:
        parts = weight_groups.from_q4_1(stored.data, out, width)
    elif kind == GGMLQuantizationType.Q8_0:
        parts = weight_groups.from_q8_0(stored.data, out, width)
    elif kind in (GGMLQuantizationType.F32, GGMLQuantizationType.F16):
        parts = {"weight": stored.data.reshape(out, width)}
    else:
        raise ValueError(f"{stored.name} is stored as {kind.name}; F32, F16, Q8_0 and Q4_1 can be converted")
    return weight_groups.tensors(name, parts if order is None else weight_groups.rows(parts, order))
