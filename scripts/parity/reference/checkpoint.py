"""A checkpoint folder in the official layout, read by the ordinary packages: torch, safetensors, transformers, PyYAML."""
import functools
import json
import pathlib

import safetensors.torch
import torch
import transformers
import yaml


class Checkpoint:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    @functools.cached_property
    def config(self) -> dict:
        return json.loads((self.folder / "config.json").read_text())

    @functools.cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Of the language model, encoder and adaptor, in float32."""
        loaded = {}
        for shard in sorted(self.folder.glob("*.safetensors")):
            loaded |= safetensors.torch.load_file(shard)
        return {name: tensor.float() for name, tensor in loaded.items()}

    def part(self, prefix: str) -> dict[str, torch.Tensor]:
        """Those whose name starts with `prefix`, without it."""
        return {name.removeprefix(prefix): tensor for name, tensor in self.tensors.items() if name.startswith(prefix)}

    @functools.cached_property
    def tokenizer(self) -> transformers.PreTrainedTokenizerFast:
        return transformers.Qwen2TokenizerFast.from_pretrained(self.folder)

    @functools.cached_property
    def flow_config(self) -> dict:
        return read_flow_config(self.folder / "token2wav" / "flow.yaml")

    def pickled(self, name: str) -> dict[str, torch.Tensor]:
        """token2wav/NAME, its keys without the prefix that some exports have."""
        loaded = torch.load(self.folder / "token2wav" / name, map_location="cpu", weights_only=True)
        return {key.replace("generator.", ""): tensor for key, tensor in loaded.items()}


class ClassTagsIgnored(yaml.SafeLoader):
    """HyperPyYAML tags name the class to make; only the scalars under them are wanted."""


ClassTagsIgnored.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_mapping(node, deep=True))


def read_flow_config(path: pathlib.Path) -> dict:
    """The scalars of flow.yaml, nested as they stand there."""
    return yaml.load(path.read_text(), ClassTagsIgnored)["flow"]
