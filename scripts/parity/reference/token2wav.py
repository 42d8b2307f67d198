"""The reference's token2wav on the CPU with injected noise: its classes, and around them what Token2wav does with CUDA.

Two published variants differ in streaming: `reference-py` (the package stepaudio2-minicpmo) looks ahead to three silent ids
at set-up and trims the conformer's caches; `reference-up` (the vendor's repository) looks ahead to the first three prompt ids
and lets the conformer's caches grow.
"""
import contextlib
import dataclasses

import numpy as np
import torch

from . import packages
from .speaker import MELS_A_TOKEN, SpeakerPrompt

STEPS = 10
LOOKAHEAD = 3  # ids
CHUNK = 25  # ids
SILENT_ID = 4218
KEPT_BESIDE_PROMPT = 100  # frames
MEL_CACHE = 8  # frames
SAMPLES_A_FRAME = 480
HARMONICS = 9
VARIANTS = ("reference-py", "reference-up")


def make_flow(config: dict, most_frames: int) -> torch.nn.Module:
    """A flow of flow.yaml's sizes with random weights, its cache buffers large enough for `most_frames` of attention: in the
    reference they have the official sizes whatever the configuration says."""
    decoder = config["decoder"]
    encoder = packages.stepaudio2("cosyvoice2.transformer.upsample_encoder_v2").UpsampleConformerEncoderV2(**config["encoder"])
    estimator = packages.stepaudio2("cosyvoice2.flow.decoder_dit").DiT(**decoder["estimator"])
    cfm = packages.stepaudio2("cosyvoice2.flow.flow_matching").CausalConditionalCFM(
        estimator, inference_cfg_rate=decoder["inference_cfg_rate"])
    scalars = {name: value for name, value in config.items() if not isinstance(value, dict)}
    flow = packages.stepaudio2("cosyvoice2.flow.flow").CausalMaskedDiffWithXvec(**scalars, encoder=encoder, decoder=cfm)
    sizes = decoder["estimator"]
    depth, heads, head, width = (sizes[name] for name in ("depth", "num_heads", "head_dim", "hidden_size"))
    estimator.att_cache_buffer = torch.zeros(depth, 2, heads, most_frames, 2 * head)
    estimator.cnn_cache_buffer = torch.zeros(depth, 2, 2 * width, 2)
    cfm.att_cache_buffer = torch.zeros(STEPS, depth, 2, heads, most_frames, 2 * head)
    cfm.cnn_cache_buffer = torch.zeros(STEPS, depth, 2, 2 * width, 2)
    return flow.eval()


def make_hift(base_channels: int, f0_channels: int) -> torch.nn.Module:
    hifigan = packages.stepaudio2("flashcosyvoice.modules.hifigan")
    return hifigan.HiFTGenerator(base_channels=base_channels,
                                 f0_predictor=hifigan.ConvRNNF0Predictor(cond_channels=f0_channels)).eval()


@dataclasses.dataclass
class Speech:
    mel: torch.Tensor  # [80, 2 n]
    wave: torch.Tensor  # [960 n]


class Token2Wav:
    def __init__(self, flow: torch.nn.Module, hift: torch.nn.Module) -> None:
        self.flow, self.hift = flow, hift

    @classmethod
    def load(cls, checkpoint, most_frames: int = 1000) -> "Token2Wav":
        flow = make_flow(checkpoint.flow_config, most_frames)
        flow.load_state_dict(checkpoint.pickled("flow.pt"), strict=True)
        weights = checkpoint.pickled("hift.pt")
        hift = make_hift(weights["conv_pre.bias"].shape[0], weights["f0_predictor.condnet.0.bias"].shape[0])
        hift.load_state_dict(weights, strict=True)
        return cls(flow, hift)

    @torch.inference_mode()
    def offline(self, tokens: list[int], prompt: SpeakerPrompt, cfm_noise: np.ndarray, source_noise: np.ndarray) -> Speech:
        self.flow.decoder.rand_noise = torch.from_numpy(cfm_noise)
        ids = torch.tensor([tokens], dtype=torch.int32)
        mel = self.flow.inference(ids, length_of(ids), prompt.tokens, length_of(prompt.tokens), prompt.mel,
                                  torch.tensor([prompt.mel.shape[1]]), prompt.embedding, STEPS)
        with given_noise(source_noise):
            wave, _ = self.hift(speech_feat=mel)
        return Speech(mel[0], wave[0])


@contextlib.contextmanager
def given_noise(noise: np.ndarray):
    """The sine source's noise [1, 480 T, 9]; the second draw goes into a branch that nobody reads."""
    drawn = torch.randn_like

    def give(like: torch.Tensor) -> torch.Tensor:
        if like.shape[-1] != HARMONICS:
            return torch.zeros_like(like)
        if tuple(like.shape) != noise.shape:
            raise ValueError(f"the vocoder asks for noise of shape {tuple(like.shape)}, and was given {noise.shape}")
        return torch.from_numpy(noise)

    torch.randn_like = give
    try:
        yield
    finally:
        torch.randn_like = drawn


def length_of(ids: torch.Tensor) -> torch.Tensor:
    return torch.tensor([ids.shape[1]], dtype=torch.int32)


def calls_of(count: int) -> list[tuple[int, int, bool]]:
    """How a client streams `count` ids: (first, end, last) of each call, by the reference's own loop."""
    calls, first = [], 0
    while count - first >= CHUNK + LOOKAHEAD:
        calls.append((first, first + CHUNK + LOOKAHEAD, False))
        first += CHUNK
    return [*calls, (first, count, True)]


def vocoder_frames(count: int) -> list[int]:
    """Mel frames of each vocoder call of such a stream, the cached ones included."""
    return [MELS_A_TOKEN * (end - first - (0 if last else LOOKAHEAD)) + (MEL_CACHE if call else 0)
            for call, (first, end, last) in enumerate(calls_of(count))]


class Stream:
    """One answer, chunk by chunk. The reference's caches alias buffers of the model: one stream at a time."""

    def __init__(self, model: Token2Wav, prompt: SpeakerPrompt, variant: str, cfm_noise: np.ndarray) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"expected one of {VARIANTS}, got {variant}")
        self.model, self.prompt, self.variant = model, prompt, variant
        model.flow.decoder.rand_noise = torch.from_numpy(cfm_noise)
        ahead = prompt.tokens[:, :LOOKAHEAD] if variant == "reference-up" else torch.full((1, LOOKAHEAD), SILENT_ID, dtype=torch.int32)
        self.cache = model.flow.setup_cache(torch.cat([prompt.tokens, ahead], dim=1), prompt.mel, prompt.embedding, n_timesteps=STEPS)
        self.mel, self.source, self.speech = torch.zeros(1, 80, 0), torch.zeros(1, 1, 0), torch.zeros(1, 0)
        self.window = torch.from_numpy(np.hamming(2 * MEL_CACHE * SAMPLES_A_FRAME))

    @torch.inference_mode()
    def render(self, ids: list[int], last: bool, source_noise: np.ndarray) -> Speech:
        """`ids` end with the look-ahead, which is not rendered yet, unless this is the last call."""
        chunk, self.cache = self.model.flow.inference_chunk(torch.tensor([ids], dtype=torch.int32), self.prompt.embedding, self.cache,
                                                            last_chunk=last, n_timesteps=STEPS)
        self.trim()
        mel = torch.cat([self.mel, chunk], dim=2)
        with given_noise(source_noise):
            speech, source = self.model.hift(mel, self.source)
        held = MEL_CACHE * SAMPLES_A_FRAME
        if self.speech.shape[1]:
            speech = speech.clone()
            speech[:, :held] = speech[:, :held] * self.window[:held] + self.speech * self.window[held:]
        self.mel, self.source, self.speech = mel[..., -MEL_CACHE:].clone(), source[..., -held:].clone(), speech[:, -held:].clone()
        return Speech(chunk[0], (speech if last else speech[:, :-held])[0])

    def trim(self) -> None:
        prompt = self.prompt.mel.shape[1]
        names = {"estimator_att_cache": 4} | ({"conformer_att_cache": 3} if self.variant == "reference-py" else {})
        for name, axis in names.items():
            kept = self.cache[name]
            if kept.shape[axis] > prompt + KEPT_BESIDE_PROMPT:
                ends = kept.narrow(axis, 0, prompt), kept.narrow(axis, kept.shape[axis] - KEPT_BESIDE_PROMPT, KEPT_BESIDE_PROMPT)
                self.cache[name] = torch.cat(ends, dim=axis)


def stream_all(model: Token2Wav, tokens: list[int], prompt: SpeakerPrompt, variant: str, cfm_noise: np.ndarray,
               source_noise: list[np.ndarray]) -> Speech:
    """A whole answer on the reference's schedule."""
    stream = Stream(model, prompt, variant, cfm_noise)
    chunks = [stream.render(tokens[first:end], last, noise) for (first, end, last), noise in zip(calls_of(len(tokens)), source_noise)]
    return Speech(torch.cat([chunk.mel for chunk in chunks], dim=1), torch.cat([chunk.wave for chunk in chunks]))
