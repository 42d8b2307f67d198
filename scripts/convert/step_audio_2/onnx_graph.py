"""Reads the graph of an ONNX file, and of its weights only where they are: a file of 500 MB is never held.

The file is a protobuf message: fields of a number, a wire type and a payload, messages within messages
(https://protobuf.dev/programming-guides/encoding, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). The numbers of the
fields that are read here stand below; the bytes of an initializer stay in the file until they are asked for."""
import mmap
import pathlib

import numpy as np
from onnx import NodeProto, StringStringEntryProto, numpy_helper

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER = 1, 5
TENSOR_DIMS, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW, TENSOR_ELSEWHERE = 1, 2, 4, 8, 9, 13
ELEMENT = {1: "<f4", 10: "<f2", 11: "<f8"}
PASSES_ON = ("Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Dropout")


class Stored:
    """A tensor of the file that is read when it is asked for."""

    def __init__(self, path, name, shape, kind, begin, size):
        self.path, self.name, self.shape, self.kind, self.begin, self.size = path, name, shape, kind, begin, size

    def array(self):
        if self.kind not in ELEMENT:
            raise ValueError(f"{self.path}: {self.name} is no float tensor (its type is {self.kind})")
        count = int(np.prod(self.shape, dtype=np.int64))
        if self.size != count * np.dtype(ELEMENT[self.kind]).itemsize:
            raise ValueError(f"{self.path}: {self.name} {list(self.shape)} has {self.size} bytes, which do not fit its shape")
        with self.path.open("rb") as file:
            file.seek(self.begin)
            return np.frombuffer(file.read(self.size), ELEMENT[self.kind]).reshape(self.shape).astype(np.float32)


class Graph:
    """`nodes` in the file's order, which is one of evaluation."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.nodes, self.stored = [], {}
        with self.path.open("rb") as file:
            if self.path.stat().st_size == 0:
                raise ValueError(f"{path} is empty: fetch it again")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                try:
                    self.read(data)
                except (IndexError, ValueError) as error:
                    raise ValueError(f"{path} is no complete ONNX file ({error}): fetch it again") from error
        if not self.nodes and not self.stored:
            raise ValueError(f"{path} has no graph; expected an ONNX file")
        self.producer = {output: node for node in self.nodes for output in node.output}
        self.readers = {}
        for node in self.nodes:
            for value in node.input:
                self.readers.setdefault(value, []).append(node)

    def read(self, data):
        for field, begin, end in fields(data, 0, len(data)):
            if field != MODEL_GRAPH:
                continue
            for inner, first, last in fields(data, begin, end):
                if inner == GRAPH_NODE:
                    self.nodes.append(NodeProto.FromString(data[first:last]))
                elif inner == GRAPH_INITIALIZER:
                    tensor = self.initializer(data, first, last)
                    self.stored[tensor.name] = tensor

    def initializer(self, data, begin, end):
        shape, kind, name, payload, elsewhere = [], 0, "", (0, 0), {}
        for field, first, last in fields(data, begin, end):
            if field == TENSOR_DIMS:
                shape += dimensions(data, first, last)
            elif field == TENSOR_TYPE:
                kind, _ = varint(data, first)
            elif field == TENSOR_NAME:
                name = data[first:last].decode()
            elif field in (TENSOR_RAW, TENSOR_FLOATS) and last > first:
                payload = (first, last - first)
            elif field == TENSOR_ELSEWHERE:
                entry = StringStringEntryProto.FromString(data[first:last])
                elsewhere[entry.key] = entry.value
        if elsewhere:
            return self.in_another_file(name, tuple(shape), kind, elsewhere)
        return Stored(self.path, name, tuple(shape), kind, *payload)

    def in_another_file(self, name, shape, kind, place):
        """Newer exports keep large tensors in a file beside the graph."""
        file = self.path.with_name(pathlib.PurePath(place.get("location", "")).name)
        if file.name != place.get("location") or not file.is_file():
            raise ValueError(f"{name} is in {place.get('location')!r}, which is no file beside it")
        begin = int(place.get("offset", 0))
        return Stored(file, name, shape, kind, begin, int(place.get("length", file.stat().st_size - begin)))

    def constant(self, value):
        """The array of a value that does not depend on the input, or None. Follows copies and transpositions."""
        shape = self.constant_shape(value)
        if shape is None:
            return None
        if value in self.stored:
            return self.stored[value].array()
        node = self.producer[value]
        if node.op_type == "Constant":
            return numpy_helper.to_array(attribute(node, "value").t).astype(np.float32)
        array = self.constant(node.input[0])
        return np.transpose(array, permutation(node, array.ndim)) if node.op_type == "Transpose" else array

    def constant_shape(self, value):
        if value in self.stored:
            return self.stored[value].shape
        node = self.producer.get(value)
        if node is None:
            return None
        if node.op_type == "Constant":
            found = attribute(node, "value")
            return None if found is None else tuple(found.t.dims)
        if node.op_type not in ("Identity", "Cast", "Transpose"):
            return None
        shape = self.constant_shape(node.input[0])
        if shape is None or node.op_type != "Transpose":
            return shape
        return tuple(shape[axis] for axis in permutation(node, len(shape)))

    def reader(self, value, *operations):
        """The node of one of these operations that reads the value, perhaps through nodes that only pass it on."""
        for node in self.readers.get(value, []):
            if node.op_type in operations:
                return node
            if node.op_type in PASSES_ON and node.input[0] == value:
                found = self.reader(node.output[0], *operations)
                if found is not None:
                    return found
        return None

    def source(self, value):
        """The node that made the value, past nodes that only pass it on; None for an input."""
        node = self.producer.get(value)
        while node is not None and node.op_type in PASSES_ON:
            node = self.producer.get(node.input[0])
        return node


def attribute(node, name):
    return next((found for found in node.attribute if found.name == name), None)


def permutation(node, rank):
    found = attribute(node, "perm")
    return tuple(found.ints) if found is not None else tuple(reversed(range(rank)))


def varint(data, place):
    value, shift = 0, 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError(f"a number at byte {place} is too long")


def fields(data, begin, end):
    """(number, begin, end of the payload) of each field of a message."""
    while begin < end:
        key, begin = varint(data, begin)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            _, after = varint(data, begin)
        elif wire == BYTES:
            size, begin = varint(data, begin)
            after = begin + size
        elif wire in (FIXED64, FIXED32):
            after = begin + (8 if wire == FIXED64 else 4)
        else:
            raise ValueError(f"field {number} at byte {begin} is of the unknown wire type {wire}")
        if after > end:
            raise ValueError(f"field {number} at byte {begin} ends at {after}, beyond {end}")
        yield number, begin, after
        begin = after


def dimensions(data, begin, end):
    """One extent, or several packed into one field: both are numbers in a row."""
    while begin < end:
        value, begin = varint(data, begin)
        yield value
