"""CAM++ as its published ONNX file has it: the norms behind convolutions folded, those convolutions' tensors renamed to
`onnx::Conv_<number>`; the rest under the module's names. Only the widths are smaller."""
import numpy as np
from onnx import TensorProto, helper

from .onnx_writer import Writer

MELS, HEAD, INITIAL, GROWTH, BOTTLENECK, EMBEDDING = 80, 4, 16, 4, 8, 192
BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers, dilation
SEGMENT = 100
EPSILON = 1e-5
FIRST_NUMBER = 4372


class Network:
    def __init__(self, draw):
        self.draw, self.out, self.number = draw, Writer(), FIRST_NUMBER
        self.last_axis, self.time, self.one = self.axes("/last", -1), self.axes("/time", 2), self.axes("/one", 1)
        self.first_frame, self.frames = self.axes("/first", 0), self.axes("/frames", 0, 0, -1)
        self.segment = self.axes("/segment", 1, 1, 1, SEGMENT)

    def convolution(self, name, value, shape, folded, bias=True, **attributes):
        """`folded`: a norm went into it. The norm's random gain and shift are in the numbers drawn."""
        weight = self.draw.normal(shape, np.sqrt(2 / np.prod(shape[1:])))
        inputs = [value]
        module = name.strip("/").replace("/", ".")
        if folded:
            weight *= self.draw.uniform((shape[0],) + (1,) * (len(shape) - 1), 0.7, 1.3)
            inputs.append(self.out.store(f"onnx::Conv_{self.number}", weight))
            inputs.append(self.out.store(f"onnx::Conv_{self.number + 1}", self.draw.normal(shape[:1], 0.1)))
            self.number += 3
        else:
            inputs.append(self.out.store(f"{module}.weight", weight))
            if bias:
                inputs.append(self.out.store(f"{module}.bias", self.draw.normal(shape[:1], 0.1)))
        rank = len(shape) - 2
        attributes = {"dilations": [1] * rank, "group": 1, "kernel_shape": list(shape[2:]), "pads": [0] * 2 * rank,
                      "strides": [1] * rank} | attributes
        return self.out.node("Conv", inputs, f"{name}/Conv", **attributes)

    def axes(self, name, *values):
        return self.out.constant(name, np.asarray(values, np.int64))

    def norm(self, name, value, width):
        module = name.strip("/").replace("/", ".") + ".batchnorm"
        numbers = [self.out.store(f"{module}.weight", self.draw.uniform((width,), 0.6, 1.4)),
                   self.out.store(f"{module}.bias", self.draw.normal((width,), 0.2)),
                   self.out.store(f"{module}.running_mean", self.draw.normal((width,), 0.2)),
                   self.out.store(f"{module}.running_var", self.draw.uniform((width,), 0.5, 1.5))]
        return self.out.node("BatchNormalization", [value, *numbers], f"{name}/batchnorm/BatchNormalization",
                             epsilon=EPSILON, momentum=0.9, training_mode=0)

    def relu(self, name, value):
        return self.out.node("Relu", [value], name)

    def head(self, value):
        value = self.out.node("Transpose", [value], "/Transpose", perm=[0, 2, 1])
        value = self.out.node("Unsqueeze", [value, self.axes("/head/Constant", 1)], "/head/Unsqueeze")
        value = self.relu("/head/Relu", self.convolution("/head/conv1", value, (HEAD, 1, 3, 3), True, pads=[1] * 4))
        for layer in (1, 2):
            for block in (0, 1):
                value = self.residual(f"/head/layer{layer}/layer{layer}.{block}", value, 2 if block == 0 else 1)
        value = self.convolution("/head/conv2", value, (HEAD, HEAD, 3, 3), True, pads=[1] * 4, strides=[2, 1])
        value = self.relu("/head/Relu_1", value)
        shape = self.axes("/head/Constant_1", 0, HEAD * MELS // 8, -1)
        return self.out.node("Reshape", [value, shape], "/head/Reshape")

    def residual(self, at, value, stride):
        shape = (HEAD, HEAD, 3, 3)
        inner = self.convolution(f"{at}/conv1", value, shape, True, pads=[1] * 4, strides=[stride, 1])
        inner = self.convolution(f"{at}/conv2", self.relu(f"{at}/Relu", inner), shape, True, pads=[1] * 4)
        if stride != 1:
            value = self.convolution(f"{at}/shortcut/shortcut.0", value, (HEAD, HEAD, 1, 1), True, strides=[stride, 1])
        return self.relu(f"{at}/Relu_1", self.out.node("Add", [inner, value], f"{at}/Add"))

    def dense_layer(self, at, value, width, dilation):
        value = self.relu(f"{at}/nonlinear1/relu/Relu", self.norm(f"{at}/nonlinear1", value, width))
        value = self.convolution(f"{at}/linear1", value, (BOTTLENECK, width, 1), True)
        value = self.relu(f"{at}/nonlinear2/relu/Relu", value)
        cam = f"{at}/cam_layer"
        local = self.convolution(f"{cam}/linear_local", value, (GROWTH, BOTTLENECK, 3), False, bias=False,
                                 pads=[dilation] * 2, dilations=[dilation])
        context = self.out.node("ReduceMean", [value], f"{cam}/ReduceMean", axes=[-1], keepdims=1)
        context = self.out.node("Add", [context, self.segments(cam, value)], f"{cam}/Add")
        half = BOTTLENECK // 2
        context = self.relu(f"{cam}/relu/Relu", self.convolution(f"{cam}/linear1", context, (half, BOTTLENECK, 1), False))
        context = self.convolution(f"{cam}/linear2", context, (GROWTH, half, 1), False)
        context = self.out.node("Sigmoid", [context], f"{cam}/sigmoid/Sigmoid")
        return self.out.node("Mul", [local, context], f"{cam}/Mul")

    def segments(self, at, value):
        """The mean of each 100 frames, the last of what is left, at every frame."""
        means = self.out.node("AveragePool", [value], f"{at}/AveragePool", kernel_shape=[SEGMENT], strides=[SEGMENT],
                              ceil_mode=1, count_include_pad=0)
        means = self.out.node("Unsqueeze", [means, self.last_axis], f"{at}/Unsqueeze")
        means = self.out.node("Expand", [means, self.segment], f"{at}/Expand")
        means = self.out.node("Reshape", [means, self.frames], f"{at}/Reshape")
        length = self.out.node("Shape", [value], f"{at}/Shape", start=2, end=3)
        return self.out.node("Slice", [means, self.first_frame, length, self.time], f"{at}/Slice")

    def transit(self, at, value, width, last):
        value = self.relu(f"{at}/nonlinear/relu/Relu", self.norm(f"{at}/nonlinear", value, width))
        return self.convolution(f"{at}/linear", value, (width // 2, width, 1), last, bias=False)

    def pooled(self, value):
        at = "/xvector/stats"
        mean = self.out.node("ReduceMean", [value], f"{at}/ReduceMean", axes=[-1], keepdims=0)
        centre = self.out.node("ReduceMean", [value], f"{at}/ReduceMean_1", axes=[-1], keepdims=1)
        apart = self.out.node("Sub", [value, centre], f"{at}/Sub")
        squares = self.out.node("ReduceSum", [self.out.node("Mul", [apart, apart], f"{at}/Mul"), self.time],
                                f"{at}/ReduceSum", keepdims=0)
        length = self.out.node("Shape", [value], f"{at}/Shape", start=2, end=3)
        others = self.out.node("Cast", [self.out.node("Sub", [length, self.one], f"{at}/Sub_1")], f"{at}/Cast",
                               to=TensorProto.FLOAT)
        deviation = self.out.node("Sqrt", [self.out.node("Div", [squares, others], f"{at}/Div")], f"{at}/Sqrt")
        return self.out.node("Concat", [mean, deviation], f"{at}/Concat", axis=-1)

    def embedding(self, value, width):
        at = "/xvector/dense"
        value = self.out.node("Unsqueeze", [value, self.last_axis], f"{at}/Unsqueeze")
        value = self.convolution(f"{at}/linear", value, (EMBEDDING, width, 1), False, bias=False)
        value = self.out.node("Squeeze", [value, self.last_axis], f"{at}/Squeeze")
        module = "xvector.dense.nonlinear.batchnorm"
        numbers = [self.out.constant(f"{at}/nonlinear/batchnorm/Constant", np.ones(EMBEDDING, np.float32)),
                   self.out.constant(f"{at}/nonlinear/batchnorm/Constant_1", np.zeros(EMBEDDING, np.float32)),
                   self.out.store(f"{module}.running_mean", self.draw.normal((EMBEDDING,), 0.2)),
                   self.out.store(f"{module}.running_var", self.draw.uniform((EMBEDDING,), 0.5, 1.5))]
        self.out.node("BatchNormalization", [value, *numbers], f"{at}/nonlinear/batchnorm/BatchNormalization", "output",
                      epsilon=EPSILON, momentum=0.9, training_mode=0)


def write(path, draw):
    net = Network(draw)
    value = net.head("input")
    value = net.convolution("/xvector/tdnn/linear", value, (INITIAL, HEAD * MELS // 8, 5), True, pads=[2, 2], strides=[2])
    value, width = net.relu("/xvector/tdnn/nonlinear/relu/Relu", value), INITIAL
    for block, (layers, dilation) in enumerate(BLOCKS, 1):
        for layer in range(1, layers + 1):
            more = net.dense_layer(f"/xvector/block{block}/tdnnd{layer}", value, width, dilation)
            value = net.out.node("Concat", [value, more], f"/xvector/block{block}/Concat_{layer}", axis=1)
            width += GROWTH
        value, width = net.transit(f"/xvector/transit{block}", value, width, block == len(BLOCKS)), width // 2
    value = net.pooled(net.relu("/xvector/out_nonlinear/relu/Relu", value))
    net.embedding(value, 2 * width)
    net.out.write(path, [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["B", "T", MELS])],
                  [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["B", EMBEDDING])], "tiny_step_audio_2")
