#!/usr/bin/env python3
"""Makes the golden data of the Step-Audio 2 tests again, from the public reference packages.

    PYTHON scripts/make_parity_data.py [--only NAME]... [--out FOLDER]

Every module of scripts/parity/ that has a function make(folder) writes its files; --only names some of them. The same
versions make the same bytes. FOLDER is test/parity/step_audio_2 unless given.

PYTHON is that of an environment of its own, which nothing else needs; Python 3.11, 6 GB with the CUDA libraries that PyTorch's
usual wheels bring (its CPU wheels do as well), no GPU:

    python3 -m venv parity && . parity/bin/activate
    pip install torch==2.11.0 torchaudio==2.11.0 transformers==4.49.0 'numpy==1.26.4' scipy==1.17.1 soundfile==0.14.0 \\
        librosa==0.11.0 einops==0.8.2 safetensors==0.8.0 onnx==1.23.2 onnxruntime==1.32.0 tqdm pyyaml==6.0.4
    pip install --no-deps s3tokenizer==0.3.0 stepaudio2-minicpmo==0.1.1 chatterbox-tts==0.1.7

--no-deps, since those three ask for what is not used here (and chatterbox-tts for another PyTorch). The whole chain and the
prompts also run scripts/make_tiny_bundle.py with .deps/venv, as the tests do: ./scripts/setup makes it.
"""
import argparse
import importlib
import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True


def main() -> None:
    names = sorted(path.stem for path in (ROOT / "scripts" / "parity").glob("*.py"))
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", metavar="NAME", action="append", choices=names, help=f"one of {', '.join(names)}")
    arguments.add_argument("--out", metavar="FOLDER", type=pathlib.Path, default=ROOT / "test" / "parity" / "step_audio_2")
    options = arguments.parse_args()
    try:
        import torch
    except ImportError:
        sys.exit(f"make_parity_data: {sys.executable} has no PyTorch; make the environment that --help describes and run this by it.")
    torch.set_num_threads(1)  # sums in one order
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only or names:
        module = importlib.import_module(f"parity.{name}")
        if not hasattr(module, "make"):  # what others share
            continue
        since = time.monotonic()
        torch.manual_seed(0)  # for whoever forgets to
        before = {path: path.stat().st_mtime_ns for path in options.out.glob("*.safetensors")}
        module.make(options.out)
        for path in options.out.glob("*.safetensors"):
            if before.get(path) != path.stat().st_mtime_ns:
                settle(path)
        print(f"{name}: {time.monotonic() - since:.1f} s", file=sys.stderr)


def settle(path: pathlib.Path) -> None:
    """Sorts the header: the package writes the metadata in an order that differs from run to run."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[start:])
    path.chmod(0o644)


if __name__ == "__main__":
    main()
