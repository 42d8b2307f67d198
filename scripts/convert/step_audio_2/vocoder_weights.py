"""The HiFT vocoder's tensors with weight norm folded: weight = length * direction / |direction|.

torch keeps a weight-normed tensor as `NAME.parametrizations.weight.original0` (lengths, [n, 1, 1]) and `original1`
(directions), older versions as `NAME.weight_g` and `NAME.weight_v`; the norm is taken over all axes but the first, which of a
transposed convolution is the input channel. The keys may stand below `generator.`."""
import numpy as np

from tensor_file import Tensor

SPELLINGS = ((".parametrizations.weight.original0", ".parametrizations.weight.original1"), (".weight_g", ".weight_v"))
PREFIX = "generator."


def folded(tensors, source):
    """({name: Tensor}, [what is wrong])."""
    tensors = {name.replace(PREFIX, ""): tensor for name, tensor in tensors.items()}
    result, problems = {}, []
    for name, tensor in tensors.items():
        for length, direction in SPELLINGS:
            if name.endswith(direction):
                base = name.removesuffix(direction)
                if base + length not in tensors:
                    problems.append(f"{source}: missing {base}{length}, expected [{tensor.shape[0]}, 1, 1]")
                elif int(np.prod(tensors[base + length].shape)) != tensor.shape[0]:
                    problems.append(f"{source}: misshaped {base}{length}, expected [{tensor.shape[0]}, 1, 1], found "
                                    f"{list(tensors[base + length].shape)}")
                else:
                    result[f"{base}.weight"] = fold(tensors[base + length], tensor)
                break
            if name.endswith(length):
                if name.removesuffix(length) + direction not in tensors:
                    problems.append(f"{source}: missing {name.removesuffix(length)}{direction}")
                break
        else:
            result[name] = tensor
    return result, problems


def fold(length, direction):
    def load():
        directions = direction.floats().astype(np.float64)
        rows = directions.reshape(directions.shape[0], -1)
        norms = np.sqrt((rows * rows).sum(1))
        scale = length.floats().astype(np.float64).reshape(-1) / np.where(norms > 0, norms, 1.0)
        return (rows * scale[:, None]).astype(np.float32).reshape(-1).view(np.uint8)

    return Tensor("F32", direction.shape, load)


def float32(tensor):
    """The same tensor as float32: half-precision files are widened."""
    if tensor.dtype == "F32":
        return tensor
    return Tensor("F32", tensor.shape, lambda: tensor.floats().reshape(-1).view(np.uint8))
