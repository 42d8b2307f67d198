"""The folder model/ of the bundle: the language model, the ear and the adapter in official names.

As stored, shards are linked or copied. Rounded, each is streamed into a new one, tensor by tensor. Int8 is for the language
model's matrices (weight_groups.py); what hears stays as stored."""
import json
import pathlib

import weight_groups

from . import expected, tensor_stream

INDEX = "model.safetensors.index.json"
CAST = {"bfloat16": "BF16", "float16": "F16"}
FLOATS = ("BF16", "F16", "F32")
DROPPED = ".rotary_emb.inv_freq"  # old transformers stored what rope_theta says already


class Model:
    """The checkpoint's model files; `problems` lists what does not fit `config`."""

    def __init__(self, checkpoint, config):
        self.checkpoint = pathlib.Path(checkpoint)
        self.shards, self.problems = {}, []  # file name -> {tensor name: Entry}
        placed = self.index()
        for name in self.files(placed):
            path = self.checkpoint / name
            if not path.is_file():
                self.problems.append(f"{name}: missing, {INDEX} names it")
                continue
            self.shards[name] = tensor_stream.entries(path)
        self.check(expected.ModelSizes.of(config, self.checkpoint / "config.json"), placed)

    def index(self):
        path = self.checkpoint / INDEX
        if not path.is_file():
            return {}
        try:
            return dict(json.loads(path.read_text(encoding="utf-8"))["weight_map"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} should say in which file each tensor is (\"weight_map\"): {error!r}") from error

    def files(self, placed):
        if placed:
            return sorted(set(placed.values()))
        files = sorted(file.name for file in self.checkpoint.glob("*.safetensors"))
        if not files:
            raise ValueError(f"{self.checkpoint} holds no .safetensors file and no {INDEX}")
        return files

    def check(self, sizes, placed):
        self.sizes, found = sizes, {}
        for file, tensors in self.shards.items():
            for name, entry in tensors.items():
                if name in found:
                    self.problems.append(f"{file}: {name} is in another file too")
                elif placed and name in placed and placed[name] != file:
                    self.problems.append(f"{file}: {name} should be in {placed[name]}, as {INDEX} says")
                if not name.endswith(DROPPED):
                    found[name] = entry
                    if entry.dtype not in FLOATS:
                        self.problems.append(f"{file}: {name} is stored as {entry.dtype}; expected one of {', '.join(FLOATS)}")
        complete = all(file in self.shards for file in placed.values())
        names = expected.model(sizes)
        if not complete:  # the file that is missing was named; its tensors need not be
            names = {name: shape for name, shape in names.items() if placed.get(name) in self.shards or name not in placed}
        self.problems += expected.problems("model", names, {name: entry.shape for name, entry in found.items()})

    def write(self, folder, dtype, progress):
        written = {}
        for file, tensors in self.shards.items():
            outputs = {}
            for name, entry in tensors.items():
                if not name.endswith(DROPPED):
                    outputs |= self.outputs(name, entry, dtype)
            target = folder / file
            if dtype == "keep" and len(outputs) == len(tensors):
                tensor_stream.link_or_copy(self.checkpoint / file, target, progress)
            else:
                tensor_stream.write(target, outputs, progress)
            written[file] = outputs
        if len(written) == 1 and list(written) != ["model.safetensors"]:
            (folder / next(iter(written))).rename(folder / "model.safetensors")
        elif len(written) > 1:
            total = sum(output.size for outputs in written.values() for output in outputs.values())
            places = {name: file for file, outputs in written.items() for name in outputs}
            (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": total},
                                                    "weight_map": dict(sorted(places.items()))}, indent=2) + "\n")

    def outputs(self, name, entry, dtype):
        if dtype in CAST:
            return {name: tensor_stream.cast(name, entry, CAST[dtype])}
        if dtype == "int8" and is_matrix_of_language_model(name, entry):
            base = name.removesuffix(".weight")
            weight, scale = tensor_stream.rounded_to_int8(entry)
            return {f"{base}.weight": weight, f"{base}.scale": scale}
        return {name: tensor_stream.unchanged(entry)}


def is_matrix_of_language_model(name, entry):
    return (name.startswith(("model.", "lm_head.")) and name.endswith(".weight") and len(entry.shape) == 2 and
            entry.shape[1] % weight_groups.GROUP == 0)
