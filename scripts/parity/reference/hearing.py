"""The reference's hearing: 25 s pieces, log-mel, Qwen2-Audio's encoder (whose arithmetic is that of Step-Audio 2's, under
other names), the adaptor. Float32, eager attention, all pieces of a conversation in one padded batch as the reference does."""
import dataclasses
import pathlib

import soundfile
import torch
import torchaudio
from torch import nn
from torch.nn import functional
from transformers.models.qwen2_audio.configuration_qwen2_audio import Qwen2AudioEncoderConfig
from transformers.models.qwen2_audio.modeling_qwen2_audio import Qwen2AudioEncoder

from . import packages

RATE_HZ = 16000
PIECE_SAMPLES = 25 * RATE_HZ
RIGHT_PADDING = 479
NOT_HEARD = 2  # trailing mel frames that the encoder is not to attend to
MASKED = -1e10
# From the checkpoint's names to transformers' ones.
NAMES = [("blocks.", "layers."), ("attn.query.", "self_attn.q_proj."), ("attn.key.", "self_attn.k_proj."),
         ("attn.value.", "self_attn.v_proj."), ("attn.out.", "self_attn.out_proj."), ("attn_ln.", "self_attn_layer_norm."),
         ("mlp.0.", "fc1."), ("mlp.2.", "fc2."), ("mlp_ln.", "final_layer_norm."), ("after_norm.", "layer_norm."),
         ("positional_embedding.", "embed_positions.")]


def read_sound(path: pathlib.Path) -> tuple[torch.Tensor, int]:
    """Samples [channels, n] in +-1 and their rate. torchaudio's own reader needs torchcodec."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(samples.T.copy()), rate_hz


def resampled(samples: torch.Tensor, rate_hz: int, wanted_hz: int) -> torch.Tensor:
    return samples if rate_hz == wanted_hz else torchaudio.transforms.Resample(rate_hz, wanted_hz)(samples)


def pieces_of(path: pathlib.Path) -> list[torch.Tensor]:
    """The first channel of a recording at 16 kHz, in pieces of at most 25 s."""
    return list(resampled(*read_sound(path), RATE_HZ)[0].split(PIECE_SAMPLES))


def log_mel(piece: torch.Tensor) -> torch.Tensor:
    """[128, T]."""
    return packages.stepaudio2("utils").log_mel_spectrogram(piece, n_mels=128, padding=RIGHT_PADDING)


def encoded_frames(mel_frames: int) -> int:
    return (mel_frames - NOT_HEARD + 1) // 2 // 2


def token_count(mel_frames: int) -> int:
    """Rows that a piece takes in the prompt."""
    return packages.stepaudio2("utils").compute_token_num(mel_frames)


def make_encoder(sizes: dict, attention: str = "eager") -> Qwen2AudioEncoder:
    """An encoder of the sizes of config.json's audio_encoder_config, with random weights."""
    width = sizes["n_audio_state"]
    config = Qwen2AudioEncoderConfig(
        num_mel_bins=sizes["n_mels"], d_model=width, encoder_layers=sizes["n_audio_layer"],
        encoder_attention_heads=sizes["n_audio_head"], encoder_ffn_dim=4 * width, max_source_positions=sizes["n_audio_ctx"])
    config._attn_implementation = attention
    return Qwen2AudioEncoder(config).eval()


class Adaptor(nn.Module):
    """Halves the encoder's frames and brings them to the language model's width."""

    def __init__(self, width: int, inner: int, hidden: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, hidden)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:  # [B, E, width] -> [B, tokens, hidden]
        halved = functional.gelu(self.conv(frames.transpose(1, 2))).transpose(1, 2)
        return self.linear2(functional.relu(self.linear1(halved)))


def encode(encoder: Qwen2AudioEncoder, mels: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Mels [B, 128, T] of which `valid` [B] frames count -> [B, T // 4, width]. The layers are transformers' own; its forward
    takes even T alone and no mask that differs between rows, so their order stands here."""
    length = mels.shape[2]
    frames = functional.gelu(encoder.conv2(functional.gelu(encoder.conv1(mels)))).transpose(1, 2)
    frames = frames + encoder.embed_positions.weight[:frames.shape[1]]
    heard = (torch.arange(length) < valid[:, None])[:, (length + 1) % 2::2]
    mask = torch.where(heard, 0.0, MASKED)[:, None, None, :].expand(-1, 1, heard.shape[1], -1)
    for layer in encoder.layers:
        frames = layer(frames, mask, layer_head_mask=None)[0]
    return encoder.layer_norm(encoder.avg_pooler(frames.transpose(1, 2)).transpose(1, 2))


@dataclasses.dataclass
class Heard:
    """One piece. Only what counts: the padding of the batch is cut off."""
    log_mel: torch.Tensor  # [128, T]
    encoder_out: torch.Tensor  # [E, width]
    adaptor_out: torch.Tensor  # [tokens, hidden]


class Ear:
    def __init__(self, checkpoint) -> None:
        sizes = checkpoint.config["audio_encoder_config"]
        self.encoder = make_encoder(sizes)
        weights = {}
        for name, tensor in checkpoint.part("encoder.").items():
            for ours, theirs in NAMES:
                name = name.replace(ours, theirs)
            weights[name] = tensor
        self.encoder.load_state_dict(weights, strict=True)
        weights = checkpoint.part("adapter.")
        inner, width = weights["linear1.weight"].shape
        self.adaptor = Adaptor(width, inner, weights["linear2.weight"].shape[0]).eval()
        self.adaptor.load_state_dict(weights, strict=True)

    @torch.inference_mode()
    def hear(self, pieces: list[torch.Tensor]) -> list[Heard]:
        """All pieces of a conversation."""
        if not pieces:
            return []
        mels = [log_mel(piece) for piece in pieces]
        longest = max(mel.shape[1] for mel in mels)
        batch = torch.stack([functional.pad(mel, (0, longest - mel.shape[1])) for mel in mels])
        frames = encode(self.encoder, batch, torch.tensor([mel.shape[1] - NOT_HEARD for mel in mels]))
        rows = self.adaptor(frames)
        return [Heard(mel, frames[place, :encoded_frames(mel.shape[1])], rows[place, :token_count(mel.shape[1])])
                for place, mel in enumerate(mels)]
