"""Writes features.safetensors: what the network and the synthesis of hibari-tts 0.2.1 make of one sentence.

    python make_features.py HIBARI_PACKAGE_FOLDER features.safetensors     # onnx, onnxruntime, numpy, scipy, safetensors

`int8.*` comes from the package's own graph, `float.*` from the same graph with its matrices dequantised and float32
activations. Both are given the int8 graph's durations, the decoder also its F0 and energy, so that a rounded duration
does not shift everything. Spectra are thinned out: every SPECTRUM_STEP-th frame, every BIN_STEP-th bin.
"""
import copy
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from safetensors.numpy import save_file

TEXT = "Hello there, this is a test of the voice that answers you."
SPECTRUM_STEP, BIN_STEP = 11, 7
STEPS, STEPS_EXACT, ENERGY = "/Cast_32_output_0", "/Div_40_output_0", "/Mul_62_output_0"  # values inside the graph
SPECTRA = ["lh", "theta", "ln", "lr", "phi"]


def dequantised(model):
    """Every DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul becomes one MatMul in float32."""
    model = copy.deepcopy(model)
    graph = model.graph
    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producer = {name: node for node in graph.node for name in node.output}
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    nodes = []
    for node in graph.node:
        if node.op_type != "MatMulInteger":
            nodes.append(node)
            continue
        stored = node.input[1]
        weight = stored.replace("_quantized", "_float")
        if weight not in initializers:
            initializers[weight] = initializers[stored].astype(np.float32) * initializers[stored.replace("_quantized", "_scale")]
            graph.initializer.append(numpy_helper.from_array(initializers[weight], weight))
        x = producer[node.input[0]].input[0]
        scaled = readers[readers[node.output[0]][0].output[0]][0]
        nodes.append(helper.make_node("MatMul", [x, weight], [scaled.output[0]]))
        scaled.output[0] += "_unused"
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(order_by_input(nodes, graph)):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    return model


def order_by_input(nodes, graph):
    made = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input} | {""}
    ordered, waiting = [], list(nodes)
    while waiting:
        ready = [node for node in waiting if set(node.input) <= made]
        if not ready:
            break
        ordered += ready
        made |= {name for node in ready for name in node.output}
        waiting = [node for node in waiting if not set(node.output) <= made]
    return ordered


def with_outputs(model, extra):
    model = copy.deepcopy(model)
    for name, kind in extra:
        model.graph.output.append(helper.make_tensor_value_info(name, kind, None))
    return model


def with_given(model, given):
    """The values named become inputs of the graph."""
    model = copy.deepcopy(model)
    nodes = [node for node in model.graph.node]
    for node in nodes:
        for i, name in enumerate(node.output):
            if name in given:
                node.output[i] = name + "_replaced"
    for name, kind in given.items():
        model.graph.input.append(helper.make_tensor_value_info(name, kind, None))
    outputs = [output for output in model.graph.output if output.name not in given]
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    return model


def run(model, inputs, outputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = {value.name for value in session.get_inputs()}
    return dict(zip(outputs, session.run(outputs, {k: v for k, v in inputs.items() if k in names})))


def main():
    package, out = pathlib.Path(sys.argv[1]), sys.argv[2]
    sys.path.insert(0, str(package.parent))
    from hibari import Hibari, dsp

    voice = Hibari()
    phonemes = voice.phonemize(TEXT)[0]
    symbols = np.asarray([voice.ids(phonemes)], np.int64)
    floats, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    extra = [(STEPS, whole), (STEPS_EXACT, floats), (ENERGY, floats)]
    int8 = with_outputs(onnx.load(str(package / "assets" / "hibari.onnx")), extra)
    float32 = dequantised(int8)
    inputs = {"ids": symbols, "speed": np.ones(1, np.float32)}
    wanted = [*SPECTRA, "f0", STEPS, STEPS_EXACT, ENERGY]
    quantised = run(int8, inputs, wanted)
    inputs[STEPS] = quantised[STEPS]
    exact = run(with_given(float32, {STEPS: whole}), inputs, ["f0", ENERGY, STEPS_EXACT])
    inputs |= {"f0": quantised["f0"], ENERGY: quantised[ENERGY]}
    spectra = run(with_given(float32, {STEPS: whole, "f0": floats, ENERGY: floats}), inputs, SPECTRA)

    tensors = {"symbols": symbols[0], "steps": quantised[STEPS]}
    for name, values in (("int8", quantised), ("float", exact)):
        tensors[f"{name}.predicted_steps"] = values[STEPS_EXACT]
        tensors[f"{name}.f0"] = values["f0"][0]
        tensors[f"{name}.energy"] = values[ENERGY][0]
    for name, values in (("int8", quantised), ("float", spectra)):
        stacked = np.stack([values[part][0].T for part in SPECTRA], 1)  # [frames, 5, bins]
        tensors[f"{name}.spectra"] = stacked[::SPECTRUM_STEP, :, ::BIN_STEP]
    silent = np.full_like(spectra["ln"][0], -60.0)  # its noise cannot be compared
    wave = dsp.synth(spectra["lh"][0], spectra["theta"][0], silent, spectra["lr"][0], spectra["phi"][0],
                     quantised["f0"][0], np.random.default_rng(0))
    tensors["float.wave"] = wave
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, out)
    error = np.abs(tensors["int8.spectra"] - tensors["float.spectra"])
    print(phonemes, "| frames", len(tensors["int8.f0"]), "| int8 against float: mean", error.mean(), "max", error.max())


if __name__ == "__main__":
    main()
