#!/usr/bin/env python3
"""Makes a bundle for the server out of a checkpoint of the Step-Audio 2 family, as its makers publish it.

    scripts/convert_step_audio_2.py CHECKPOINT BUNDLE [--dtype keep|bfloat16|float16|int8]
    scripts/serve --model BUNDLE

CHECKPOINT  config.json, *.safetensors (with model.safetensors.index.json where there are several), tokenizer.json (or
            vocab.json and merges.txt) with the files beside it, and token2wav/: flow.yaml, flow.pt, hift.pt, campplus.onnx,
            speech_tokenizer_v2_25hz.onnx
BUNDLE      must not exist, and appears when it is complete

--dtype     keep: the language model and its ear as they are stored, linked where CHECKPOINT and BUNDLE are on one disk (the
            default). bfloat16, float16: rounded. int8: the language model's matrices in groups of 32 that share a scale,
            half of bfloat16's size; the rest as stored. Speech synthesis is float32 always.
--voice     a recording of up to 30 s whose voice the model speaks in; may be given several times, the first is the default.
            Else the WAV files of CHECKPOINT/assets, CHECKPOINT/token2wav or, beside CHECKPOINT, assets/default_*.wav.
--recipe    what the member of the family is asked and how it stops: a name of config/models or a file. Else by the name of
            CHECKPOINT, else step-audio-2-mini.

Needs numpy and onnx, not torch; of the .pt files nothing is executed. Memory stays below a tensor's size.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".deps" / "venv" / "bin" / "python"  # has what the modules import
if __name__ == "__main__" and sys.prefix == sys.base_prefix and VENV.exists():
    os.execv(VENV, [str(VENV), *sys.argv])
sys.path.insert(0, str(ROOT / "scripts" / "convert"))

from step_audio_2 import (campplus_onnx, expected, flow_yaml, recipes, s3_onnx, tensor_stream,  # noqa: E402
                          tokenizer_files, torch_pickle, vocoder_weights, voices)
from step_audio_2.model_files import Model  # noqa: E402
from step_audio_2.progress import Progress  # noqa: E402

DTYPES = ("keep", "bfloat16", "float16", "int8")
TOKEN2WAV = ("flow.yaml", "flow.pt", "hift.pt", "campplus.onnx", "speech_tokenizer_v2_25hz.onnx")
VAD = ROOT / ".deps" / "starter" / "vad"
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Checkpoint:
    """All that is read, looked at before anything is written: headers and names only."""

    def __init__(self, folder, voice_files, recipe):
        self.folder = folder
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder; expected a checkpoint of the Step-Audio 2 family")
        missing = [name for name in ("config.json", *(f"token2wav/{name}" for name in TOKEN2WAV))
                   if not (folder / name).is_file()]
        if missing:
            raise ValueError(f"{folder} lacks {', '.join(missing)}; fetch the whole checkpoint")
        self.config = tokenizer_files.load(folder / "config.json")
        self.recipe, self.why_recipe = recipes.choose(recipe, folder, self.config)
        self.voices = voices.find(folder, voice_files)
        self.voice_entries = [voices.describe(name, path) for name, path in self.voices]
        self.model = Model(folder, self.config)
        self.problems = list(self.model.problems)
        self.tokenizer = tokenizer_files.read(folder)
        self.read_token2wav(folder / "token2wav")
        self.problems += tokenizer_files.problems(self.tokenizer, self.model.sizes.vocabulary,
                                                  self.flow_config["flow"]["vocab_size"])
        if self.problems:
            raise expected.Mismatch(self.problems)

    def read_token2wav(self, folder):
        self.flow_config = flow_yaml.read(folder / "flow.yaml")
        self.flow = torch_pickle.read(folder / "flow.pt")
        self.check("flow.pt", expected.flow(self.flow_config), self.flow)
        self.hift, problems = vocoder_weights.folded(torch_pickle.read(folder / "hift.pt"), "hift.pt")
        self.problems += problems
        if not problems:
            self.check("hift.pt", expected.vocoder(shapes(self.hift)), self.hift)
        self.s3 = s3_onnx.read(folder / "speech_tokenizer_v2_25hz.onnx")
        self.check("speech_tokenizer_v2_25hz.onnx", expected.speech_tokenizer(shapes(self.s3)), self.s3)
        self.campplus = campplus_onnx.read(folder / "campplus.onnx")
        self.check("campplus.onnx", expected.speaker_network(shapes(self.campplus)), self.campplus)

    def check(self, source, names, tensors):
        self.problems += expected.problems(source, names, shapes(tensors))

    def write(self, bundle, dtype, progress):
        """Fills the folder `bundle`."""
        folders = {name: bundle / name for name in ("model", "token2wav", "speaker", "voices", "recipe")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        shutil.copyfile(self.folder / "config.json", folders["model"] / "config.json")
        write_json(folders["model"] / "tokenizer.json", self.tokenizer)
        self.model.write(folders["model"], dtype, progress)
        write_json(folders["token2wav"] / "config.json", self.flow_config, indent=1)
        for file, tensors in (("token2wav/flow.safetensors", self.flow), ("token2wav/hift.safetensors", self.hift),
                              ("speaker/s3_tokenizer.safetensors", self.s3),
                              ("speaker/campplus.safetensors", self.campplus)):
            outputs = {name: tensor_stream.whole(vocoder_weights.float32(tensor)) for name, tensor in tensors.items()}
            tensor_stream.write(bundle / file, outputs, progress)
        voices.copy(self.voices, folders["voices"])
        write_json(folders["voices"] / "voices.json", self.voice_entries, indent=1)
        write_json(folders["recipe"] / "recipe.json", self.recipe, indent=1)


def convert(checkpoint, bundle, dtype="keep", voice_files=(), recipe=None, name=None, vad=VAD, progress=Progress()):
    """Writes the bundle; nothing of it stays when this raises."""
    bundle = pathlib.Path(bundle)
    if bundle.exists():
        raise ValueError(f"{bundle} exists already; remove it or name another folder")
    read = Checkpoint(pathlib.Path(checkpoint), voice_files, recipe)
    progress.say(read.why_recipe)
    if not read.voices:
        progress.say("voices: none; the checkpoint comes with no recording, give one with --voice NAME=prompt.wav")
    unfinished = bundle.with_name(bundle.name + ".part")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        read.write(unfinished, dtype, progress)
        parts = ["model", "token2wav", "speaker", "voices", "recipe"]
        if vad.is_dir():
            shutil.copytree(vad, unfinished / "vad")
            parts.append("vad")
        else:
            progress.say(f"vad: none, for there is no {vad}; run ./scripts/setup, or copy a starter bundle's folder vad into "
                         f"{bundle} and name it in bundle.json")
        write_json(unfinished / "bundle.json", {"format": 1, "type": "step_audio_2", "id": name or bundle.name} |
                   {part: part for part in parts}, indent=1)
        unfinished.rename(bundle)
    except BaseException:
        for number in STOPPING:  # a second one must not stop the clearing away
            if signal.getsignal(number) is stop:
                signal.signal(number, signal.SIG_IGN)
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def shapes(tensors):
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def write_json(path, value, indent=None):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def stop(number, frame):
    raise KeyboardInterrupt


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("checkpoint", metavar="CHECKPOINT", type=pathlib.Path)
    arguments.add_argument("bundle", metavar="BUNDLE", type=pathlib.Path)
    arguments.add_argument("--dtype", choices=DTYPES, default="keep")
    arguments.add_argument("--voice", metavar="NAME=FILE", action="append", default=[])
    arguments.add_argument("--recipe", metavar="NAME|FILE")
    arguments.add_argument("--id", metavar="NAME", help="what clients call the bundle; else its folder's name")
    options = arguments.parse_args()
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
            signal.signal(number, stop)
    try:
        convert(options.checkpoint, options.bundle, options.dtype, options.voice, options.recipe, options.id,
                progress=Progress(sys.stderr))
    except KeyboardInterrupt:
        sys.exit("convert_step_audio_2: stopped; nothing was kept.")
    except ValueError as error:
        sys.exit(f"convert_step_audio_2: {error}")
    except OSError as error:
        sys.exit(f"convert_step_audio_2: {error.filename or options.bundle}: {error.strerror or error}")
    size = sum(file.stat().st_size for file in options.bundle.rglob("*") if file.is_file())
    print(f"{options.bundle}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
