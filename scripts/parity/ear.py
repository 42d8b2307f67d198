"""What the reference hears: log-mel spectra, encoder outputs and adaptor rows, for the tests of the ear.

Oracles: s3tokenizer's log-mel and librosa's filters; transformers' Qwen2AudioEncoder, which with an explicit mask
computes what Step-Audio 2's encoder computes; the adaptor's three layers. Sound and weights are made by formula
(formula.py) and are not stored: test/engine/models/step_audio_2/ear/ear_checkpoint.hpp makes the same.
"""

import pathlib

import librosa
import numpy
import s3tokenizer
import torch
from safetensors.numpy import save_file
from transformers.models.qwen2_audio.configuration_qwen2_audio import Qwen2AudioEncoderConfig
from transformers.models.qwen2_audio.modeling_qwen2_audio import Qwen2AudioEncoder

from . import formula

PADDING = 479

TINY = {
    "n_mels": 16,
    "n_audio_ctx": 110,
    "n_audio_state": 64,
    "n_audio_head": 4,
    "n_audio_layer": 3,
    "llm_dim": 24,
    "kernel_size": 3,
    "adapter_stride": 2,
    "inner": 256,
    "middle": 40,
}
# One block and the adaptor in the sizes of Step-Audio-2-mini.
OFFICIAL = {
    "n_mels": 128,
    "n_audio_ctx": 1500,
    "n_audio_state": 1280,
    "n_audio_head": 20,
    "n_audio_layer": 1,
    "llm_dim": 3584,
    "kernel_size": 3,
    "adapter_stride": 2,
    "inner": 5120,
    "middle": 2048,
}


def sound(samples: int, seed: int) -> torch.Tensor:
    """Noise, loud and quiet by turns of a quarter of a second."""
    noise = formula.values(seed, (samples,), 1.0)
    loud = numpy.arange(samples) // 4000 % 2 == 0
    return torch.from_numpy(noise * numpy.where(loud, numpy.float32(0.5), numpy.float32(0.01)))


def log_mel(pcm: torch.Tensor, mels: int, padding: int) -> torch.Tensor:
    """[mels, frames], normalised."""
    padded = torch.nn.functional.pad(pcm, (0, padding))
    spectrum = torch.stft(padded, 400, 160, window=torch.hann_window(400), return_complex=True)
    power = spectrum[:, :-1].abs() ** 2
    filters = torch.from_numpy(librosa.filters.mel(sr=16000, n_fft=400, n_mels=mels))
    values = torch.clamp(filters @ power, min=1e-10).log10()
    return (torch.maximum(values, values.max() - 8.0) + 4.0) / 4.0


def weights(config: dict, seed: int) -> dict[str, torch.Tensor]:
    """The checkpoint's tensors, in the order in which their seeds are counted."""
    width, inner = config["n_audio_state"], config["inner"]
    tensors: dict[str, torch.Tensor] = {}

    def add(name: str, shape: tuple[int, ...], scale: float, offset: float = 0.0) -> None:
        made = formula.values(seed + len(tensors), shape, scale) + numpy.float32(offset)
        tensors[name] = torch.from_numpy(made)

    def layer(name: str, shape: tuple[int, ...], bias: bool = True) -> None:
        fan_in = int(numpy.prod(shape[1:]))
        add(name + ".weight", shape, (3.0 / fan_in) ** 0.5)
        if bias:
            add(name + ".bias", (shape[0],), 0.1)

    def norm(name: str) -> None:
        add(name + ".weight", (width,), 0.2, 1.0)
        add(name + ".bias", (width,), 0.1)

    layer("encoder.conv1", (width, config["n_mels"], 3))
    layer("encoder.conv2", (width, width, 3))
    add("encoder.positional_embedding.weight", (config["n_audio_ctx"], width), 0.5)
    for i in range(config["n_audio_layer"]):
        block = f"encoder.blocks.{i}."
        for name in ("query", "key", "value", "out"):
            layer(block + "attn." + name, (width, width), bias=name != "key")
        norm(block + "attn_ln")
        layer(block + "mlp.0", (inner, width))
        layer(block + "mlp.2", (width, inner))
        norm(block + "mlp_ln")
    norm("encoder.after_norm")
    layer("adapter.conv", (width, width, config["kernel_size"]))
    layer("adapter.linear1", (config["middle"], width))
    layer("adapter.linear2", (config["llm_dim"], config["middle"]))
    return tensors


def encoder_of(config: dict, tensors: dict[str, torch.Tensor], positions: int) -> Qwen2AudioEncoder:
    encoder = Qwen2AudioEncoder(
        Qwen2AudioEncoderConfig(
            num_mel_bins=config["n_mels"],
            encoder_layers=config["n_audio_layer"],
            encoder_attention_heads=config["n_audio_head"],
            encoder_ffn_dim=config["inner"],
            d_model=config["n_audio_state"],
            max_source_positions=positions,
            attn_implementation="eager",
        )
    ).eval()
    renamed = {}
    for name, tensor in tensors.items():
        if not name.startswith("encoder."):
            continue
        name = name.removeprefix("encoder.")
        if name == "positional_embedding.weight":
            tensor = tensor[:positions]
        for ours, theirs in (
            ("blocks.", "layers."),
            ("attn_ln", "self_attn_layer_norm"),
            ("attn.query", "self_attn.q_proj"),
            ("attn.key", "self_attn.k_proj"),
            ("attn.value", "self_attn.v_proj"),
            ("attn.out", "self_attn.out_proj"),
            ("mlp.0", "fc1"),
            ("mlp.2", "fc2"),
            ("mlp_ln", "final_layer_norm"),
            ("positional_embedding", "embed_positions"),
            ("after_norm", "layer_norm"),
        ):
            name = name.replace(ours, theirs)
        renamed[name] = tensor
    encoder.load_state_dict(renamed)
    return encoder


def encode(config: dict, tensors: dict[str, torch.Tensor], pieces: list[torch.Tensor]) -> list[dict]:
    """Rows and encoder output of each piece [mels, frames], all padded to the longest."""
    longest = max(piece.shape[1] for piece in pieces)
    features = torch.stack([torch.nn.functional.pad(piece, (0, longest - piece.shape[1])) for piece in pieces])
    lengths = torch.tensor([piece.shape[1] - 2 for piece in pieces])
    valid = (torch.arange(longest) < lengths[:, None])[:, (longest + 1) % 2 :: 2]
    positions = valid.shape[1]
    bias = torch.where(valid, 0.0, -1e10)[:, None, None, :].expand(-1, 1, positions, positions)

    encoder = encoder_of(config, tensors, positions)
    gelu = torch.nn.functional.gelu
    x = gelu(encoder.conv2(gelu(encoder.conv1(features)))).permute(0, 2, 1) + encoder.embed_positions.weight
    for layer in encoder.layers:
        x = layer(x, bias, None)[0]
    pooled = encoder.layer_norm(encoder.avg_pooler(x.permute(0, 2, 1)).permute(0, 2, 1))
    if longest % 2 == 0:  # the class itself takes even numbers of frames only
        assert torch.equal(pooled, encoder(features, attention_mask=bias).last_hidden_state)

    def linear(name: str, rows: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(rows, tensors[name + ".weight"], tensors[name + ".bias"])

    turned = gelu(
        torch.nn.functional.conv1d(
            pooled.permute(0, 2, 1),
            tensors["adapter.conv.weight"],
            tensors["adapter.conv.bias"],
            stride=config["adapter_stride"],
            padding=1,
        )
    ).permute(0, 2, 1)
    rows = linear("adapter.linear2", torch.relu(linear("adapter.linear1", turned)))
    result = []
    for i, length in enumerate(lengths.tolist()):
        encoded = (length + 1) // 2 // 2
        tokens = (encoded + 2 - config["kernel_size"]) // config["adapter_stride"] + 1
        result.append({"rows": rows[i, :tokens], "encoded": pooled[i, :encoded]})
    return result


def make(folder: pathlib.Path) -> None:
    """Writes `folder`/ear.safetensors."""
    kept: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for padding, samples in ((PADDING, 8000), (0, 8100), (PADDING, 150)):
            spectrum = s3tokenizer.log_mel_spectrogram(sound(samples, 1), 128, padding)
            assert (spectrum - log_mel(sound(samples, 1), 128, padding)).abs().max() < 1e-5
            kept[f"log_mel.{padding}.{samples}"] = spectrum

        def hear(case: str, config: dict, seed: int, samples: tuple[int, ...], step: int = 1) -> None:
            pieces = [log_mel(sound(count, 2 + i), config["n_mels"], PADDING) for i, count in enumerate(samples)]
            for i, found in enumerate(encode(config, weights(config, seed), pieces)):
                for name, values in found.items():
                    kept[f"{case}.{i}.{name}"] = values[:, ::step]

        for frames in (52, 102, 103, 104):
            hear(f"alone_{frames}", TINY, 100, (160 * frames - 320,))
        hear("together", TINY, 100, (32000, 26080))  # 202 and 165 frames
        hear("together_odd", TINY, 100, (16160, 8000))  # 103 and 52
        hear("official", OFFICIAL, 200, (16000,), step=7)
    save_file({name: values.contiguous().numpy() for name, values in kept.items()}, folder / "ear.safetensors")
