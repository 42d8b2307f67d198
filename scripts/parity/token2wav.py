"""Reference outputs of token2wav: stepaudio2-minicpmo 0.1.1's flow and vocoder with small random weights.

One file, token2wav.safetensors: the weights (float16, which both sides compute with as float32) under
`flow.` and `hift.`, and what the reference makes of inputs by formula.py, some of it thinned out. The
metadata is one JSON: the flow's config and the recipes of the weights of official width, which are not
stored. The streams are driven here as Token2wav.stream drives them, under both trims of the conformer.
"""

import importlib.util
import json
import pathlib
import sys
import types

import numpy
import torch
from safetensors.numpy import save_file

from . import formula


def _reference_package() -> None:
    """Registers `stepaudio2` without running its __init__, which wants the whole of its dependencies."""
    if "stepaudio2" in sys.modules:
        return
    spec = importlib.util.find_spec("stepaudio2")
    package = types.ModuleType("stepaudio2")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["stepaudio2"] = package


BINS = 80
STEPS = 10
NOISE = 3**0.5  # evenly distributed over this has variance 1
FLOW_NOISE_SEED = 9001
SOURCE_NOISE_SEED = 9100  # and the vocoder call's number

CONFIG = {
    "input_size": 16,
    "output_size": BINS,
    "spk_embed_dim": 12,
    "vocab_size": 96,
    "encoder": {
        "input_size": 16,
        "output_size": 16,
        "pre_lookahead_len": 3,
        "num_blocks": 2,
        "num_up_blocks": 2,
        "up_stride": 2,
        "up_scale_factor": 2,
        "attention_heads": 2,
        "linear_units": 40,
    },
    "decoder": {
        "inference_cfg_rate": 0.7,
        "estimator": {
            "in_channels": 4 * BINS,
            "out_channels": BINS,
            "mlp_ratio": 2.0,
            "depth": 2,
            "num_heads": 2,
            "head_dim": 8,
            "hidden_size": 24,
        },
    },
}
SILENCE = CONFIG["vocab_size"] - 1  # what 4218 is in so small a vocabulary


def _formula(seed: int, shape: tuple[int, ...], scale: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(formula.values(seed, shape, scale))


def _encoder(config: dict):
    from stepaudio2.cosyvoice2.transformer.upsample_encoder_v2 import UpsampleConformerEncoderV2

    return UpsampleConformerEncoderV2(
        **config,
        input_layer="linear",
        pos_enc_layer_type="rel_pos_espnet",
        selfattention_layer_type="rel_selfattn",
        key_bias=True,
        dropout_rate=0.1,
        positional_dropout_rate=0.1,
        attention_dropout_rate=0.1,
        normalize_before=True,
    )


def _estimator(config: dict, frames: int):
    from stepaudio2.cosyvoice2.flow.decoder_dit import DiT

    dit = DiT(**config)
    depth, heads, width, hidden = (config[k] for k in ("depth", "num_heads", "head_dim", "hidden_size"))
    dit.att_cache_buffer = torch.zeros(depth, 2, heads, frames, 2 * width)
    dit.cnn_cache_buffer = torch.zeros(depth, 2, 2 * hidden, 2)
    return dit


def _half(module: torch.nn.Module) -> None:
    """Rounds all parameters to what float16 can hold."""
    for parameter in module.parameters():
        parameter.data = parameter.data.half().float()


def small_flow(frames: int = 1000):
    from stepaudio2.cosyvoice2.flow.flow import CausalMaskedDiffWithXvec
    from stepaudio2.cosyvoice2.flow.flow_matching import CausalConditionalCFM

    estimator = CONFIG["decoder"]["estimator"]
    cfm = CausalConditionalCFM(_estimator(estimator, frames), CONFIG["decoder"]["inference_cfg_rate"])
    depth, heads, width, hidden = (estimator[k] for k in ("depth", "num_heads", "head_dim", "hidden_size"))
    cfm.att_cache_buffer = torch.zeros(STEPS, depth, 2, heads, frames, 2 * width)
    cfm.cnn_cache_buffer = torch.zeros(STEPS, depth, 2, 2 * hidden, 2)
    cfm.rand_noise = _formula(FLOW_NOISE_SEED, (frames, BINS), NOISE).T[None].contiguous()
    flow = CausalMaskedDiffWithXvec(
        input_size=CONFIG["input_size"],
        output_size=BINS,
        spk_embed_dim=CONFIG["spk_embed_dim"],
        output_type="mel",
        vocab_size=CONFIG["vocab_size"],
        encoder=_encoder(CONFIG["encoder"]),
        decoder=cfm,
    )
    for name, parameter in flow.named_parameters():
        if "norm" in name or name.endswith((".out.1.weight", "block.3.weight")):
            parameter.data.normal_(1 if name.endswith("weight") else 0, 0.2)
        elif parameter.dim() == 1:
            parameter.data.normal_(0, 0.1)
        elif "adaLN" in name:  # zero as initialised, and then the estimator would be constant
            parameter.data.normal_(0, 0.3)
        else:
            parameter.data.normal_(0, parameter[0].numel() ** -0.5)
    _half(flow)
    return flow.eval()


def small_hift():
    from stepaudio2.flashcosyvoice.modules.hifigan import ConvRNNF0Predictor, HiFTGenerator

    hift = HiFTGenerator(base_channels=16, f0_predictor=ConvRNNF0Predictor(cond_channels=16))
    for module in hift.modules():
        if hasattr(module, "parametrizations"):
            torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
    for name, parameter in hift.named_parameters():
        if name.endswith("alpha"):
            parameter.data.uniform_(0.5, 1.5)
        elif parameter.dim() == 1:
            parameter.data.normal_(0, 0.1)
        else:
            gain = 0.4 if "resblocks" in name else 1.0
            parameter.data.normal_(0, gain * parameter[0].numel() ** -0.5)
    # a pitch of 0 to some 60 Hz: the phase of higher ones is not a matter of float32
    hift.f0_predictor.classifier.weight.data.mul_(12)
    hift.f0_predictor.classifier.bias.data.fill_(12)
    # magnitudes that do not clip, with little below the lowest frequency
    hift.conv_post.weight.data.mul_(0.4)
    hift.conv_post.bias.data[:9] -= 0.2
    hift.conv_post.bias.data[0] -= 2
    _half(hift)
    return hift.eval()


class _InjectedNoise:
    """In place of torch.randn_like while the vocoder runs: the noise of call 0, 1, ... by formula."""

    def __init__(self, harmonics: int) -> None:
        self.harmonics = harmonics
        self.calls = 0

    def __enter__(self):
        self.original = torch.randn_like
        torch.randn_like = self
        return self

    def __exit__(self, *_) -> None:
        torch.randn_like = self.original

    def __call__(self, like: torch.Tensor, **_) -> torch.Tensor:
        if like.shape[-1] != self.harmonics:
            return torch.zeros_like(like)  # the noise branch, which nothing reads
        seed = SOURCE_NOISE_SEED + self.calls
        self.calls += 1
        return torch.from_numpy(formula.values(seed, tuple(like.shape[1:]), NOISE))[None]


def _prompt(tokens: int, seed: int):
    ids = (formula.values(seed, (tokens,), 0.5) + 0.5) * (CONFIG["vocab_size"] - 1)
    mel = formula.values(seed + 1, (2 * tokens, BINS), 1.5)
    embedding = formula.values(seed + 2, (CONFIG["spk_embed_dim"],), 2.0)
    return ids.astype(numpy.int32), mel, embedding


def _tokens(count: int, seed: int) -> numpy.ndarray:
    return ((formula.values(seed, (count,), 0.5) + 0.5) * (CONFIG["vocab_size"] - 1)).astype(numpy.int32)


def _ids(values) -> torch.Tensor:
    return torch.from_numpy(numpy.asarray(values, dtype=numpy.int64))[None]


def _stream(flow, hift, prompt, tokens, lookahead: str, conformer_trim: bool):
    """Mel frames and PCM of each chunk, as Token2wav.stream makes them on the schedule of 25 and 3 tokens."""
    ids, mel, embedding = prompt
    speaker = torch.from_numpy(embedding)[None]
    ahead = [SILENCE] * 3 if lookahead == "silence" else list(ids[:3])
    cache = flow.setup_cache(_ids(list(ids) + ahead), torch.from_numpy(mel)[None], speaker, STEPS)
    window = torch.from_numpy(numpy.hamming(2 * 3840))
    heard_mel = torch.zeros(1, BINS, 0)
    heard_source = torch.zeros(1, 1, 0)
    heard_speech = torch.zeros(1, 0)
    mels, pcm = [], []
    rest = list(tokens)
    with _InjectedNoise(hift.nb_harmonics + 1):
        while rest:
            last = len(rest) < 28
            now = rest if last else rest[:28]
            rest = [] if last else rest[25:]
            made, cache = flow.inference_chunk(_ids(now), speaker, cache, last_chunk=last, n_timesteps=STEPS)
            for name in ("estimator_att_cache", "conformer_att_cache")[: 2 if conformer_trim else 1]:
                kept = cache[name]  # [..., frames, width]
                if kept.shape[-2] > len(mel) + 100:
                    cache[name] = torch.cat([kept[..., : len(mel), :], kept[..., -100:, :]], dim=-2)
            mels.append(made[0].T)
            heard = torch.cat([heard_mel, made], dim=2)
            speech, source = hift(heard, heard_source)
            if heard_speech.shape[1]:
                speech = speech.clone()
                speech[:, :3840] = speech[:, :3840] * window[:3840] + heard_speech * window[3840:]
            heard_mel, heard_source, heard_speech = heard[..., -8:], source[..., -3840:], speech[:, -3840:]
            if not last:
                speech = speech[:, :-3840]
            pcm.append((numpy.clip(speech.numpy(), -1.0, 1.0) * 32767.0).astype("<i2")[0])
    return torch.cat(mels).numpy(), numpy.concatenate(pcm)


class _Recipe:
    """Tensors of official width by formula; entries tell how: [name, shape, seed, scale, offset]."""

    def __init__(self, first_seed: int) -> None:
        self.seed = first_seed
        self.entries: list[list] = []

    def fill(self, module: torch.nn.Module, prefix: str = "") -> None:
        for name, parameter in module.named_parameters():
            shape = tuple(parameter.shape)
            norm = name.endswith("weight") and parameter.dim() == 1
            scale = 0.25 if norm else 0.1 if parameter.dim() == 1 else 1.5 * parameter[0].numel() ** -0.5
            offset = 1.0 if norm or name.endswith("alpha") else 0.0
            scale = float(numpy.float32(scale))
            values = formula.values(self.seed, shape, scale) + numpy.float32(offset)
            parameter.data = torch.from_numpy(values)
            self.entries.append([prefix + name, list(shape), self.seed, scale, offset])
            self.seed += 1


def _official_conformer(out: dict, metadata: dict) -> None:
    config = dict(CONFIG["encoder"], input_size=512, output_size=512, attention_heads=8, linear_units=2048)
    config.update(num_blocks=1, num_up_blocks=1)
    encoder = _encoder(config).eval()
    layer = encoder.encoders[0]
    recipe = _Recipe(100)
    recipe.fill(layer)
    metadata["conformer"] = recipe.entries
    x = _formula(200, (50, 512))[None]
    past = _formula(201, (1, 8, 30, 128))
    places = encoder.embed.position_encoding(offset=None, size=80)
    answer = layer(x, torch.zeros((0, 0, 0)), places, att_cache=past)[0]
    out["official.conformer"] = answer[0, ::5, ::8].contiguous().detach().numpy()


def _official_estimator(out: dict, metadata: dict) -> None:
    small = CONFIG["decoder"]["estimator"]
    config = dict(small, mlp_ratio=4.0, depth=1, num_heads=8, head_dim=64, hidden_size=512)
    dit = _estimator(config, 200).eval()
    recipe = _Recipe(300)
    recipe.fill(dit)
    metadata["estimator"] = recipe.entries
    metadata["estimator_config"] = config
    cnn, att = None, None
    for call, frames in enumerate((50, 20)):
        x, mu, cond = (_formula(400 + 10 * call + i, (frames, BINS)).T[None] for i in range(3))
        speaker = _formula(405, (BINS,))[None]
        answer, cnn, att = dit.forward_chunk(
            x.repeat(2, 1, 1),
            torch.cat([mu, torch.zeros_like(mu)]),
            torch.zeros(2),
            torch.cat([speaker, torch.zeros_like(speaker)]),
            torch.cat([cond, torch.zeros_like(cond)]),
            cnn,
            att,
        )
        out[f"official.estimator{call}"] = answer.transpose(1, 2)[:, :, ::5].contiguous().detach().numpy()
        cnn, att = cnn.clone(), att.clone()


def _official_vocoder_stage(out: dict, metadata: dict) -> None:
    from stepaudio2.flashcosyvoice.modules.hifigan_components.layers import ResBlock

    up = torch.nn.ConvTranspose1d(512, 256, 16, 8, padding=4)
    block = ResBlock(256, 11, [1, 3, 5])
    for module in block.modules():
        if hasattr(module, "parametrizations"):
            torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
    recipe = _Recipe(500)
    recipe.fill(up, "up.")
    recipe.fill(block, "block.")
    metadata["vocoder_stage"] = recipe.entries
    x = _formula(600, (12, 512)).T[None]
    out["official.vocoder_stage"] = block(up(x))[0].T[::3, ::4].contiguous().detach().numpy()


def make(folder: pathlib.Path) -> None:
    _reference_package()
    torch.manual_seed(20260)
    torch.set_num_threads(1)
    out: dict[str, numpy.ndarray] = {}
    metadata = {"flow_config": CONFIG}
    flow, hift = small_flow(), small_hift()
    with torch.inference_mode():
        for prefix, module in (("flow.", flow), ("hift.", hift)):
            for name, tensor in module.named_parameters():
                out[prefix + name] = tensor.half().numpy()

        tokens = _tokens(21, 11)
        embedded = flow.input_embedding(_ids(tokens))
        encoded, _ = flow.encoder(embedded, torch.tensor([len(tokens)]))
        out["encoder.mu"] = flow.encoder_proj(encoded)[0].numpy()

        frames, step = 11, 4
        x, mu, cond = (_formula(30 + i, (2, frames, BINS)).transpose(1, 2) for i in range(3))
        speaker = _formula(33, (2, BINS))
        table = 1 - torch.cos(torch.linspace(0, 1, STEPS + 1) * 0.5 * torch.pi)
        time = table[0]
        for i in range(step):
            time = time + (table[i + 1] - time)
        mask = torch.ones(2, 1, frames)
        velocity = flow.decoder.estimator(x, mask, mu, time.repeat(2), speaker, cond)
        out["estimator.velocity"] = velocity.transpose(1, 2).contiguous().detach().numpy()

        prompt = _prompt(15, 40)
        tokens = _tokens(19, 43)
        mel = flow.inference(
            _ids(tokens),
            torch.tensor([len(tokens)]),
            _ids(prompt[0]),
            torch.tensor([len(prompt[0])]),
            torch.from_numpy(prompt[1])[None],
            torch.tensor([len(prompt[1])]),
            torch.from_numpy(prompt[2])[None],
            STEPS,
        )
        out["offline.mel"] = mel[0].T.contiguous().detach().numpy()
        out["vocoder.f0"] = hift.f0_predictor(mel)[0].numpy()
        with _InjectedNoise(hift.nb_harmonics + 1):
            speech, source = hift(mel)
        out["vocoder.source"] = source[0, 0, ::5].contiguous().detach().numpy()
        out["vocoder.speech"] = speech[0, ::5].contiguous().detach().numpy()

        for case, prompt_tokens, lookahead, trim in (
            ("short_py", 30, "silence", True),
            ("long_py", 55, "silence", True),
            ("long_up", 55, "prompt", False),
        ):
            mels, pcm = _stream(flow, hift, _prompt(prompt_tokens, 50), _tokens(184, 60), lookahead, trim)
            out[f"stream.{case}.mel"] = numpy.ascontiguousarray(mels[:, ::10])
            out[f"stream.{case}.pcm"] = numpy.ascontiguousarray(pcm[::32])

    _official_conformer(out, metadata)
    _official_estimator(out, metadata)
    _official_vocoder_stage(out, metadata)
    # several entries would lie in another order each time
    save_file(out, folder / "token2wav.safetensors", {"token2wav": json.dumps(metadata)})
