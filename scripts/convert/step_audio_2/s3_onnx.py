"""The S3 speech tokenizer's tensors out of its ONNX file, by the names of its PyTorch module.

The published export lost most names: its initializers are numbered in the order of the graph, each block 52 after the one
before. A file with those numbers is read by them. Any other export is read by following the graph: what a matrix is for
shows in what it reads and who reads it."""

import numpy as np

from tensor_file import Tensor

from .onnx_graph import Graph, attribute

NUMBERS_PER_BLOCK = 52
LAST_MATRIX = "onnx::MatMul_2536"
FIRST_NORM = "onnx::LayerNormalization_2224"
TOP = {"encoder.conv1.weight": "onnx::Conv_2216", "encoder.conv1.bias": "onnx::Conv_2217",
       "encoder.conv2.weight": "onnx::Conv_2218", "encoder.conv2.bias": "onnx::Conv_2219",
       "quantizer._codebook.project_down.bias": "quantizer.project_in.bias"}
BLOCK = {"attn_ln.weight": "LayerNormalization_2224", "attn_ln.bias": "LayerNormalization_2225",
         "attn.query.bias": "Add_2227", "attn.query.weight": "MatMul_2228", "attn.key.weight": "MatMul_2230",
         "attn.value.bias": "Add_2232", "attn.value.weight": "MatMul_2233",
         "attn.out.bias": "Add_2266", "attn.out.weight": "MatMul_2267",
         "mlp_ln.weight": "LayerNormalization_2268", "mlp_ln.bias": "LayerNormalization_2269",
         "mlp.0.bias": "Add_2271", "mlp.0.weight": "MatMul_2272", "mlp.2.bias": "Add_2274", "mlp.2.weight": "MatMul_2275"}


def read(path):
    """Tensors by name, float32, matrices as [out, in]; their bytes are read when they are needed."""
    graph = Graph(path)
    if FIRST_NORM in graph.stored and TOP["encoder.conv1.weight"] in graph.stored:
        return by_number(graph)
    return by_structure(graph)


def by_number(graph):
    names = dict(TOP)
    block = 0
    while numbered("LayerNormalization_2224", block) in graph.stored:
        names |= {f"encoder.blocks.{block}.{name}": numbered(numbered_name, block) for name, numbered_name in BLOCK.items()}
        names[f"encoder.blocks.{block}.attn.fsmn_block.weight"] = f"blocks.{block}.attn.fsmn_block.weight"
        block += 1
    names["quantizer._codebook.project_down.weight"] = last_matrix(graph, block)
    return {name: tensor(graph, value, name.endswith(".weight") and ".attn.fsmn" not in name)
            for name, value in names.items() if graph.constant_shape(value) is not None}


def last_matrix(graph, blocks):
    """Published as 2536, which is where a seventh block would begin; the last matrix of an export with fewer blocks."""
    for name in (LAST_MATRIX, numbered("MatMul_2224", blocks)):
        if name in graph.stored:
            return name
    matrices = [node.input[1] for node in graph.nodes if node.op_type == "MatMul" and node.input[1] in graph.stored]
    return matrices[-1] if matrices else ""


def numbered(name, block):
    kind, number = name.split("_")
    return f"onnx::{kind}_{int(number) + NUMBERS_PER_BLOCK * block}"


def by_structure(graph):
    walk = Walk(graph)
    for node in graph.nodes:
        walk.visit(node)
    return walk.tensors


class Walk:
    """Goes through the nodes in order of evaluation. A block begins with a norm, three matrices that read it and the
    depthwise convolution over the values; then come the output matrix, a norm and the two of the perceptron."""

    def __init__(self, graph):
        self.graph, self.tensors, self.block, self.convs = graph, {}, -1, 0
        self.norms, self.first_norm, self.second_norm, self.matrices = 0, None, None, 0

    def visit(self, node):
        if node.op_type == "Conv":
            self.convolution(node)
        elif node.op_type == "LayerNormalization":
            self.norm(node.input[1], node.input[2], node.output[0])
        elif node.op_type == "Div":
            self.norm_in_parts(node)
        elif node.op_type in ("MatMul", "Gemm") and self.graph.constant_shape(node.input[1]) is not None:
            self.matrix(node)

    def convolution(self, node):
        group = attribute(node, "group")
        if group is not None and group.i > 1:
            self.take("attn.fsmn_block.weight", node.input[1])
            return
        self.convs += 1
        self.put(f"encoder.conv{self.convs}.weight", node.input[1])
        self.put(f"encoder.conv{self.convs}.bias", node.input[2])

    def norm_in_parts(self, node):
        """(x - mean) / sqrt(variance + eps) * gain + shift, as exports of before opset 17 write it."""
        root = self.graph.source(node.input[1])
        scaled = self.graph.reader(node.output[0], "Mul") if root is not None and root.op_type == "Sqrt" else None
        shifted = self.graph.reader(scaled.output[0], "Add") if scaled is not None else None
        gain, shift = self.vector(scaled), self.vector(shifted)
        if gain is not None and shift is not None:
            self.norm(gain, shift, shifted.output[0])

    def vector(self, node):
        """The constant among a node's inputs that has one axis."""
        values = node.input if node is not None else ()
        return next((value for value in values if len(self.graph.constant_shape(value) or ()) == 1), None)

    def norm(self, gain, shift, result):
        first = self.norms % 2 == 0
        self.norms += 1
        if first:
            self.block, self.first_norm, self.second_norm, self.matrices = self.block + 1, result, None, 0
        else:
            self.second_norm = result
        name = "attn_ln" if first else "mlp_ln"
        self.take(f"{name}.weight", gain)
        self.take(f"{name}.bias", shift)

    def matrix(self, node):
        shape = self.graph.constant_shape(node.input[1])
        transposed = node.op_type == "Gemm" and attribute(node, "transB") is not None and attribute(node, "transB").i == 1
        bias = self.bias(node)
        if self.second_norm is not None and self.matrices >= 2:
            name = "quantizer._codebook.project_down"
            self.put(f"{name}.weight", node.input[1], not transposed)
            self.put(f"{name}.bias", bias)
            return
        if self.second_norm is not None:
            part = "mlp.0" if self.matrices == 0 else "mlp.2"
            self.matrices += 1
        elif self.origin(node.input[0]) != self.first_norm:
            part = "attn.out"
        elif bias is None:
            part = "attn.key"
        else:
            part = "attn.value" if self.feeds_memory(node) else "attn.query"
        if len(shape) != 2:
            raise ValueError(f"{self.graph.path}: {part} of block {self.block} has the shape {list(shape)}; expected a matrix")
        self.take(f"{part}.weight", node.input[1], not transposed)
        if bias is not None:
            self.take(f"{part}.bias", bias)

    def origin(self, value):
        node = self.graph.source(value)
        return node.output[0] if node is not None else value

    def bias(self, node):
        if node.op_type == "Gemm":
            return node.input[2] if len(node.input) > 2 else None
        return self.vector(self.graph.reader(node.output[0], "Add"))

    def feeds_memory(self, node):
        """Whether what the matrix makes reaches the depthwise convolution without passing a product of activations."""
        reached, seen = [node.output[0]], set()
        while reached:
            for reader in self.graph.readers.get(reached.pop(), []):
                if reader.op_type == "Conv":
                    return True
                if reader.op_type not in ("MatMul", "Softmax", "Shape", "Concat", "Neg") and reader.output[0] not in seen:
                    seen.add(reader.output[0])
                    reached += reader.output
        return False

    def take(self, name, value, transpose=False):
        self.put(f"encoder.blocks.{self.block}.{name}", value, transpose)

    def put(self, name, value, transpose=False):
        if value is None or self.graph.constant_shape(value) is None:
            return  # the check of names reports it
        self.tensors[name] = tensor(self.graph, value, transpose)


def tensor(graph, value, transpose):
    shape = graph.constant_shape(value)
    transpose = transpose and len(shape) == 2
    return Tensor("F32", tuple(reversed(shape)) if transpose else tuple(shape), lambda: loaded(graph, value, transpose))


def loaded(graph, value, transpose):
    array = graph.constant(value)
    return np.ascontiguousarray(array.T if transpose else array).reshape(-1).view(np.uint8)
