"""How the converter reads the two ONNX files: by published names and by graph, with norms folded into convolutions or not."""
import pathlib
import sys
import unittest

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tiny_checkpoint import OfTinyCheckpoint

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "convert")]
from step_audio_2 import campplus_onnx, expected, s3_onnx  # noqa: E402


class Onnx(OfTinyCheckpoint):
    """The two ONNX files, as published and as other exports write them."""

    def setUp(self):
        super().setUp()
        self.s3 = self.checkpoint / "token2wav" / "speech_tokenizer_v2_25hz.onnx"
        self.campplus = self.checkpoint / "token2wav" / "campplus.onnx"

    def assert_same(self, found, wanted, tolerance=0.0):
        self.assertEqual(found.keys(), wanted.keys())
        for name in wanted:
            self.assertEqual(found[name].shape, wanted[name].shape, name)
            np.testing.assert_allclose(found[name].floats(), wanted[name], rtol=tolerance, atol=tolerance, err_msg=name)

    def anonymous(self):
        """The tokenizer's graph without any name that tells something."""
        model = onnx.load(self.s3)
        renamed = {tensor.name: f"weight_{place}" for place, tensor in enumerate(model.graph.initializer)}
        for tensor in model.graph.initializer:
            tensor.name = renamed[tensor.name]
        for place, node in enumerate(model.graph.node):
            node.name = f"node_{place}"
            node.input[:] = [renamed.get(value, value) for value in node.input]
        return model

    def test_the_tokenizers_tensors_are_told_by_the_published_numbers(self):
        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(self.s3).graph.initializer}
        found = s3_onnx.read(self.s3)
        for name, number, transposed in (("encoder.conv2.bias", "onnx::Conv_2219", False),
                                         ("encoder.blocks.0.attn.key.weight", "onnx::MatMul_2230", True),
                                         ("encoder.blocks.1.attn.value.weight", "onnx::MatMul_2285", True),
                                         ("encoder.blocks.1.mlp.0.weight", "onnx::MatMul_2324", True),
                                         ("encoder.blocks.1.mlp_ln.bias", "onnx::LayerNormalization_2321", False),
                                         ("encoder.blocks.1.attn.fsmn_block.weight", "blocks.1.attn.fsmn_block.weight", False),
                                         ("quantizer._codebook.project_down.weight", "onnx::MatMul_2536", True)):
            wanted = stored[number].T if transposed else stored[number]
            self.assertTrue((found[name].floats() == wanted).all(), name)
        self.assertEqual(expected.problems("s3", expected.speech_tokenizer({name: tensor.shape for name, tensor in
                                                                            found.items()}),
                                           {name: tensor.shape for name, tensor in found.items()}), [])

    def test_a_tokenizer_without_names_is_told_by_its_graph(self):
        wanted = arrays(s3_onnx.read(self.s3))
        onnx.save(self.anonymous(), self.s3)
        self.assert_same(s3_onnx.read(self.s3), wanted)

    def test_norms_in_parts_and_matrices_that_are_turned_in_the_graph_are_read(self):
        wanted = arrays(s3_onnx.read(self.s3))
        model = self.anonymous()
        nodes, stored = [], {tensor.name: tensor for tensor in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "LayerNormalization":
                nodes += norm_in_parts(node)
            elif node.op_type == "MatMul" and node.input[1] in stored:
                tensor = stored[node.input[1]]
                tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(tensor).T),
                                                        f"turned {tensor.name}"))
                nodes += [helper.make_node("Transpose", [tensor.name], [f"{node.name} turned"], perm=[1, 0]),
                          helper.make_node("MatMul", [node.input[0], f"{node.name} turned"], list(node.output), name=node.name)]
            else:
                nodes.append(node)
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        onnx.checker.check_model(model)
        onnx.save(model, self.s3)
        self.assert_same(s3_onnx.read(self.s3), wanted)

    def test_a_norm_before_its_convolution_becomes_a_scale_and_a_shift(self):
        found = arrays(campplus_onnx.read(self.campplus))
        self.assertEqual(expected.problems("campplus", expected.speaker_network({name: array.shape for name, array in
                                                                                 found.items()}),
                                           {name: array.shape for name, array in found.items()}), [])
        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(self.campplus).graph.initializer}
        for at in ("xvector.block1.tdnnd3.nonlinear1", "xvector.block2.tdnnd1.nonlinear1", "xvector.transit2.nonlinear"):
            gain, shift, mean, variance = (stored[f"{at}.batchnorm.{kind}"].astype(np.float64)
                                           for kind in ("weight", "bias", "running_mean", "running_var"))
            scale = gain / np.sqrt(variance + 1e-5)
            np.testing.assert_allclose(found[f"{at}.scale"], scale, rtol=1e-6)
            np.testing.assert_allclose(found[f"{at}.shift"], shift - mean * scale, rtol=1e-5, atol=1e-6)
        self.assertTrue((found["xvector.transit1.linear.weight"] == stored["xvector.transit1.linear.weight"]).all())
        first = next(node for node in onnx.load(self.campplus).graph.node if node.name == "/head/layer1/layer1.0/conv1/Conv")
        self.assertTrue((found["head.layer1.0.conv1.weight"] == stored[first.input[1]]).all())
        self.assertTrue((found["head.layer1.0.conv1.bias"] == stored[first.input[2]]).all())

    def test_norms_of_the_speaker_network_that_are_not_folded_make_the_same(self):
        wanted = arrays(campplus_onnx.read(self.campplus))
        for nameless in (False, True):
            with self.subTest(nameless=nameless):
                onnx.save(unfolded(onnx.load(self.whole / "token2wav" / "campplus.onnx"), nameless), self.campplus)
                self.assert_same(campplus_onnx.read(self.campplus), wanted, tolerance=2e-6)

    def test_weights_in_a_file_beside_the_graph_are_read(self):
        wanted = arrays(campplus_onnx.read(self.campplus))
        onnx.save(onnx.load(self.campplus), self.campplus, save_as_external_data=True, location="campplus.data",
                  size_threshold=0)
        self.assert_same(campplus_onnx.read(self.campplus), wanted)

    def test_a_cut_off_file_is_named(self):
        self.s3.write_bytes(self.s3.read_bytes()[:-1000])
        self.refuse(says="speech_tokenizer_v2_25hz.onnx is no complete ONNX file")


def arrays(tensors):
    return {name: tensor.floats() for name, tensor in tensors.items()}


def norm_in_parts(node):
    """What exports of before opset 17 write."""
    at, axes = node.name, [-1]
    value, gain, shift = node.input
    return [helper.make_node("ReduceMean", [value], [f"{at} mean"], axes=axes),
            helper.make_node("Sub", [value, f"{at} mean"], [f"{at} apart"]),
            helper.make_node("Constant", [], [f"{at} two"], value_float=2.0),
            helper.make_node("Pow", [f"{at} apart", f"{at} two"], [f"{at} squares"]),
            helper.make_node("ReduceMean", [f"{at} squares"], [f"{at} variance"], axes=axes),
            helper.make_node("Constant", [], [f"{at} epsilon"], value_float=1e-5),
            helper.make_node("Add", [f"{at} variance", f"{at} epsilon"], [f"{at} more"]),
            helper.make_node("Sqrt", [f"{at} more"], [f"{at} root"]),
            helper.make_node("Div", [f"{at} apart", f"{at} root"], [f"{at} normal"]),
            helper.make_node("Mul", [f"{at} normal", gain], [f"{at} scaled"]),
            helper.make_node("Add", [f"{at} scaled", shift], list(node.output))]


def unfolded(model, nameless):
    """The same network with a norm behind each convolution that had one folded in."""
    random = np.random.default_rng(5)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type != "Conv" or not node.input[1].startswith("onnx::"):
            continue
        weight, bias = (numpy_helper.to_array(stored[name]).astype(np.float64) for name in node.input[1:3])
        count = len(bias)
        gain, variance, mean = random.uniform(0.5, 1.5, count), random.uniform(0.5, 1.5, count), random.normal(0, 1, count)
        scale = gain / np.sqrt(variance + 1e-5)
        numbers = {"gain": gain, "shift": bias + mean * scale, "mean": mean, "variance": variance}
        stored[node.input[1]].CopyFrom(numpy_helper.from_array(
            (weight / scale.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.float32), node.input[1]))
        names = [f"{node.name} {kind}" for kind in numbers]
        model.graph.initializer.extend(numpy_helper.from_array(array.astype(np.float32), name)
                                       for name, array in zip(names, numbers.values()))
        result, node.output[0] = node.output[0], f"{node.name} raw"
        del node.input[2]
        nodes.append(helper.make_node("BatchNormalization", [node.output[0], *names], [result], epsilon=1e-5))
    if nameless:
        for place, node in enumerate(nodes):
            node.name = f"node_{place}"
    ordered = [helper.make_node(node.op_type, list(node.input), list(node.output), name=node.name) for node in nodes]
    for made, node in zip(ordered, nodes):
        made.attribute.extend(node.attribute)
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    unittest.main()
