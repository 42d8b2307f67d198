#!/usr/bin/env python3
"""Makes a small random model of the Step-Audio 2 family, for tests, and for load tests without the real weights.

    scripts/make_tiny_bundle.py OUT [--seed N] [--variant mini|base|think] [--dtype float32|bfloat16] [--endless]
    scripts/serve --model OUT/bundle

OUT/checkpoint   the layout that the model's makers publish, all its files
OUT/bundle       the same as scripts/convert_step_audio_2.py makes it

What it says is noise, but it keeps the form: text outside of <tts_start> and <tts_end>, audio tokens inside, an end after
some seconds when it is sampled. The same arguments make the same bytes. OUT must not hold either folder.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".deps" / "venv" / "bin" / "python"  # has what the modules import
if __name__ == "__main__" and sys.prefix == sys.base_prefix and VENV.exists():
    os.execv(VENV, [str(VENV), *sys.argv])
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "convert")]

import convert_step_audio_2  # noqa: E402
import tensor_file  # noqa: E402
from step_audio_2 import expected, flow_yaml, tensor_stream  # noqa: E402
from tiny_step_audio_2 import (campplus, language_model, prompt_voices, s3_tokenizer, token2wav, tokenizer,  # noqa: E402
                               torch_archive)
from tiny_step_audio_2.random_tensors import Draw  # noqa: E402

SHARDS = 3
RECIPES = {"mini": "step-audio-2-mini", "base": "step-audio-2-mini-base", "think": "step-audio-2-mini-think"}


def make_checkpoint(folder, seed=0, variant="mini", dtype="float32", layers=2, encoder_layers=2,
                    endless=False):
    """Writes the official layout into the new folder."""
    folder.mkdir(parents=True)
    words = tokenizer.Tokenizer()
    words.write(folder)
    config = language_model.config(words, variant, dtype, layers, encoder_layers)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    names = expected.model(expected.ModelSizes.of(config))
    tensors = language_model.tensors(Draw([seed, 1]), names, words, variant, config["text_config"], endless)
    write_shards(folder, tensors, dtype)
    speech = folder / "token2wav"
    speech.mkdir()
    (speech / "flow.yaml").write_text(token2wav.flow_yaml())
    names = expected.flow(flow_yaml.read(speech / "flow.yaml"))
    torch_archive.write(speech / "flow.pt", token2wav.flow_tensors(Draw([seed, 2]), names))
    torch_archive.write(speech / "hift.pt", token2wav.vocoder_tensors(Draw([seed, 3])))
    s3_tokenizer.write(speech / "speech_tokenizer_v2_25hz.onnx", Draw([seed, 4]))
    campplus.write(speech / "campplus.onnx", Draw([seed, 5]))
    prompt_voices.write(folder / "assets", Draw([seed, 6]).random)


def write_shards(folder, tensors, dtype):
    """model-0000k-of-00003.safetensors and their index."""
    names = list(tensors)
    shards = [names[part * len(names) // SHARDS:(part + 1) * len(names) // SHARDS] for part in range(SHARDS)]
    places, total = {}, 0
    for number, part in enumerate(shards, 1):
        file = f"model-{number:05}-of-{SHARDS:05}.safetensors"
        stored = {name: stored_as(tensors[name], dtype) for name in part}
        tensor_file.write(folder / file, stored)
        places |= dict.fromkeys(part, file)
        total += sum(tensor.load().nbytes for tensor in stored.values())
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}, indent=2) + "\n")


def stored_as(array, dtype):
    if dtype == "float32":
        return tensor_file.Tensor.of(array)
    raw = tensor_stream.of_floats(array.reshape(-1), "BF16").view("u1")
    return tensor_file.Tensor("BF16", array.shape, lambda: raw)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", metavar="OUT", type=pathlib.Path)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--variant", choices=tuple(RECIPES), default="mini")
    arguments.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="of the language model and ear")
    arguments.add_argument("--layers", type=int, default=2, help="of the language model")
    arguments.add_argument("--encoder-layers", type=int, default=2)
    arguments.add_argument("--endless", action="store_true", help="an answer goes on until it is stopped from outside")
    arguments.add_argument("--recipe", metavar="NAME|FILE", help="else the variant's of config/models")
    arguments.add_argument("--id", metavar="NAME", help="what clients call the bundle")
    options = arguments.parse_args()
    checkpoint, bundle = options.out / "checkpoint", options.out / "bundle"
    for folder in (checkpoint, bundle):
        if folder.exists():
            sys.exit(f"make_tiny_bundle: {folder} exists already; remove it or name another folder.")
    try:
        make_checkpoint(checkpoint, options.seed, options.variant, options.dtype, options.layers, options.encoder_layers,
                        options.endless)
        convert_step_audio_2.convert(checkpoint, bundle, recipe=options.recipe or RECIPES[options.variant],
                                     name=options.id or f"tiny-step-audio-2-{options.variant}")
    except BaseException as error:
        for folder in (checkpoint, bundle):
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, (OSError, ValueError)):
            sys.exit(f"make_tiny_bundle: {error}")
        raise
    print(f"{options.out}: checkpoint and bundle")


if __name__ == "__main__":
    main()
