"""Builds an ONNX graph node by node, and writes the same bytes each time."""
import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Writer:
    def __init__(self):
        self.nodes, self.stored = [], []

    def store(self, name, array):
        self.stored.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def constant(self, name, array):
        """A node that makes numbers which are no weights."""
        tensor = numpy_helper.from_array(np.asarray(array), f"{name}_value")
        return self.node("Constant", [], name, value=tensor)

    def node(self, kind, inputs, name, output=None, **attributes):
        output = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def write(self, path, inputs, outputs, producer):
        graph = helper.make_graph(self.nodes, "main_graph", inputs, outputs, self.stored)
        model = helper.make_model(graph, producer_name=producer, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString(deterministic=True))
