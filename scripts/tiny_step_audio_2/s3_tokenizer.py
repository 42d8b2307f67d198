"""The S3 speech tokenizer as its published ONNX file has it: biases and matrices under the numbers of that export, matrices
as [in, out], the name of each node that of its module. Only the widths and the number of blocks are smaller."""
import numpy as np
from onnx import TensorProto, helper

from .onnx_writer import Writer

MELS, WIDTH, HEAD, INNER, BLOCKS, MEMORY = 128, 128, 64, 384, 2, 31
POSITIONS, THETA = 2048, 10000.0
MASKED = -1e10
DIGITS, LEVEL = 8, 0.9990000128746033
FIRST_CONV, FIRST_OF_BLOCK, NUMBERS_PER_BLOCK, LAST = 2216, 2224, 52, 2536


class Network:
    def __init__(self, draw):
        self.draw, self.out = draw, Writer()
        self.constants = {}
        for name, value in (("one", 1), ("two", 2), ("zero", 0)):
            self.constants[name] = self.out.constant(f"/{name}", np.asarray(value, np.int64))
        for name, value in (("half", 0.5), ("unit", 1.0), ("root", np.sqrt(2.0)), ("scale", HEAD ** -0.25), ("masked", MASKED),
                            ("level", LEVEL)):
            self.constants[name] = self.out.constant(f"/{name}", np.asarray(value, np.float32))
        for name, values in (("heads", (0, 0, WIDTH // HEAD, HEAD)), ("flat", (0, 0, WIDTH)), ("start", (0,)),
                             ("middle", (HEAD // 2,)), ("end", (HEAD,)), ("last", (3,)), ("first", (0,)), ("axis 1", (1,)),
                             ("axis 2", (2,)), ("pads", (0, 0, MEMORY // 2, 0, 0, MEMORY // 2))):
            self.constants[name] = self.out.constant(f"/{name.replace(' ', '_')}", np.asarray(values, np.int64))
        angles = np.arange(POSITIONS)[:, None] * THETA ** (-np.arange(0, HEAD, 2) / HEAD)[None]
        angles = np.concatenate([angles, angles], 1)[:, None]  # [positions, 1, head]
        self.constants["cos"] = self.out.constant("/cos", np.cos(angles).astype(np.float32))
        self.constants["sin"] = self.out.constant("/sin", np.sin(angles).astype(np.float32))

    def op(self, kind, name, *inputs, **attributes):
        return self.out.node(kind, [self.constants.get(value, value) for value in inputs], name, **attributes)

    def gelu(self, at, value):
        grown = self.op("Erf", f"{at}/Erf", self.op("Div", f"{at}/Div", value, "root"))
        grown = self.op("Mul", f"{at}/Mul", value, self.op("Add", f"{at}/Add", grown, "unit"))
        return self.op("Mul", f"{at}/Mul_1", grown, "half")

    def mask(self, at, value, axis, length):
        """[B, 1, T] of 0 and 1: whether a frame is one of the recording's."""
        count = self.op("Squeeze", f"{at}/Squeeze", self.op("Shape", f"{at}/Shape", value, start=axis, end=axis + 1), "first")
        frames = self.op("Range", f"{at}/Range", "zero", count, "one")
        inside = self.op("Less", f"{at}/Less", frames, self.op("Unsqueeze", f"{at}/Unsqueeze", length, "axis 1"))
        inside = self.op("Cast", f"{at}/Cast", inside, to=TensorProto.FLOAT)
        return self.op("Unsqueeze", f"{at}/Unsqueeze_1", inside, "axis 1")

    def halved(self, at, length):
        less = self.op("Sub", f"{at}/Sub", length, "one")
        return self.op("Add", f"{at}/Add", self.op("Div", f"{at}/Div", less, "two"), "one")

    def convolution(self, place, value, inputs):
        number = FIRST_CONV + 2 * (place - 1)
        shape = (WIDTH, inputs, 3)
        weight = self.out.store(f"onnx::Conv_{number}", self.draw.normal(shape, 1.5 / np.sqrt(inputs * 3)))
        bias = self.out.store(f"onnx::Conv_{number + 1}", self.draw.normal((WIDTH,), 0.1))
        return self.op("Conv", f"/conv{place}/Conv", value, weight, bias, dilations=[1], group=1, kernel_shape=[3],
                       pads=[1, 1], strides=[2])

    def front(self, feats, length):
        mask = self.mask("/mask", feats, 2, length)
        value = self.convolution(1, self.op("Mul", "/Mul", feats, mask), MELS)
        value, length = self.gelu("/gelu", value), self.halved("/length", length)
        mask = self.mask("/mask_1", value, 2, length)
        value = self.convolution(2, self.op("Mul", "/Mul_1", value, mask), WIDTH)
        value, length = self.gelu("/gelu_1", value), self.halved("/length_1", length)
        mask = self.mask("/mask_2", value, 2, length)
        self.kept = self.op("Transpose", "/kept", mask, perm=[0, 2, 1])                        # [B, T, 1]
        away = self.op("Mul", "/away", self.op("Sub", "/outside", "unit", mask), "masked")     # [B, 1, T]
        self.bias = self.op("Unsqueeze", "/bias", away, "axis 1")                              # [B, 1, 1, T]
        value = self.op("Transpose", "/Transpose", value, perm=[0, 2, 1])
        count = self.op("Shape", "/frames", value, start=1, end=2)
        self.constants["cos now"] = self.op("Slice", "/cos_now", "cos", "start", count, "first")
        self.constants["sin now"] = self.op("Slice", "/sin_now", "sin", "start", count, "first")
        return value, length

    def number(self, block, kind, place):
        return f"onnx::{kind}_{FIRST_OF_BLOCK + place + NUMBERS_PER_BLOCK * block}"

    def norm(self, block, name, value, place):
        numbers = [self.out.store(self.number(block, "LayerNormalization", place), self.draw.uniform((WIDTH,), 0.7, 1.3)),
                   self.out.store(self.number(block, "LayerNormalization", place + 1), self.draw.normal((WIDTH,), 0.1))]
        return self.op("LayerNormalization", f"/blocks.{block}/{name}/LayerNormalization", value, *numbers, axis=-1,
                       epsilon=1e-5)

    def linear(self, block, name, value, inputs, outputs, matrix, bias=None, gain=1.0):
        at = f"/blocks.{block}/{name}"
        weight = self.out.store(self.number(block, "MatMul", matrix),
                                self.draw.normal((inputs, outputs), gain / np.sqrt(inputs)))
        value = self.op("MatMul", f"{at}/MatMul", value, weight)
        if bias is None:
            return value
        return self.op("Add", f"{at}/Add", self.out.store(self.number(block, "Add", bias), self.draw.normal((outputs,), 0.1)),
                       value)

    def rotated(self, at, value):
        left = self.op("Slice", f"{at}/Slice", value, "start", "middle", "last")
        right = self.op("Slice", f"{at}/Slice_1", value, "middle", "end", "last")
        turned = self.op("Concat", f"{at}/Concat", self.op("Neg", f"{at}/Neg", right), left, axis=-1)
        return self.op("Add", f"{at}/Add", self.op("Mul", f"{at}/Mul", value, "cos now"),
                       self.op("Mul", f"{at}/Mul_1", turned, "sin now"))

    def memory(self, block, value):
        at = f"/blocks.{block}/attn"
        kept = self.op("Mul", f"{at}/kept", value, self.kept)
        turned = self.op("Pad", f"{at}/Pad", self.op("Transpose", f"{at}/turned", kept, perm=[0, 2, 1]), "pads")
        weight = self.out.store(f"blocks.{block}.attn.fsmn_block.weight",
                                self.draw.normal((WIDTH, 1, MEMORY), 1 / np.sqrt(MEMORY)))
        mixed = self.op("Conv", f"{at}/fsmn_block/Conv", turned, weight, dilations=[1], group=WIDTH, kernel_shape=[MEMORY],
                        pads=[0, 0], strides=[1])
        mixed = self.op("Transpose", f"{at}/back", mixed, perm=[0, 2, 1])
        return self.op("Mul", f"{at}/memory", self.op("Add", f"{at}/with_value", mixed, kept), self.kept)

    def attention(self, block, value):
        at = f"/blocks.{block}/attn"
        query = self.linear(block, "attn/query", value, WIDTH, WIDTH, 4, 3, gain=2.0)
        key = self.linear(block, "attn/key", value, WIDTH, WIDTH, 6, gain=2.0)
        value = self.linear(block, "attn/value", value, WIDTH, WIDTH, 9, 8)
        memory = self.memory(block, value)
        query = self.rotated(f"{at}/rotated", self.op("Reshape", f"{at}/Reshape", query, "heads"))
        key = self.rotated(f"{at}/rotated_1", self.op("Reshape", f"{at}/Reshape_1", key, "heads"))
        value = self.op("Reshape", f"{at}/Reshape_2", value, "heads")
        query = self.op("Mul", f"{at}/scaled", self.op("Transpose", f"{at}/q", query, perm=[0, 2, 1, 3]), "scale")
        key = self.op("Mul", f"{at}/scaled_1", self.op("Transpose", f"{at}/k", key, perm=[0, 2, 3, 1]), "scale")
        value = self.op("Transpose", f"{at}/v", value, perm=[0, 2, 1, 3])
        scores = self.op("Add", f"{at}/scores", self.op("MatMul", f"{at}/MatMul", query, key), self.bias)
        mixed = self.op("MatMul", f"{at}/MatMul_1", self.op("Softmax", f"{at}/Softmax", scores, axis=-1), value)
        mixed = self.op("Reshape", f"{at}/Reshape_3", self.op("Transpose", f"{at}/o", mixed, perm=[0, 2, 1, 3]), "flat")
        return self.op("Add", f"{at}/Add", self.linear(block, "attn/out", mixed, WIDTH, WIDTH, 43, 42), memory)

    def block(self, block, value):
        at = f"/blocks.{block}"
        value = self.op("Add", f"{at}/Add", value, self.attention(block, self.norm(block, "attn_ln", value, 0)))
        inner = self.linear(block, "mlp/mlp.0", self.norm(block, "mlp_ln", value, 44), WIDTH, INNER, 48, 47)
        inner = self.linear(block, "mlp/mlp.2", self.gelu(f"{at}/mlp/mlp.1", inner), INNER, WIDTH, 51, 50)
        return self.op("Add", f"{at}/Add_1", value, inner)

    def quantize(self, value):
        matrix = self.out.store(f"onnx::MatMul_{LAST}", self.draw.normal((WIDTH, DIGITS), 1.0 / np.sqrt(WIDTH)))
        bias = self.out.store("quantizer.project_in.bias", self.draw.normal((DIGITS,), 0.1))
        value = self.op("Add", "/quantizer/project_in/Add", bias,
                        self.op("MatMul", "/quantizer/project_in/MatMul", value, matrix))
        value = self.op("Mul", "/quantizer/Mul", self.op("Tanh", "/quantizer/Tanh", value), "level")
        value = self.op("Add", "/quantizer/Add", self.op("Round", "/quantizer/Round", value), "unit")
        weights = self.out.constant("/quantizer/powers", (3.0 ** np.arange(DIGITS)).astype(np.float32))
        value = self.op("ReduceSum", "/quantizer/ReduceSum", self.op("Mul", "/quantizer/Mul_1", value, weights), "axis 2",
                        keepdims=0)
        self.out.node("Cast", [value], "/quantizer/Cast", "indices", to=TensorProto.INT32)


def write(path, draw):
    net = Network(draw)
    lengths = net.op("Cast", "/lengths", "feats_length", to=TensorProto.INT64)
    value, _ = net.front("feats", lengths)
    for block in range(BLOCKS):
        value = net.block(block, value)
    net.quantize(value)
    net.out.write(path, [helper.make_tensor_value_info("feats", TensorProto.FLOAT, ["B", MELS, "T"]),
                         helper.make_tensor_value_info("feats_length", TensorProto.INT32, ["B"])],
                  [helper.make_tensor_value_info("indices", TensorProto.INT32, ["B", "T_out"])], "tiny_step_audio_2")
