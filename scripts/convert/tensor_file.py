"""Reads and writes safetensors files a tensor at a time, as raw bytes: numpy has no bfloat16, and a large model does not
fit in memory twice. The format: https://github.com/huggingface/safetensors#format."""
import dataclasses
import json
import pathlib
from typing import Callable

import numpy as np

NUMPY_OF = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}
NAME_OF = {np.dtype(numpy): name for name, numpy in NUMPY_OF.items()}
WIDTH = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1}


@dataclasses.dataclass
class Tensor:
    """One tensor whose bytes are made when they are needed."""
    dtype: str
    shape: tuple
    load: Callable[[], np.ndarray]  # the raw bytes, uint8

    def floats(self):
        raw = self.load()
        if self.dtype == "BF16":  # the upper half of a float32
            return (raw.view("<u2").astype("<u4") << 16).view("<f4").reshape(self.shape)
        return raw.view(NUMPY_OF[self.dtype]).astype(np.float32).reshape(self.shape)

    @staticmethod
    def of(array):
        array = np.ascontiguousarray(array)
        return Tensor(NAME_OF[array.dtype], array.shape, lambda: array.reshape(-1).view(np.uint8))


def read(path):
    """Every tensor of a safetensors file by name, mapped, not loaded."""
    path = pathlib.Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
        if header_size > size - 8:
            raise ValueError(f"{path} is truncated: fetch it again")
        try:
            header = json.loads(file.read(header_size))
        except ValueError as error:
            raise ValueError(f"{path} is not a safetensors file: {error}") from error
    start = 8 + header_size
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        if start + end > size:
            raise ValueError(f"{path} is truncated: it has {size} bytes, {name} ends at {start + end}; fetch it again")
        if entry["dtype"] not in WIDTH:
            raise ValueError(f"{path}: {name} is stored as {entry['dtype']}, which cannot be converted")
        tensors[name] = Tensor(entry["dtype"], tuple(entry["shape"]),
                               lambda begin=begin, end=end: np.memmap(path, np.uint8, "r", start + begin, (end - begin,))
                               if end > begin else np.zeros(0, np.uint8))
    return tensors


def write(path, tensors, progress=lambda sentence: None):
    """Writes the tensors in the dictionary's order; answers the file's size. The file appears when it is complete."""
    path = pathlib.Path(path)
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        size = int(np.prod(tensor.shape, dtype=np.int64)) * WIDTH[tensor.dtype]
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 64)  # tensors begin aligned
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for done, (name, tensor) in enumerate(tensors.items()):
            if done % 50 == 0:
                progress(f"{path.name}: {file.tell() / 1e6:.0f} of {offset / 1e6:.0f} MB")
            raw = tensor.load()
            expected = header[name]["data_offsets"]
            if raw.nbytes != expected[1] - expected[0]:
                raise ValueError(f"{name} has {raw.nbytes} bytes, its shape {tensor.shape} asks for {expected[1] - expected[0]}")
            file.write(raw.tobytes())
    unfinished.replace(path)
    return path.stat().st_size
