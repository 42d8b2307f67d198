"""What the parts of engine/models/step_audio_2/speaker and their audio functions must compute: speaker.safetensors.

The references are torchaudio (sample rates, fbank), librosa's filters (24 kHz mel), the packages s3tokenizer and
stepaudio2-minicpmo, and CAM++ as chatterbox-tts carries it. Weights are numbers by a formula; the file only lists
their names, shapes and scales (JSON in its metadata), in the form that a bundle has. CAM++'s batch norms are folded
there, so here they are unfolded with statistics of their own: a network that means the same if, and only if, the
folding is understood.
"""

import importlib.util
import json
import pathlib
import types

import numpy
import s3tokenizer
import torch
import torchaudio
import torchaudio.compliance.kaldi
from s3tokenizer.model_v2 import ModelConfig, S3TokenizerV2
from safetensors.numpy import save_file

from parity import formula

RECORDINGS = pathlib.Path("/usr/share/pocketsphinx/test/data")  # Debian's pocketsphinx-testdata, as in the tests
RATES = [(48000, 16000), (44100, 16000), (22050, 16000), (48000, 24000), (44100, 24000), (16000, 24000), (8000, 16000)]
FRAME_STEP = 5  # of spectra every fifth frame is kept

Tensors = dict[str, torch.Tensor]


def reference_module(package: str, path: str) -> types.ModuleType:
    """A module of an installed package by its file: the package's own __init__ wants more than is installed."""
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    spec = importlib.util.spec_from_file_location(f"{package}_{pathlib.Path(path).stem}", folder / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FormulaWeights:
    """A checkpoint whose tensor number i has the values of seed `first_seed` + i, times a scale, plus an offset."""

    def __init__(self, first_seed: int):
        self.first_seed = first_seed
        self.table: list[dict] = []
        self.tensors: Tensors = {}

    def add(self, name: str, *shape: int, scale: float, offset: float = 0.0):
        values = formula.values(self.first_seed + len(self.table), shape, scale) + numpy.float32(offset)
        self.table.append({"name": name, "shape": list(shape), "scale": scale, "offset": offset})
        self.tensors[name] = torch.from_numpy(values)

    def weight(self, name: str, *shape: int, gain: float = 1.0):
        """Keeps variance: evenly distributed values with a variance of gain^2 / inputs."""
        self.add(f"{name}.weight", *shape, scale=gain * (3 * shape[0] / float(numpy.prod(shape))) ** 0.5)

    def affine(self, name: str, *shape: int, gain: float = 1.0):
        self.weight(name, *shape, gain=gain)
        self.add(f"{name}.bias", shape[0], scale=0.2)

    def norm(self, name: str, channels: int, weight: str, bias: str):
        self.add(f"{name}.{weight}", channels, scale=0.4, offset=1.0)
        self.add(f"{name}.{bias}", channels, scale=0.3)

    def description(self) -> dict:
        return {"first_seed": self.first_seed, "tensors": self.table}


# S3 tokenizer


def s3_weights(first_seed: int, width: int, layers: int) -> FormulaWeights:
    weights = FormulaWeights(first_seed)
    weights.affine("encoder.conv1", width, 128, 3, gain=2)
    weights.affine("encoder.conv2", width, width, 3, gain=2)
    for layer in range(layers):
        block = f"encoder.blocks.{layer}"
        for name in ("query", "value", "out"):
            weights.affine(f"{block}.attn.{name}", width, width, gain=1.5)
        weights.weight(f"{block}.attn.key", width, width, gain=1.5)
        weights.weight(f"{block}.attn.fsmn_block", width, 1, 31, gain=2)
        weights.norm(f"{block}.attn_ln", width, "weight", "bias")
        weights.affine(f"{block}.mlp.0", 4 * width, width)
        weights.affine(f"{block}.mlp.2", width, 4 * width)
        weights.norm(f"{block}.mlp_ln", width, "weight", "bias")
    weights.affine("quantizer._codebook.project_down", 8, width, gain=0.4)
    return weights


def s3_tokenizer(weights: FormulaWeights) -> S3TokenizerV2:
    width = weights.tensors["encoder.conv1.bias"].shape[0]
    layers = sum(name.endswith("attn_ln.weight") for name in weights.tensors)
    config = ModelConfig(n_audio_state=width, n_audio_head=width // 64, n_audio_layer=layers)
    model = S3TokenizerV2("speech_tokenizer_v2_25hz", config).eval()
    model.load_state_dict(weights.tensors, strict=True)
    return model


def s3_tokens(model: S3TokenizerV2, mel: torch.Tensor) -> numpy.ndarray:
    codes, lengths = model.quantize(mel.unsqueeze(0), torch.tensor([mel.shape[1]]))
    return codes[0, : lengths[0]].numpy().astype(numpy.int32)


def s3_levels(model: S3TokenizerV2, mel: torch.Tensor) -> numpy.ndarray:
    """What is rounded to the digits of the tokens."""
    hidden, _ = model.encoder(mel.unsqueeze(0), torch.tensor([mel.shape[1]]))
    codebook = model.quantizer._codebook
    levels = codebook.project_down(hidden[0]).tanh() * 0.9990000128746033
    digits = levels.round().int() + 1
    assert ((digits * 3 ** torch.arange(8)).sum(1).int() == codebook.encode(hidden)[0]).all()
    return levels.numpy()


# CAM++


def campplus_weights(first_seed: int) -> FormulaWeights:
    """In the form of a bundle: what a batch norm after a convolution does is in its weight and bias."""
    weights = FormulaWeights(first_seed)
    relu = 2**0.5
    weights.affine("head.conv1", 32, 1, 3, 3, gain=relu)
    for layer in (1, 2):
        for block in (0, 1):
            weights.affine(f"head.layer{layer}.{block}.conv1", 32, 32, 3, 3, gain=relu)
            weights.affine(f"head.layer{layer}.{block}.conv2", 32, 32, 3, 3)
        weights.affine(f"head.layer{layer}.0.shortcut.0", 32, 32, 1, 1)
    weights.affine("head.conv2", 32, 32, 3, 3, gain=relu)
    weights.affine("xvector.tdnn.linear", 128, 320, 5, gain=relu)
    channels = 128
    for block, layers in ((1, 12), (2, 24), (3, 16)):
        for layer in range(1, layers + 1):
            name = f"xvector.block{block}.tdnnd{layer}"
            weights.norm(f"{name}.nonlinear1", channels, "scale", "shift")
            weights.affine(f"{name}.linear1", 128, channels, 1, gain=relu)
            weights.weight(f"{name}.cam_layer.linear_local", 32, 128, 3, gain=2)
            weights.affine(f"{name}.cam_layer.linear1", 64, 128, 1, gain=relu)
            weights.affine(f"{name}.cam_layer.linear2", 32, 64, 1, gain=relu)
            channels += 32
        weights.norm(f"xvector.transit{block}.nonlinear", channels, "scale", "shift")
        if block < 3:
            weights.weight(f"xvector.transit{block}.linear", channels // 2, channels, 1, gain=relu)
        else:
            weights.affine(f"xvector.transit{block}.linear", channels // 2, channels, 1, gain=relu)
        channels //= 2
    weights.affine("xvector.dense", 192, 2 * channels, 1)
    return weights


class Unfolding:
    """Bundle tensors as the modules of CAMPPlus want them, with batch norms of random statistics."""

    def __init__(self, bundle: Tensors):
        self.left = dict(bundle)
        self.state: Tensors = {}
        self.random = numpy.random.default_rng(5)

    def uniform(self, channels: int, low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(self.random.uniform(low, high, channels))

    def set_norm(self, name: str, mean: torch.Tensor, variance: torch.Tensor, weight=None, bias=None):
        values = {"running_mean": mean, "running_var": variance, "weight": weight, "bias": bias}
        self.state |= {f"{name}.{key}": value.float() for key, value in values.items() if value is not None}
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(0)

    def convolution_then_norm(self, bundle_name: str, convolution: str, norm: str, affine: bool = True):
        weight = self.left.pop(f"{bundle_name}.weight").double()
        bias = self.left.pop(f"{bundle_name}.bias").double()
        channels = len(bias)
        variance = self.uniform(channels, 0.5, 2.0)
        gamma = self.uniform(channels, 0.5, 1.5) if affine else torch.ones(channels, dtype=torch.float64)
        scale = gamma / (variance + 1e-5).sqrt()
        mean = self.uniform(channels, -0.3, 0.3) if affine else -bias / scale
        self.state[f"{convolution}.weight"] = (weight / scale.view(-1, *[1] * (weight.dim() - 1))).float()
        self.set_norm(norm, mean, variance, *((gamma, bias + mean * scale) if affine else ()))

    def norm_alone(self, name: str):
        scale = self.left.pop(f"{name}.scale").double()
        shift = self.left.pop(f"{name}.shift").double()
        variance, mean = self.uniform(len(scale), 0.5, 2.0), self.uniform(len(scale), -0.3, 0.3)
        self.set_norm(f"{name}.batchnorm", mean, variance, scale * (variance + 1e-5).sqrt(), shift + mean * scale)

    def rest(self):
        self.state |= self.left


def campplus(weights: FormulaWeights) -> torch.nn.Module:
    unfolding = Unfolding(weights.tensors)
    for name in weights.tensors:
        base, _, kind = name.rpartition(".")
        if name.startswith("head.") and kind == "weight":
            norm = base.replace("shortcut.0", "shortcut.1").replace(".conv", ".bn")
            unfolding.convolution_then_norm(base, base, norm)
        elif base.endswith("nonlinear1") or base.endswith(".nonlinear"):
            if kind == "scale":
                unfolding.norm_alone(base)
        elif ".tdnnd" in name and base.endswith(".linear1") and "cam_layer" not in name and kind == "weight":
            unfolding.convolution_then_norm(base, base, base.removesuffix("linear1") + "nonlinear2.batchnorm")
    for base, norm in (("xvector.tdnn.linear", "tdnn.nonlinear"), ("xvector.transit3.linear", "out_nonlinear")):
        unfolding.convolution_then_norm(base, base, f"xvector.{norm}.batchnorm")
    unfolding.convolution_then_norm(
        "xvector.dense", "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm", affine=False
    )
    unfolding.rest()
    model = reference_module("chatterbox", "models/s3gen/xvector.py").CAMPPlus(memory_efficient=False).eval()
    model.load_state_dict(unfolding.state, strict=True)
    return model


# The sound


def recording(name: str) -> torch.Tensor:
    """16 kHz, -1..1."""
    return torch.from_numpy(numpy.fromfile(RECORDINGS / name, "<i2").astype(numpy.float32) / 32768)


def resampled(pcm: torch.Tensor, from_hz: int, to_hz: int) -> torch.Tensor:
    return torchaudio.transforms.Resample(from_hz, to_hz)(pcm)


def fbank(pcm: torch.Tensor) -> torch.Tensor:
    return torchaudio.compliance.kaldi.fbank(pcm.unsqueeze(0), num_mel_bins=80, dither=0, sample_frequency=16000)


def vocoder_mel(pcm: torch.Tensor) -> torch.Tensor:
    """[frames, 80] of 24 kHz sound."""
    module = reference_module("stepaudio2", "flashcosyvoice/utils/audio.py")
    return module.mel_spectrogram(pcm.unsqueeze(0))[0].T


# What is kept


def sample_rates() -> dict[str, numpy.ndarray]:
    noise = torch.from_numpy(formula.values(9000, (1501,), 0.7))
    kept = {f"resample.{a}.{b}": resampled(noise, a, b).numpy() for a, b in RATES}
    rounded_down = 441_000 + pow(160, -1, 441)  # makes a whole number and 1/441 samples, which float32 cannot tell
    lengths = [(44100, 16000, n) for n in (440_999, 441_000, rounded_down, 1_322_999)] + [(22050, 24000, 661_499)]
    rows = [(a, b, n, len(resampled(torch.zeros(n), a, b))) for a, b, n in lengths]
    return kept | {"resample.lengths": numpy.array(rows, numpy.int32)}


def spectra() -> dict[str, numpy.ndarray]:
    speech = recording("something.raw")
    noise = torch.from_numpy(formula.values(9001, (24000,), 0.5))
    kept = {}
    for name, pcm in (("speech", speech), ("noise", noise)):
        kept[f"fbank.{name}"] = fbank(pcm)[::FRAME_STEP].numpy()
        kept[f"vocoder_mel.{name}"] = vocoder_mel(pcm)[::FRAME_STEP].numpy()  # taken for 24 kHz
        kept[f"token_mel.{name}"] = s3tokenizer.log_mel_spectrogram(pcm).T[::FRAME_STEP].numpy()
    return kept


def tokens(small: S3TokenizerV2, official: S3TokenizerV2) -> dict[str, numpy.ndarray]:
    mel = s3tokenizer.log_mel_spectrogram(recording("something.raw"))
    noise = torch.from_numpy(formula.values(9002, (150, 128), 1.0)).T
    long_noise = torch.from_numpy(formula.values(9003, (5230, 128), 1.0)).T
    kept = {"s3_small.levels": s3_levels(small, mel), "s3_small.tokens": s3_tokens(small, mel)}
    kept |= {"s3_small.long_tokens": s3_tokens(small, long_noise)}
    return kept | {"s3_official.levels": s3_levels(official, noise), "s3_official.tokens": s3_tokens(official, noise)}


def embeddings(model: torch.nn.Module) -> dict[str, numpy.ndarray]:
    kept = {}
    for frames in (457, 40):  # three segments and the beginning of one
        features = torch.from_numpy(formula.values(9004, (frames, 80), 3.0))
        kept[f"campplus.embedding{frames}"] = model(features.unsqueeze(0))[0].numpy()
        if frames == 40:
            kept["campplus.head40"] = model.head(features.T.unsqueeze(0))[0].contiguous().numpy()
    return kept


def prompts(tokenizer: S3TokenizerV2, voice: torch.nn.Module) -> dict[str, numpy.ndarray]:
    """The whole of Token2wav._prepare_prompt for two channels, taken for a recording at 22.05 and at 48 kHz."""
    kept = {}
    first, second = recording("something.raw"), recording("goforward.raw")
    stereo = torch.stack([first[: len(second)], second])
    for rate in (22050, 48000):
        pcm = resampled(stereo, rate, 16000)[0]
        features = fbank(pcm)
        features = features - features.mean(0, keepdim=True)
        levels = s3_levels(tokenizer, s3tokenizer.log_mel_spectrogram(pcm))
        mel = vocoder_mel(resampled(stereo.mean(0, keepdim=True), rate, 24000)[0]).unsqueeze(0)
        mel = torch.nn.functional.pad(mel, (0, 0, 0, 2 * len(levels) - mel.shape[1]), mode="replicate")[0]
        kept[f"prompt.{rate}.levels"] = levels
        kept[f"prompt.{rate}.tokens"] = s3_tokens(tokenizer, s3tokenizer.log_mel_spectrogram(pcm))
        kept[f"prompt.{rate}.embedding"] = voice(features.unsqueeze(0))[0].numpy()
        kept[f"prompt.{rate}.mel"] = torch.cat([mel[::FRAME_STEP], mel[-3:]]).numpy()  # and the last three
        kept[f"prompt.{rate}.mel_frames"] = numpy.array([len(mel)], numpy.int32)
    return kept


@torch.inference_mode()
def make(folder: pathlib.Path):
    small, official, voice = s3_weights(1000, 128, 2), s3_weights(2000, 1280, 1), campplus_weights(3000)
    small_tokenizer, campplus_model = s3_tokenizer(small), campplus(voice)
    kept = sample_rates() | spectra() | tokens(small_tokenizer, s3_tokenizer(official))
    kept |= embeddings(campplus_model) | prompts(small_tokenizer, campplus_model)
    kept = {name: numpy.ascontiguousarray(value) for name, value in kept.items()}
    checkpoints = {"s3_small": small, "s3_official": official, "campplus": voice}
    described = {name: weights.description() for name, weights in checkpoints.items()}
    metadata = {"checkpoints": json.dumps(described, separators=(",", ":"))}  # one entry: several lie in any order
    save_file(kept, folder / "speaker.safetensors", metadata)
