"""Writes probabilities.txt: what Silero VAD's 16 kHz network says of a recording, a line a 32 ms window.

    python make_probabilities.py SILERO_VAD_PACKAGE goforward.raw probabilities.txt

SILERO_VAD_PACKAGE is the folder of the Python package silero-vad 6.2.3. Its silero_vad_16k.safetensors (the weights that
Parley uses) differ a little from those in its ONNX files, so the network is evaluated here with PyTorch, layer by layer.
The recording is Debian's pocketsphinx-testdata (16 kHz, 16 bit, mono). Needs numpy, safetensors and torch.
"""
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

package, recording, out = map(pathlib.Path, sys.argv[1:])
weights = load_file(package / "data" / "silero_vad_16k.safetensors")
cell = torch.nn.LSTMCell(128, 128)
cell.load_state_dict({name.removeprefix("lstm_cell."): t for name, t in weights.items() if name.startswith("lstm_cell.")})

pcm = torch.from_numpy(np.fromfile(recording, "<i2").astype(np.float32) / 32768)
context, state, lines = torch.zeros(64), None, []
with torch.inference_mode():
    for window in pcm.split(512):
        if len(window) < 512:
            break
        x = F.pad(torch.cat([context, window])[None, None], (0, 64), mode="reflect")
        context = window[-64:]
        spectrum = F.conv1d(x, weights["stft_conv.weight"], stride=128)
        x = torch.hypot(spectrum[:, :129], spectrum[:, 129:])
        for layer, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
            x = F.conv1d(x, weights[layer + ".weight"], weights[layer + ".bias"], stride=stride, padding=1).relu()
        state = cell(x.squeeze(-1), state)
        x = F.conv1d(state[0].relu()[:, :, None], weights["final_conv.weight"], weights["final_conv.bias"])
        lines.append(f"{x.sigmoid().item():.6f}")
out.write_text("\n".join(lines) + "\n")
