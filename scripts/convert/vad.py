"""Silero VAD's 16 kHz network -> vad/model.safetensors, names and shapes checked, values untouched."""
from pathlib import Path
from typing import Callable

from safetensors.numpy import load_file, save_file

SOURCE = Path("data") / "silero_vad_16k.safetensors"

# One 32 ms window: spectrum by a fixed convolution, four convolutions, an LSTM cell, one output.
SHAPES = {
    "stft_conv.weight": (258, 1, 256),
    "conv1.weight": (128, 129, 3), "conv1.bias": (128,),
    "conv2.weight": (64, 128, 3), "conv2.bias": (64,),
    "conv3.weight": (64, 64, 3), "conv3.bias": (64,),
    "conv4.weight": (128, 64, 3), "conv4.bias": (128,),
    "lstm_cell.weight_ih": (512, 128), "lstm_cell.weight_hh": (512, 128),
    "lstm_cell.bias_ih": (512,), "lstm_cell.bias_hh": (512,),
    "final_conv.weight": (1, 128, 1), "final_conv.bias": (1,),
}


def convert(source_dir: Path, out_dir: Path, progress: Callable[[str], None]) -> None:
    tensors = load_file(source_dir / SOURCE)
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != SHAPES:
        wrong = sorted(name for name in found.keys() | SHAPES.keys() if found.get(name) != SHAPES.get(name))
        raise ValueError("; ".join(f"{name}: expected {SHAPES.get(name)}, found {found.get(name)}" for name in wrong))
    save_file(tensors, out_dir / "model.safetensors")
    progress(f"{len(tensors)} tensors")
