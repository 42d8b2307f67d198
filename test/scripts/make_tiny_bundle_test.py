"""scripts/make_tiny_bundle.py: the same bytes from the same seed, and a model that speaks in the right form."""
import json
import pathlib
import subprocess
import sys
import unittest

import numpy as np

from tiny_checkpoint import OfTinyCheckpoint, elements

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "convert")]
import make_tiny_bundle  # noqa: E402
from step_audio_2 import campplus_onnx, expected  # noqa: E402
from tiny_step_audio_2 import tokenizer  # noqa: E402


class TinyCheckpoint(OfTinyCheckpoint):
    def test_the_same_seed_makes_the_same_bytes_and_another_does_not(self):
        for seed, same in ((3, True), (4, False)):
            other = self.folder / f"seed {seed}"
            make_tiny_bundle.make_checkpoint(other, seed=seed)
            files = [file for file in other.rglob("*") if file.is_file()]
            equal = {file.name: file.read_bytes() == (self.whole / file.relative_to(other)).read_bytes() for file in files}
            self.assertEqual(len(files), 19)
            drawn = [name for name in equal if name.endswith((".safetensors", ".pt", ".onnx", ".wav"))]
            self.assertEqual([equal[name] for name in drawn], [same] * len(drawn))

    def test_the_program_makes_both_folders_of_any_variant(self):
        for variant in ("mini", "base", "think"):
            out = self.folder / variant
            words = [ROOT / "scripts" / "make_tiny_bundle.py", out, "--variant", variant, "--dtype", "bfloat16", "--recipe",
                     self.recipe]
            done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(folder.name for folder in out.iterdir()), ["bundle", "checkpoint"])
            index = json.loads((out / "checkpoint" / "model.safetensors.index.json").read_text())
            shapes = expected.model(expected.ModelSizes.of(json.loads((out / "checkpoint" / "config.json").read_text())))
            extents = {"the encoder's inner width": 320, "the adapter's inner width": 112}
            self.assertEqual(index["metadata"]["total_size"], 2 * elements(shapes, extents))

    def test_it_says_text_outside_of_speech_and_audio_inside(self):
        words = tokenizer.Tokenizer()
        config = json.loads((self.checkpoint / "config.json").read_text())["text_config"]
        weights = self.model(self.checkpoint)
        speech = [words.id("<tts_start>"), *range(words.id("<audio_0>"), words.id("<audio_40>"))]
        question = [words.id("<|BOT|>"), 40, 50, 60, words.id("<|EOT|>")]
        spoken = [*question, *speech, words.id("<tts_end>"), words.id("<|EOT|>")]
        ends = [0.0, 0.0]
        for prompt, audio in ((question, False), (question + speech, True), (spoken * 3 + question, False),
                              (spoken * 3 + question + speech, True)):
            likely = next_token(weights, config, prompt)
            of_audio = likely[words.id("<audio_0>"):words.id("<audio_6561>")].sum()
            of_text = likely[:len(words.base)].sum()
            self.assertGreater(of_audio if audio else of_text, 0.5)
            ends[audio] += likely[words.id("<tts_end>" if audio else "<|EOT|>")]
            if not audio:
                self.assertLess(of_audio, 1e-4)
        self.assertGreater(min(ends), 1e-4)

    def test_an_endless_one_never_stops(self):
        other = self.folder / "endless"
        make_tiny_bundle.make_checkpoint(other, seed=3, endless=True)
        words = tokenizer.Tokenizer()
        weights, config = self.model(other), json.loads((other / "config.json").read_text())["text_config"]
        for prompt in ([words.id("<tts_start>")], [words.id("<tts_start>")] + [words.id("<audio_7>")] * 9):
            likely = next_token(weights, config, prompt)
            self.assertLess(likely[words.id("<tts_end>")] + likely[words.id("<|EOT|>")], 1e-6)
            self.assertGreater(likely[words.id("<audio_0>"):words.id("<audio_6561>")].sum(), 0.9)

    def test_no_layer_is_idle(self):
        flow = self.pt("flow.pt")
        for name in ("decoder.estimator.blocks.0.adaLN_modulation.1.weight",
                     "decoder.estimator.final_layer.adaLN_modulation.1.weight", "decoder.estimator.final_layer.linear.weight"):
            self.assertGreater(np.abs(flow[name]).mean(), 0.01, name)
        speaker = campplus_onnx.read(self.checkpoint / "token2wav" / "campplus.onnx")
        for name, tensor in speaker.items():
            self.assertGreater(tensor.floats().std(), 0.01, name)


def next_token(weights, config, ids):
    """Probabilities of what follows, by a Qwen2 decoder of few lines."""
    def norm(x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * weights[f"{name}.weight"]

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0)

    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    size = config["hidden_size"] // heads
    angles = np.arange(len(ids))[:, None] * config["rope_theta"] ** (-np.arange(0, size, 2) / size)
    cos, sin = (np.tile(table(angles), 2)[:, None] for table in (np.cos, np.sin))

    def rotated(x):
        return x * cos + np.concatenate([-x[..., size // 2:], x[..., :size // 2]], -1) * sin

    future = np.triu(np.full((len(ids), len(ids)), -np.inf), 1)
    x = weights["model.embed_tokens.weight"][ids].astype(np.float64)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        inner = norm(x, f"{at}.input_layernorm")
        q, k, v = (linear(inner, f"{at}.self_attn.{part}_proj").reshape(len(ids), -1, size) for part in "qkv")
        k, v = (np.repeat(part, heads // groups, 1) for part in (rotated(k), v))
        scores = np.einsum("qhd,khd->hqk", rotated(q), k) / np.sqrt(size) + future
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", attention, v).reshape(len(ids), -1)
        x = x + linear(mixed, f"{at}.self_attn.o_proj")
        inner = norm(x, f"{at}.post_attention_layernorm")
        gate = linear(inner, f"{at}.mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(inner, f"{at}.mlp.up_proj"), f"{at}.mlp.down_proj")
    logits = weights["lm_head.weight"] @ norm(x[-1], "model.norm")
    likely = np.exp(logits - logits.max())
    return likely / likely.sum()


if __name__ == "__main__":
    unittest.main()
