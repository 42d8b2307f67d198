"""scripts/fetch_starter and the converters on small random models in the folders that model makers publish, and on folders
in which something is missing."""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "convert"))
import weight_groups  # noqa: E402
import whisper  # noqa: E402

WHISPER = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "d_model": 8, "num_mel_bins": 80,
           "vocab_size": 20, "max_source_positions": 1500, "max_target_positions": 16, "encoder_layers": 1, "decoder_layers": 2,
           "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
WHISPER_TOKENS = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>",
                  "<|nospeech|>", "<|notimestamps|>"]
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 64, "hidden_size": 32,
         "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
         "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 1e4, "tie_word_embeddings": True,
         "bos_token_id": 1, "eos_token_id": 2}
CHATML = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}")


def write_json(path, value):
    path.write_text(json.dumps(value))


def random_tensors(shapes, seed):
    random = np.random.default_rng(seed)
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def official_whisper(folder):
    folder.mkdir()
    write_json(folder / "config.json", WHISPER)
    write_json(folder / "tokenizer.json", {"added_tokens": [{"content": token, "id": 10 + place}
                                                            for place, token in enumerate(WHISPER_TOKENS)]})
    write_json(folder / "generation_config.json", {"suppress_tokens": [3, 1], "begin_suppress_tokens": [5]})
    tensors = random_tensors(whisper.expected_shapes(WHISPER), seed=1)
    save_file(tensors, folder / "model.safetensors")
    return tensors


def official_language_model(folder, config=LLAMA, shards=1):
    folder.mkdir()
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer.json", {"model": {"vocab": {}, "merges": []}, "added_tokens": []})
    write_json(folder / "tokenizer_config.json", {"chat_template": CHATML})
    width, inner, half = config["hidden_size"], config["intermediate_size"], config["hidden_size"] // 2
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], width), "model.norm.weight": (width,)}
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}"
        shapes |= {f"{name}.self_attn.{projection}_proj.weight": shape for projection, shape in
                   {"q": (width, width), "k": (half, width), "v": (half, width), "o": (width, width)}.items()}
        shapes |= {f"{name}.mlp.gate_proj.weight": (inner, width), f"{name}.mlp.up_proj.weight": (inner, width),
                   f"{name}.mlp.down_proj.weight": (width, inner),
                   f"{name}.input_layernorm.weight": (width,), f"{name}.post_attention_layernorm.weight": (width,)}
    tensors = random_tensors(shapes, seed=2)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return tensors
    names = sorted(tensors)
    files = {name: f"model-{place * shards // len(names) + 1:05}-of-{shards:05}.safetensors" for place, name in enumerate(names)}
    for file in set(files.values()):
        save_file({name: tensors[name] for name in names if files[name] == file}, folder / file)
    write_json(folder / "model.safetensors.index.json", {"weight_map": files})
    return tensors


def small_bundle(folder):
    """Stands for .deps/starter: what its parts hold is not looked into when they are taken over."""
    for part in ("ear", "brain", "voice", "vad"):
        (folder / part).mkdir(parents=True)
        (folder / part / "model.safetensors").write_text(part)
    write_json(folder / "bundle.json", {"format": 1, "type": "starter", "id": "starter"} |
               {part: part for part in ("ear", "brain", "voice", "vad")})


class FetchStarter(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.base, self.out = self.folder / "base", self.folder / "out"
        small_bundle(self.base)

    def fetch(self, *arguments):
        words = [ROOT / "scripts" / "fetch_starter", *arguments]
        return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, timeout=60)

    def make(self, *arguments):
        done = self.fetch("--base", self.base, *arguments, self.out)
        self.assertEqual(done.returncode, 0, done.stderr)

    def refuse(self, *arguments, says):
        """It fails with one sentence that holds `says`, and leaves nothing."""
        done = self.fetch(*arguments, self.out)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith("out")], [])

    def test_parts_that_are_not_named_are_those_of_the_base(self):
        official_language_model(self.folder / "model")
        self.make("--brain", self.folder / "model")
        for part in ("ear", "voice", "vad"):
            self.assertEqual((self.out / part / "model.safetensors").read_text(), part)
        self.assertEqual(json.loads((self.out / "bundle.json").read_text()),
                         {"format": 1, "type": "starter", "id": "starter", "ear": "ear", "brain": "brain", "voice": "voice", "vad": "vad"})

    def test_an_official_whisper_folder_becomes_the_ear(self):
        tensors = official_whisper(self.folder / "model")
        self.make("--ear", self.folder / "model", "--id", "mine")
        found = load_file(self.out / "ear" / "model.safetensors")
        self.assertEqual(found.keys(), tensors.keys())
        self.assertTrue(all((found[name] == tensors[name]).all() for name in tensors))
        self.assertEqual(json.loads((self.out / "ear" / "config.json").read_text()), WHISPER)
        self.assertEqual(json.loads((self.out / "ear" / "generation.json").read_text()),
                         {"start_of_transcript": 11, "end_of_text": 10, "no_timestamps": 17, "no_speech": 16, "suppress_tokens": [1, 3],
                          "begin_suppress_tokens": [5], "languages": {"en": 12, "de": 13}, "transcribe": 15})
        self.assertEqual(json.loads((self.out / "bundle.json").read_text())["id"], "mine")

    def test_official_language_models_become_the_brain_whole_or_in_shards(self):
        qwen = LLAMA | {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "use_sliding_window": False}
        for name, config, shards in (("llama", LLAMA, 1), ("qwen", qwen, 3)):
            with self.subTest(name):
                self.out = self.folder / f"out-{name}"
                tensors = official_language_model(self.folder / name, config, shards)
                self.make("--brain", self.folder / name)
                found = load_file(self.out / "brain" / "model.safetensors")
                self.assertEqual(found.keys(), tensors.keys())
                self.assertTrue(all((found[tensor] == tensors[tensor]).all() for tensor in tensors))
                made = json.loads((self.out / "brain" / "config.json").read_text())
                self.assertEqual(made["architectures"], config["architectures"])
                self.assertEqual(made["chat_template"], {"form": "chatml", "default_instructions": "", "preamble": ""})

    def test_the_brain_can_be_rounded_to_8_or_4_bits(self):
        for dtype, largest_error in (("int8", 0.03), ("int4", 0.4)):
            with self.subTest(dtype):
                self.out = self.folder / f"out-{dtype}"
                source = self.folder / f"model-{dtype}"
                tensors = official_language_model(source)
                self.make("--brain", source, "--brain-dtype", dtype)
                found = load_file(self.out / "brain" / "model.safetensors")
                name = "model.layers.1.mlp.up_proj"
                parts = {kind: found[f"{name}.{kind}"] for kind in ("weight", "scale", "min") if f"{name}.{kind}" in found}
                error = np.abs(weight_groups.dequantize(parts) - tensors[f"{name}.weight"]).max()
                self.assertGreater(error, 0)
                self.assertLess(error, largest_error)

    def test_a_missing_file_is_named(self):
        for make, option, files in ((official_whisper, "--ear", ("tokenizer.json", "model.safetensors", "config.json")),
                                    (official_language_model, "--brain", ("tokenizer.json", "model.safetensors", "tokenizer_config.json"))):
            for file in files:
                with self.subTest(option=option, file=file):
                    source = self.folder / f"{option}-without-{file}"
                    make(source)
                    (source / file).unlink()
                    self.refuse("--base", self.base, option, source, says=".safetensors" if file.startswith("model") else file)

    def test_a_missing_shard_is_named(self):
        official_language_model(self.folder / "model", shards=2)
        (self.folder / "model" / "model-00002-of-00002.safetensors").unlink()
        self.refuse("--base", self.base, "--brain", self.folder / "model", says="model-00002-of-00002.safetensors")

    def test_a_cut_off_weight_file_is_named(self):
        official_whisper(self.folder / "model")
        weights = self.folder / "model" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        self.refuse("--base", self.base, "--ear", self.folder / "model", says="model.safetensors is truncated")
        weights.write_bytes(b"\x08\0\0\0\0\0\0\0<html>..")
        self.refuse("--base", self.base, "--ear", self.folder / "model", says="is not a safetensors file")

    def test_another_architecture_is_refused_by_name(self):
        official_language_model(self.folder / "model", LLAMA | {"architectures": ["MambaForCausalLM"]})
        self.refuse("--base", self.base, "--brain", self.folder / "model", says="MambaForCausalLM")
        self.refuse("--base", self.base, "--ear", self.folder / "model", says="'llama'")

    def test_missing_packages_and_bundles_are_named(self):
        empty = self.folder / "empty"
        empty.mkdir()
        self.refuse("--from", empty, says=f"{empty} holds neither")
        self.refuse("--from", self.folder / "nowhere", says="nowhere is not a folder")
        self.refuse("--base", empty, says="is not a bundle")
        self.refuse("--base", self.base, "--from", empty, says="name one of them")

    def test_a_folder_that_is_there_is_not_touched(self):
        self.out.mkdir()
        (self.out / "precious").write_text("1")
        done = self.fetch("--base", self.base, self.out)
        self.assertIn("exists already", done.stderr)
        self.assertEqual([path.name for path in self.out.iterdir()], ["precious"])

    def test_stopping_it_leaves_nothing(self):
        official_language_model(self.folder / "model", LLAMA | {"vocab_size": 400_000})
        words = [sys.executable, ROOT / "scripts" / "fetch_starter", "--base", self.base, "--brain", self.folder / "model",
                 "--brain-dtype", "int4", self.out]
        running = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in running.stdout:
            if line.startswith("  brain:"):
                running.send_signal(signal.SIGTERM)
                break
        _, said = running.communicate(timeout=60)
        self.assertNotEqual(running.returncode, 0)
        self.assertIn("nothing was kept", said)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith("out")], [])


if __name__ == "__main__":
    unittest.main()
