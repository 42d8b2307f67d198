"""Copies and rounds the tensors of safetensors files piece by piece, so that a shard of 5 GB asks for a few megabytes.

An `Entry` is a tensor where it lies in its file; an `Output` is one to be written, whose bytes come in pieces. The format:
https://github.com/huggingface/safetensors#format."""
import dataclasses
import json
import os
import pathlib
from typing import Callable, Iterable

import numpy as np

import weight_groups
from tensor_file import WIDTH

PIECE = 4 << 20  # bytes
FLOATS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
LARGEST_FLOAT16 = 65504.0


@dataclasses.dataclass(frozen=True)
class Entry:
    path: pathlib.Path
    dtype: str
    shape: tuple
    begin: int  # in the file
    size: int

    def rows(self):
        """The tensor as uint8 [n, bytes of a row], some rows at a time: of a matrix whole rows, of others elements."""
        width = WIDTH[self.dtype] * (self.shape[1] if len(self.shape) == 2 else 1)
        if not self.size:
            return
        at_once = max(1, PIECE // width) * width
        with self.path.open("rb") as file:
            file.seek(self.begin)
            left = self.size
            while left:
                piece = file.read(min(left, at_once))
                if len(piece) != min(left, at_once):
                    raise ValueError(f"{self.path} became shorter while it was read")
                left -= len(piece)
                yield np.frombuffer(piece, np.uint8).reshape(-1, width)


@dataclasses.dataclass
class Output:
    dtype: str
    shape: tuple
    pieces: Callable[[], Iterable[np.ndarray]]

    @property
    def size(self):
        return int(np.prod(self.shape, dtype=np.int64)) * WIDTH[self.dtype]


def entries(path):
    """Every tensor of a file by name. Raises ValueError where the header does not fit the file."""
    path = pathlib.Path(path)
    total = path.stat().st_size
    with path.open("rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
        if total < 8 or header_size > total - 8:
            raise ValueError(f"{path} is truncated or not a safetensors file: fetch it again")
        try:
            header = json.loads(file.read(header_size))
        except ValueError as error:
            raise ValueError(f"{path} is not a safetensors file: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"{path} is not a safetensors file: its header is no JSON object")
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            (begin, end), dtype, shape = entry["data_offsets"], entry["dtype"], tuple(entry["shape"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: the header says of {name} {str(entry)[:80]}; expected dtype, shape and data_offsets"
                             ) from error
        if dtype not in WIDTH:
            raise ValueError(f"{path}: {name} is stored as {dtype}, which cannot be converted")
        if not 0 <= begin <= end or end - begin != int(np.prod(shape, dtype=np.int64)) * WIDTH[dtype]:
            raise ValueError(f"{path}: {name} {list(shape)} of {dtype} has {end - begin} bytes, which do not fit its shape: "
                             "fetch the file again")
        if 8 + header_size + end > total:
            raise ValueError(f"{path} is truncated: it has {total} bytes, {name} ends at {8 + header_size + end}; fetch it "
                             "again")
        found[name] = Entry(path, dtype, shape, 8 + header_size + begin, end - begin)
    return found


def unchanged(entry):
    return Output(entry.dtype, entry.shape, entry.rows)


def whole(tensor):
    """A tensor of tensor_file.py, which comes in one piece."""
    return Output(tensor.dtype, tuple(tensor.shape), lambda: [tensor.load()])


def cast(name, entry, dtype):
    """The same numbers as `dtype`, rounded to nearest, ties to even."""
    if entry.dtype == dtype:
        return unchanged(entry)

    def pieces():
        for piece in entry.rows():
            values = floats(piece, entry.dtype)
            if dtype == "F16" and np.abs(values).max(initial=0.0) > LARGEST_FLOAT16:
                raise ValueError(f"{entry.path}: {name} has values beyond {LARGEST_FLOAT16:.0f}, which float16 cannot hold: "
                                 "convert with --dtype bfloat16 or keep")
            yield of_floats(values, dtype)

    return Output(dtype, entry.shape, pieces)


def rounded_to_int8(entry):
    """(weight, scale) of a matrix in groups, as weight_groups.py has them. The scales are those of the weight's pieces: the
    weight is to be written first."""
    out, width = entry.shape
    scales = []

    def weight():
        scales.clear()
        for piece in entry.rows():
            parts = weight_groups.quantize(floats(piece, entry.dtype).reshape(-1, width), "int8")
            scales.append(parts["scale"])
            yield parts["weight"]

    return Output("I8", (out, width), weight), Output("F16", (out, width // weight_groups.GROUP), lambda: scales)


def floats(raw, dtype):
    stored = np.ascontiguousarray(raw).reshape(-1).view(FLOATS[dtype])
    if dtype == "BF16":  # the upper half of a float32
        return (stored.astype("<u4") << 16).view("<f4")
    return stored.astype("<f4")


def of_floats(values, dtype):
    if dtype != "BF16":
        return values.astype(FLOATS[dtype])
    bits = values.astype("<f4").view("<u4")
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded)


def write(path, outputs, progress):
    """Writes the outputs in the dictionary's order."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, output in outputs.items():
        header[name] = {"dtype": output.dtype, "shape": list(output.shape), "data_offsets": [offset, offset + output.size]}
        offset += output.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 64)  # tensors begin aligned
    progress.start(path.name, 8 + len(text) + offset)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        progress.advance(file.tell())
        for name, output in outputs.items():
            written = 0
            for piece in output.pieces():
                data = memoryview(np.ascontiguousarray(piece).reshape(-1).view(np.uint8))
                file.write(data)
                written += len(data)
                progress.advance(len(data))
            if written != output.size:
                raise ValueError(f"{name} has {written} bytes, its shape {list(output.shape)} asks for {output.size}")


def link_or_copy(source, target, progress):
    """Shares the file where both are on one disk (it is never written to again), else copies it."""
    source = pathlib.Path(os.path.realpath(source))
    size = source.stat().st_size
    try:
        os.link(source, target)
        progress.say(f"{target.name}: {size / 1e6:.1f} MB, linked")
        return
    except OSError:  # another file system, or one without hard links
        progress.start(target.name, size)
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(PIECE):
            writer.write(piece)
            progress.advance(len(piece))
