"""The reference's speaker prompt of a recording: S3 tokens, CAM++ embedding, mel, in float32."""
import dataclasses
import pathlib

import onnxruntime
import s3tokenizer
import torch
import torchaudio
from s3tokenizer.model import ModelConfig
from s3tokenizer.model_v2 import S3TokenizerV2
from s3tokenizer.utils import onnx2torch
from torch.nn import functional

from . import hearing, packages

MEL_RATE_HZ = 24000
HEAD_WIDTH = 64
MELS_A_TOKEN = 2
LEAST_MARGIN = 3e-4  # of an S3 level from the next


@dataclasses.dataclass
class SpeakerPrompt:
    tokens: torch.Tensor  # [1, Tp], int32
    embedding: torch.Tensor  # [1, 192]
    mel: torch.Tensor  # [1, 2 Tp, 80]


class SpeakerEncoder:
    def __init__(self, checkpoint) -> None:
        folder = checkpoint.folder / "token2wav"
        self.s3 = load_s3(folder / "speech_tokenizer_v2_25hz.onnx")
        self.campplus = onnxruntime.InferenceSession(folder / "campplus.onnx", providers=["CPUExecutionProvider"])

    def tokens_of(self, sound_16k: torch.Tensor) -> torch.Tensor:
        """[1, Tp]. Refuses a sound that rounding errors could give other ids."""
        mel = s3tokenizer.log_mel_spectrogram(sound_16k)
        levels = []
        hook = self.s3.quantizer._codebook.project_down.register_forward_hook(lambda module, given, made: levels.append(made))
        ids, lengths = self.s3.quantize(mel[None], torch.tensor([mel.shape[1]]))
        hook.remove()
        # Each level is rounded to -1, 0 or 1.
        margin = min(float((level.tanh() * 0.9990000128746033).abs().sub(0.5).abs().min()) for level in levels)
        if margin < LEAST_MARGIN:
            raise ValueError(f"an S3 level lies {margin:.1e} from where it is rounded the other way; expected at least"
                             f" {LEAST_MARGIN}: take another recording")
        return ids[:, :int(lengths[0])].to(torch.int32)

    @torch.inference_mode()
    def encode(self, path: pathlib.Path) -> SpeakerPrompt:
        samples, rate_hz = hearing.read_sound(path)
        sound_16k = hearing.resampled(samples, rate_hz, hearing.RATE_HZ)[0]
        tokens = self.tokens_of(sound_16k)
        features = torchaudio.compliance.kaldi.fbank(sound_16k[None], num_mel_bins=80, dither=0, sample_frequency=hearing.RATE_HZ)
        features = features - features.mean(dim=0, keepdim=True)
        embedding = self.campplus.run(None, {self.campplus.get_inputs()[0].name: features[None].numpy()})[0]
        sound_24k = hearing.resampled(samples.mean(dim=0, keepdim=True), rate_hz, MEL_RATE_HZ)
        mel = packages.stepaudio2("flashcosyvoice.utils.audio").mel_spectrogram(sound_24k).transpose(1, 2)
        surplus = MELS_A_TOKEN * tokens.shape[1] - mel.shape[1]  # negative: cut
        return SpeakerPrompt(tokens, torch.from_numpy(embedding), functional.pad(mel, (0, 0, 0, surplus), mode="replicate"))


def load_s3(path: pathlib.Path) -> S3TokenizerV2:
    """Sizes from the tensors' shapes; the official file is one case."""
    weights = onnx2torch(str(path))
    width, mels, _ = weights["encoder.conv1.weight"].shape
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.blocks."))
    model = S3TokenizerV2("speech_tokenizer_v2_25hz", ModelConfig(n_mels=mels, n_audio_state=width,
                                                                 n_audio_head=width // HEAD_WIDTH, n_audio_layer=layers))
    inner = weights["encoder.blocks.0.mlp.0.bias"].shape[0]
    for block in model.encoder.blocks:  # four times the width whatever the configuration says
        block.mlp[0], block.mlp[2] = type(block.mlp[0])(width, inner), type(block.mlp[2])(inner, width)
    model.load_state_dict(weights, strict=True)
    return model.eval()
