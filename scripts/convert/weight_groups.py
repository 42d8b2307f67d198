"""Quantised matrices of a bundle: groups of 32 weights along a row share a scale.

    4 bits   <name>.weight U8 [out, in / 2], <name>.scale and <name>.min F16 [out, in / 32]:   w = scale * q + min
             byte j of a group holds weight j in its low half and weight j + 16 in its high half
    8 bits   <name>.weight I8 [out, in], <name>.scale F16 [out, in / 32]:                      w = scale * q

These are the numbers of GGUF's Q4_1 and Q8_0 blocks, each kind of number in its own tensor."""
import numpy as np

from tensor_file import Tensor

GROUP = 32


def from_q4_1(blocks, out, width):
    """`blocks`: bytes of [out, width / 32] blocks of {scale f16, min f16, 16 bytes}."""
    blocks = blocks.reshape(out, width // GROUP, 20)
    return {"weight": blocks[:, :, 4:].reshape(out, width // 2),
            "scale": blocks[:, :, 0:2].copy().view("<f2").reshape(out, -1),
            "min": blocks[:, :, 2:4].copy().view("<f2").reshape(out, -1)}


def from_q8_0(blocks, out, width):
    """`blocks`: bytes of [out, width / 32] blocks of {scale f16, 32 signed bytes}."""
    blocks = blocks.reshape(out, width // GROUP, 34)
    return {"weight": blocks[:, :, 2:].copy().view("i1").reshape(out, width),
            "scale": blocks[:, :, 0:2].copy().view("<f2").reshape(out, -1)}


def quantize(matrix, dtype):
    """Rounds a float matrix [out, in] to "int8" or "int4" groups."""
    out, width = matrix.shape
    groups = matrix.reshape(out, width // GROUP, GROUP).astype(np.float32)
    if dtype == "int8":
        scale = (np.abs(groups).max(-1) / 127).astype("<f2")
        steps = np.maximum(scale.astype(np.float32), 1e-12)[..., None]
        levels = np.clip(np.round(groups / steps), -127, 127).astype("i1")
        return {"weight": levels.reshape(out, width), "scale": scale}
    low, high = groups.min(-1), groups.max(-1)
    scale, minimum = ((high - low) / 15).astype("<f2"), low.astype("<f2")
    steps = np.maximum(scale.astype(np.float32), 1e-12)[..., None]
    levels = np.clip(np.round((groups - minimum.astype(np.float32)[..., None]) / steps), 0, 15).astype(np.uint8)
    packed = levels[..., :16] | (levels[..., 16:] << 4)
    return {"weight": packed.reshape(out, width // 2), "scale": scale, "min": minimum}


def dequantize(parts):
    """float32 [out, in]: what a reference computes with."""
    out = parts["weight"].shape[0]
    scale = parts["scale"].astype(np.float32)[..., None]
    if "min" not in parts:
        return (parts["weight"].reshape(out, -1, GROUP).astype(np.float32) * scale).reshape(out, -1)
    packed = parts["weight"].reshape(out, -1, GROUP // 2)
    levels = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32)
    return (levels * scale + parts["min"].astype(np.float32)[..., None]).reshape(out, -1)


def rows(parts, order):
    """The same matrix with its rows in another order."""
    return {kind: array[order] for kind, array in parts.items()}


def tensors(name, parts):
    """`parts` as the tensors of a file; `name` without the final ".weight"."""
    return {f"{name}.{kind}": Tensor.of(array) for kind, array in parts.items()}
