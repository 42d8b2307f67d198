"""Reads a Whisper model in CTranslate2's binary format by the names of the official checkpoint.

The file (all numbers little endian; strings are a 16-bit length, the text, a zero byte that the length counts):

    version u32 (6), name of the specification, its revision u32,
    count u32, then each variable: name, rank u8, extents u32, element type u8, bytes u32, data
    count u32, then each alias: name, name of the variable

CTranslate2 keeps the query, key and value projections of a self-attention as one matrix, and the key and value
projections of the attention over the encoder's output as another; the official checkpoint has them apart. The format:
https://github.com/OpenNMT/CTranslate2, python/ctranslate2/specs/model_spec.py and whisper_spec.py."""
import pathlib
import struct

import numpy as np

from tensor_file import Tensor

VERSION = 6
ELEMENT = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
LAYER_PARTS = {"self_attention/layer_norm": "self_attn_layer_norm",
               "self_attention/linear_0": ("self_attn", ("q_proj", "k_proj", "v_proj")),
               "self_attention/linear_1": "self_attn.out_proj",
               "attention/layer_norm": "encoder_attn_layer_norm",
               "attention/linear_0": "encoder_attn.q_proj",
               "attention/linear_1": ("encoder_attn", ("k_proj", "v_proj")),
               "attention/linear_2": "encoder_attn.out_proj",
               "ffn/layer_norm": "final_layer_norm",
               "ffn/linear_0": "fc1",
               "ffn/linear_1": "fc2"}
OTHER_PARTS = {"encoder/conv1": "model.encoder.conv1", "encoder/conv2": "model.encoder.conv2",
               "encoder/layer_norm": "model.encoder.layer_norm", "decoder/layer_norm": "model.decoder.layer_norm"}
MATRICES = {"encoder/position_encodings/encodings": "model.encoder.embed_positions.weight",
            "decoder/position_encodings/encodings": "model.decoder.embed_positions.weight",
            "decoder/embeddings/weight": "model.decoder.embed_tokens.weight"}
KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


class CTranslate2Checkpoint:
    """`files`: model.bin, or its pieces in order."""

    def __init__(self, files):
        self.name = " + ".join(str(file) for file in files)
        pieces = [np.memmap(file, np.uint8, "r") for file in files]
        self.data = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        self.variables, self.place = {}, 0
        version = self.number("I")
        specification = self.string() if version == VERSION else "?"
        if specification != "WhisperSpec":
            raise ValueError(f"{self.name} is not a Whisper model of CTranslate2's binary version {VERSION}: "
                             f"found version {version}, specification '{specification}'")
        self.number("I")  # the specification's revision
        for _ in range(self.number("I")):
            self.read_variable()
        self.numbers = {name: array.item() for name, array in self.variables.items() if array.size == 1}

    def bytes(self, size):
        if self.place + size > len(self.data):
            raise ValueError(f"{self.name} is truncated at byte {len(self.data)}: fetch it again")
        self.place += size
        return self.data[self.place - size:self.place]

    def number(self, kind):
        return struct.unpack("<" + kind, self.bytes(struct.calcsize("<" + kind)).tobytes())[0]

    def string(self):
        return self.bytes(self.number("H")).tobytes()[:-1].decode("utf-8")

    def read_variable(self):
        name = self.string()
        shape = tuple(self.number("I") for _ in range(self.number("B")))
        element, size = self.number("B"), self.number("I")
        if element not in ELEMENT or (element in (1, 2) and len(shape) > 1):
            raise ValueError(f"{self.name}: {name} is quantised; convert a model of the type float16 or float32")
        data = self.bytes(size)
        if size != int(np.prod(shape, dtype=np.int64)) * np.dtype(ELEMENT[element]).itemsize:
            raise ValueError(f"{self.name}: {name} {list(shape)} has {size} bytes, which do not fit its shape")
        self.variables[name] = np.frombuffer(data.tobytes() if size < 16 else data, ELEMENT[element]).reshape(shape)

    def config(self):
        """The fields of an official config.json that the tensors tell."""
        def layers(side):
            return len({name.split("/")[1] for name in self.variables if name.startswith(f"{side}/layer_") and
                        not name.startswith(f"{side}/layer_norm")})
        try:
            return {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"],
                    "d_model": self.variables["encoder/conv1/weight"].shape[0],
                    "num_mel_bins": self.variables["encoder/conv1/weight"].shape[1],
                    "vocab_size": self.variables["decoder/embeddings/weight"].shape[0],
                    "max_source_positions": self.variables["encoder/position_encodings/encodings"].shape[0],
                    "max_target_positions": self.variables["decoder/position_encodings/encodings"].shape[0],
                    "encoder_layers": layers("encoder"), "decoder_layers": layers("decoder"),
                    "encoder_attention_heads": self.numbers["encoder/num_heads"],
                    "decoder_attention_heads": self.numbers["decoder/num_heads"],
                    "encoder_ffn_dim": self.variables["encoder/layer_0/ffn/linear_0/weight"].shape[0],
                    "decoder_ffn_dim": self.variables["decoder/layer_0/ffn/linear_0/weight"].shape[0]}
        except KeyError as missing:
            raise ValueError(f"{self.name} has no variable {missing}") from missing

    def tensors(self):
        """By official name; a variable that has none keeps its own, for the check of names to report."""
        tensors = {}
        for name, array in self.variables.items():
            if array.ndim == 0 or name in ("decoder/alignment_heads", "decoder/alignment_layer"):
                continue
            for official, part in self.official(name, array):
                tensors[official] = Tensor.of(part)
        return tensors

    def official(self, name, array):
        part, _, kind = name.rpartition("/")
        if name in MATRICES:
            return [(MATRICES[name], array)]
        if part in OTHER_PARTS and kind in KINDS:
            return [(f"{OTHER_PARTS[part]}.{KINDS[kind]}", array)]
        side, _, rest = part.partition("/layer_")
        index, _, rest = rest.partition("/")
        target = LAYER_PARTS.get(rest)
        if target is None or kind not in KINDS:
            return [(name, array)]
        prefix = f"model.{side}.layers.{index}"
        if isinstance(target, str):
            return [(f"{prefix}.{target}.{KINDS[kind]}", array)]
        group, projections = target
        parts = [(f"{prefix}.{group}.{projection}.{kind}", part)
                 for projection, part in zip(projections, np.split(array, len(projections)))]
        # Whisper's key projections have no bias; fused with the others they are given zeros.
        if kind == "bias":
            keys = [part for official, part in parts if official.endswith("k_proj.bias")]
            if np.any(keys[0]):
                raise ValueError(f"{self.name}: {name} has a bias for the keys, which no Whisper model has")
            parts = [entry for entry in parts if not entry[0].endswith("k_proj.bias")]
        return parts


def pieces(folder):
    """model.bin of a folder, or its pieces model.bin.part1, .part2, ... wherever below; [] when there are none."""
    folder = pathlib.Path(folder)
    if (folder / "model.bin").is_file():
        return [folder / "model.bin"]
    return sorted(folder.glob("**/model.bin.part*"), key=lambda path: int(path.name.removeprefix("model.bin.part")))
