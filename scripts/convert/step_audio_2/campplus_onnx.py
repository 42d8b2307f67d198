"""CAM++'s tensors out of its ONNX file, batch norms folded.

    NAME.weight, NAME.bias    a convolution and the norm after it:   scale = g / sqrt(variance + eps),
                              weight * scale,   (bias - mean) * scale + shift
    NAME.scale, NAME.shift    a norm before its convolution's activation: x * scale + shift

An export may have folded some norms already, and then renamed those convolutions' tensors. What a convolution is, its node's
name says (`/head/layer1/layer1.0/conv1/Conv`); where the names are gone too, its place in the graph does."""
import re

import numpy as np

from tensor_file import Tensor

from .onnx_graph import Graph, attribute

DEFAULT_EPSILON = 1e-5
LAYERS_OF_HEAD, BLOCKS_OF_LAYER = 2, 2


def read(path):
    """Tensors by module name, float32."""
    graph = Graph(path)
    convolutions = [node for node in graph.nodes
                    if node.op_type == "Conv" and graph.constant_shape(node.input[1]) is not None]
    names = [scoped_name(node) for node in convolutions]
    if not all(names) or len(set(names)) < len(names):
        names = names_by_place(graph, convolutions)
    tensors = {}
    for name, node in zip(names, convolutions):
        tensors |= convolution(graph, name, node)
    return {name: Tensor.of(array.astype(np.float32)) for name, array in tensors.items()}


def scoped_name(node):
    """head.layer1.0.conv1 of /head/layer1/layer1.0/conv1/Conv, or "" where the name does not tell."""
    parts = node.name.strip("/").split("/")
    if len(parts) < 2 or parts[0] not in ("head", "xvector") or not parts[-1].startswith("Conv"):
        return ""
    name = ""
    for part in parts[:-1]:
        above = name.rsplit(".", 1)[-1]
        name = f"{name[:-len(above)]}{part}" if above and part.startswith(above + ".") else f"{name}.{part}".lstrip(".")
    return bundle_name(name)


def bundle_name(name):
    return "xvector.dense" if name == "xvector.dense.linear" else name


def convolution(graph, name, node):
    weight = graph.constant(node.input[1]).astype(np.float64)
    bias = graph.constant(node.input[2]).astype(np.float64) if len(node.input) > 2 and node.input[2] else None
    tensors = {}
    activation = graph.source(node.input[0])
    before = graph.source(activation.input[0]) if activation is not None and activation.op_type == "Relu" else None
    if before is not None and before.op_type == "BatchNormalization" and not belongs_to_convolution(graph, before):
        scale, shift = affine(graph, before)
        at = re.sub(r"\.linear1?$", "", name) + (".nonlinear1" if name.endswith(".linear1") else ".nonlinear")
        tensors |= {f"{at}.scale": scale, f"{at}.shift": shift}
    after = graph.reader(node.output[0], "BatchNormalization")
    if after is not None and belongs_to_convolution(graph, after):
        scale, shift = affine(graph, after)
        bias = shift if bias is None else bias * scale + shift
        weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    tensors[f"{name}.weight"] = weight
    if bias is not None:
        tensors[f"{name}.bias"] = bias
    return tensors


def belongs_to_convolution(graph, norm):
    """Whether a convolution's output goes to this norm alone: that of a transit goes into the next block's sum as well, whose
    first norm it is."""
    source = graph.source(norm.input[0])
    return source is not None and source.op_type == "Conv" and len(graph.readers[source.output[0]]) == 1


def affine(graph, norm):
    gain, shift, mean, variance = (graph.constant(value) for value in norm.input[1:5])
    if any(array is None for array in (gain, shift, mean, variance)):
        raise ValueError(f"{graph.path}: the numbers of {norm.name or norm.output[0]} are computed; expected constants")
    epsilon = attribute(norm, "epsilon")
    scale = gain.astype(np.float64) / np.sqrt(variance.astype(np.float64) + (epsilon.f if epsilon else DEFAULT_EPSILON))
    return scale, shift.astype(np.float64) - mean.astype(np.float64) * scale


def names_by_place(graph, convolutions):
    """The convolutions' names by their order and kernels."""
    kernels = [graph.constant_shape(node.input[1])[2:] for node in convolutions]
    flat = [len(kernel) == 2 for kernel in kernels]
    head = names_of_head(convolutions, kernels, flat.index(False) if False in flat else len(flat))
    if head is None or not all(flat[:len(head)]) or any(flat[len(head):]):
        raise ValueError(f"{graph.path} is no CAM++ network that is known: expected its head's 2-d convolutions "
                         f"({1 + LAYERS_OF_HEAD * BLOCKS_OF_LAYER * 2 + 1} of 3x3), then 1-d ones")
    return head + names_of_xvector([kernel[0] for kernel in kernels[len(head):]])


def names_of_head(convolutions, kernels, end):
    names, main = [], 0
    of_input = {}  # a shortcut reads what the first convolution of its block does
    for node, kernel in zip(convolutions[:end], kernels[:end]):
        if kernel == (1, 1):
            if node.input[0] not in of_input:
                return None
            names.append(of_input[node.input[0]].removesuffix("conv1") + "shortcut.0")
            continue
        block, half = divmod(main - 1, 2)
        layer, block = divmod(block, BLOCKS_OF_LAYER)
        name = "head.conv1" if main == 0 else "head.conv2" if layer == LAYERS_OF_HEAD else \
            f"head.layer{layer + 1}.{block}.conv{half + 1}"
        of_input.setdefault(node.input[0], name)
        names.append(name)
        main += 1
    return names if main == 2 + LAYERS_OF_HEAD * BLOCKS_OF_LAYER * 2 else None


def names_of_xvector(kernels):
    """tdnn; in each block layers of four convolutions, of which the second is wider than one frame, and a transit; dense."""
    names, place, block, layer = ["xvector.tdnn.linear"], 1, 1, 1
    while place < len(kernels) - 1:
        if place + 3 < len(kernels) and kernels[place + 1] > 1:
            at = f"xvector.block{block}.tdnnd{layer}"
            names += [f"{at}.linear1", f"{at}.cam_layer.linear_local", f"{at}.cam_layer.linear1", f"{at}.cam_layer.linear2"]
            place, layer = place + 4, layer + 1
        else:
            names.append(f"xvector.transit{block}.linear")
            place, block, layer = place + 1, block + 1, 1
    return names + ["xvector.dense"]
