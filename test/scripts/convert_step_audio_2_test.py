"""scripts/convert_step_audio_2.py on small random checkpoints in the published layout, whole and with something wrong in
them, and the sizes of the published checkpoint."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from safetensors.numpy import load_file, save_file

from tiny_checkpoint import OfTinyCheckpoint, elements

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "convert")]
import convert_step_audio_2  # noqa: E402
import weight_groups  # noqa: E402
from step_audio_2 import expected, flow_yaml, vocoder_weights  # noqa: E402

PUBLISHED_CONFIG = {
    "text_config": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
                    "num_key_value_heads": 4, "num_attention_groups": 4, "vocab_size": 158720},
    "audio_encoder_config": {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 1280, "n_audio_head": 20,
                             "n_audio_layer": 32, "llm_dim": 3584, "kernel_size": 3, "adapter_stride": 2}}
PUBLISHED_FLOW = """
flow: !new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
    input_size: 512
    output_size: 80
    spk_embed_dim: 192
    output_type: "mel"  # as all of the family
    vocab_size: 6561
    encoder: !new:cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
        input_size: 512
        output_size: 512
        attention_heads: 8
        linear_units: 2048
        num_blocks: 6
        num_up_blocks: 4
    decoder: !new:cosyvoice2.flow.flow_matching.CausalConditionalCFM
        inference_cfg_rate: 0.7
        estimator: !new:cosyvoice2.flow.decoder_dit.DiT
            in_channels: 320
            out_channels: 80
            mlp_ratio: 4.0
            depth: 16
            num_heads: 8
            head_dim: 64
            hidden_size: 512
"""
# Runs the program with a pause after each line that it says, so that a signal meets it at work.
SLOWLY = """
import sys, time
sys.path.insert(0, sys.argv.pop(1))
import convert_step_audio_2
say = convert_step_audio_2.Progress.say
def slowly(self, sentence):
    say(self, sentence)
    time.sleep(0.5)
convert_step_audio_2.Progress.say = slowly
convert_step_audio_2.main()
"""


class PublishedSizes(unittest.TestCase):
    """Counts of tensors and bytes that the makers' files have."""

    def test_the_language_model_with_its_ear(self):
        shapes = expected.model(expected.ModelSizes.of(PUBLISHED_CONFIG))
        extents = {"the encoder's inner width": 5120, "the adapter's inner width": 2048}
        self.assertEqual(len(shapes), 832)
        self.assertEqual(2 * elements(shapes, extents), 16_630_358_528)

    def test_the_flow(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "flow.yaml"
            file.write_text(PUBLISHED_FLOW)
            shapes = expected.flow(flow_yaml.read(file))
        self.assertEqual(len(shapes), 605)
        self.assertEqual(elements(shapes, {"twice the time embedding's frequencies": 256}), 155_802_352)

    def test_the_vocoder(self):
        counted = {"conv_pre.weight": (512, 80, 7), "ups.2.weight": (128, 64, 7), "resblocks.8.convs1.2.weight": (64, 64, 11),
                   "f0_predictor.condnet.8.weight": (512, 512, 3)}
        shapes = expected.vocoder(counted)
        extents = {"mels": 80, "harmonics": 9, "bins of the source": 18, "the F0 predictor's width": 512,
                   "kernel of conv_pre": 7, "kernel of conv_post": 7, "kernel of the F0 predictor": 3,
                   **{f"kernel of ups.{up}": kernel for up, kernel in enumerate((16, 11, 7))},
                   **{f"kernel of source_downs.{up}": kernel for up, kernel in enumerate((30, 6, 1))},
                   **{f"kernel of source_resblocks.{up}": kernel for up, kernel in enumerate((7, 7, 11))},
                   **{f"kernel {place} of resblocks": kernel for place, kernel in enumerate((3, 7, 11))}}
        normed = {name: shape for name, shape in shapes.items() if expected.is_weight_normed(name)}
        self.assertEqual(len(shapes) + len(normed), 328)
        lengths = sum(extents.get(shape[0], shape[0]) for shape in normed.values())
        self.assertEqual(elements(shapes, extents) + lengths, 20_821_295)

    def test_the_speech_tokenizer(self):
        shapes = expected.speech_tokenizer({"encoder.conv1.weight": (1280, 128, 3), "encoder.blocks.5.attn_ln.bias": (1280,)})
        extents = {"mels": 128, "kernel of conv1": 3, "kernel of conv2": 3, "the tokenizer's inner width": 5120,
                   "kernel of the memory": 31, "digits of a token": 8}
        self.assertEqual(len(shapes), 102)
        self.assertEqual(elements(shapes, extents), 123_714_568)


class Bundle(OfTinyCheckpoint):
    def test_holds_what_its_contract_names(self):
        self.convert("--id", "mine")
        found = json.loads((self.bundle / "bundle.json").read_text())
        parts = {part: part for part in ("model", "token2wav", "speaker", "voices", "recipe")}
        self.assertEqual({key: value for key, value in found.items() if key != "vad"},
                         {"format": 1, "type": "step_audio_2", "id": "mine", **parts})
        files = sorted(str(file.relative_to(self.bundle)) for file in self.bundle.rglob("*")
                       if file.is_file() and file.parent.name != "vad")
        self.assertEqual(files, ["bundle.json", "model/config.json", "model/model-00001-of-00003.safetensors",
                                 "model/model-00002-of-00003.safetensors", "model/model-00003-of-00003.safetensors",
                                 "model/model.safetensors.index.json", "model/tokenizer.json", "recipe/recipe.json",
                                 "speaker/campplus.safetensors", "speaker/s3_tokenizer.safetensors",
                                 "token2wav/config.json", "token2wav/flow.safetensors", "token2wav/hift.safetensors",
                                 "voices/bright.wav", "voices/default_female.wav", "voices/default_male.wav",
                                 "voices/voices.json"])
        self.assertEqual(json.loads((self.bundle / "recipe" / "recipe.json").read_text()), {"name": "of the test"})
        self.assertEqual((self.bundle / "model" / "config.json").read_bytes(), (self.checkpoint / "config.json").read_bytes())
        self.assertEqual(os.stat(self.bundle).st_mode & 0o777, os.stat(self.checkpoint).st_mode & 0o777)

    def test_shards_as_stored_are_shared_with_the_checkpoint(self):
        said = self.convert()
        for shard in self.checkpoint.glob("model-*.safetensors"):
            self.assertTrue(os.path.samefile(shard, self.bundle / "model" / shard.name))
            self.assertIn(f"{shard.name}: {shard.stat().st_size / 1e6:.1f} MB, linked", said)

    def test_tensors_of_speech_synthesis_are_those_of_the_checkpoint(self):
        self.convert()
        flow = load_file(self.bundle / "token2wav" / "flow.safetensors")
        stored = self.pt("flow.pt")
        self.assertEqual(flow.keys(), stored.keys())
        self.assertTrue(all((flow[name] == stored[name]).all() for name in stored))
        self.assertEqual(json.loads((self.bundle / "token2wav" / "config.json").read_text())["flow"]["decoder"]["estimator"],
                         {"in_channels": 320, "out_channels": 80, "mlp_ratio": 2.0, "depth": 2, "num_heads": 2, "head_dim": 16,
                          "hidden_size": 32})

    def test_weight_norm_is_folded_by_the_first_axis(self):
        self.convert()
        vocoder, stored = load_file(self.bundle / "token2wav" / "hift.safetensors"), self.pt("hift.pt")
        for name in ("ups.0", "resblocks.4.convs2.1", "f0_predictor.condnet.2"):
            length = stored[f"generator.{name}.parametrizations.weight.original0"]
            direction = stored[f"generator.{name}.parametrizations.weight.original1"]
            norm = np.sqrt((direction.astype(np.float64) ** 2).sum((1, 2), keepdims=True))
            np.testing.assert_allclose(vocoder[f"{name}.weight"], length * direction / norm, rtol=1e-6)
        self.assertEqual(len(vocoder), 246)
        self.assertFalse(any("generator" in name or "original" in name for name in vocoder))

    def test_older_spellings_of_the_vocoder_make_the_same(self):
        self.convert()
        usual = load_file(self.bundle / "token2wav" / "hift.safetensors")
        shutil.rmtree(self.bundle)
        self.save_pt("hift.pt", {name.removeprefix("generator.").replace(".parametrizations.weight.original0", ".weight_g")
                                 .replace(".parametrizations.weight.original1", ".weight_v"): tensor
                                 for name, tensor in self.pt("hift.pt").items()})
        self.convert()
        older = load_file(self.bundle / "token2wav" / "hift.safetensors")
        self.assertEqual(usual.keys(), older.keys())
        self.assertTrue(all((usual[name] == older[name]).all() for name in usual))

    def test_a_text_config_that_lies_flat_is_read_too(self):
        config = json.loads((self.checkpoint / "config.json").read_text())
        config |= config.pop("text_config")
        (self.checkpoint / "config.json").write_text(json.dumps(config))
        self.convert()

    def test_a_checkpoint_in_one_file_stays_in_one(self):
        tensors = self.model(self.checkpoint)
        for file in self.checkpoint.glob("model*"):
            file.unlink()
        save_file(tensors, self.checkpoint / "model.safetensors")
        self.convert()
        self.assertEqual([file.name for file in (self.bundle / "model").glob("model*")], ["model.safetensors"])

    def test_voices_can_be_named(self):
        self.convert("--voice", f"anna={self.checkpoint / 'assets' / 'bright.wav'}",
                     "--voice", f"ben_male={self.checkpoint / 'assets' / 'default_male.wav'}")
        voices = json.loads((self.bundle / "voices" / "voices.json").read_text())
        self.assertEqual([(voice["name"], voice["file"], voice["sex"]) for voice in voices],
                         [("anna", "anna.wav", ""), ("ben_male", "ben_male.wav", "male")])
        self.assertEqual((self.bundle / "voices" / "anna.wav").read_bytes(),
                         (self.checkpoint / "assets" / "bright.wav").read_bytes())

    def test_without_a_recording_there_are_no_voices_and_it_says_so(self):
        shutil.rmtree(self.checkpoint / "assets")
        self.assertIn("voices: none", self.convert())
        self.assertEqual(json.loads((self.bundle / "voices" / "voices.json").read_text()), [])


class Rounding(OfTinyCheckpoint):
    def test_int8_is_for_the_language_models_matrices_and_equals_weight_groups(self):
        stored = self.model(self.checkpoint)
        self.convert("--dtype", "int8")
        made = self.model(self.bundle / "model")
        rounded = [name for name in stored if name.startswith(("model.", "lm_head")) and stored[name].ndim == 2]
        self.assertEqual(len(rounded), 2 + 2 * 7)
        for name, tensor in stored.items():
            if name not in rounded:
                self.assertTrue((made[name] == tensor).all(), name)
                continue
            parts = weight_groups.quantize(tensor, "int8")
            self.assertEqual(made[name].dtype, np.int8)
            self.assertTrue((made[name] == parts["weight"]).all(), name)
            scale = made[name.removesuffix(".weight") + ".scale"]
            self.assertEqual(scale.dtype, np.float16)
            self.assertTrue((scale == parts["scale"]).all(), name)
        places = json.loads((self.bundle / "model" / "model.safetensors.index.json").read_text())["weight_map"]
        self.assertEqual(places.keys(), made.keys())

    def test_float16_rounds_to_nearest(self):
        stored = self.model(self.checkpoint)
        self.convert("--dtype", "float16")
        for name, tensor in self.model(self.bundle / "model").items():
            self.assertTrue((tensor == stored[name].astype(np.float16)).all(), name)

    def test_bfloat16_rounds_to_nearest_with_ties_to_even(self):
        name = "model.norm.weight"
        values = np.resize(np.array([1.0, 1.00390625, 1.01171875, 1.0039065, -3.1415927, 1e-40, np.inf], np.float32), 64)
        file = next(file for file in self.checkpoint.glob("model-*") if name in load_file(file))
        save_file(load_file(file) | {name: values}, file)
        self.convert("--dtype", "bfloat16")
        _, found = self.raw(name)
        self.assertEqual(found[:7].tolist(), [0x3F80, 0x3F80, 0x3F82, 0x3F81, 0xC049, 0x0001, 0x7F80])

    def raw(self, name):
        for file in (self.bundle / "model").glob("model-*"):
            data = file.read_bytes()
            size = int.from_bytes(data[:8], "little")
            header = json.loads(data[8:8 + size])
            if name in header:
                begin, end = header[name]["data_offsets"]
                self.assertEqual(header[name]["dtype"], "BF16")
                return header[name]["shape"], np.frombuffer(data[8 + size + begin:8 + size + end], "<u2")

    def test_numbers_that_float16_cannot_hold_are_refused(self):
        name = "model.norm.weight"
        file = next(file for file in self.checkpoint.glob("model-*") if name in load_file(file))
        save_file(load_file(file) | {name: np.full(64, 7e4, np.float32)}, file)
        self.refuse("--dtype", "float16", says=f"{name} has values beyond 65504")

    def test_a_large_matrix_is_not_held(self):
        """The program's memory with a matrix of 300 MB is that with a small one, but for some pieces."""
        small = self.peak_megabytes("--dtype", "int8")
        config = json.loads((self.checkpoint / "config.json").read_text())
        config["text_config"]["vocab_size"] = rows = 1_200_000
        (self.checkpoint / "config.json").write_text(json.dumps(config))
        self.grow("lm_head.weight", rows)
        self.grow("model.embed_tokens.weight", rows)
        shutil.rmtree(self.bundle)
        self.assertLess(self.peak_megabytes("--dtype", "int8"), small + 100)

    def grow(self, name, rows):
        """Zeros in a file that takes no room on the disk."""
        file = next(file for file in self.checkpoint.glob("model-*") if name in load_file(file))
        tensors = {other: tensor for other, tensor in load_file(file).items() if other != name}
        save_file(tensors | {f"~{name}": np.zeros(1, np.float32)}, file)
        data = file.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        del header[f"~{name}"]
        end = max(entry["data_offsets"][1] for entry in header.values() if "data_offsets" in entry)
        header[name] = {"dtype": "F32", "shape": [rows, 64], "data_offsets": [end, end + rows * 64 * 4]}
        text = json.dumps(header).encode()
        with file.open("wb") as out:
            out.write(len(text).to_bytes(8, "little") + text + data[8 + size:8 + size + end])
            out.truncate(8 + len(text) + end + rows * 64 * 4)

    def peak_megabytes(self, *arguments):
        program = ("import runpy, sys; sys.argv = sys.argv[1:]; sys.path.insert(0, sys.argv[0].rsplit('/', 1)[0])\n"
                   "runpy.run_path(sys.argv[0], run_name='__main__')\n"
                   "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))")
        done = subprocess.run([sys.executable, "-c", program, *self.words(*arguments)[1:]], capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout.splitlines()[-1]) / 1024


class Refusal(OfTinyCheckpoint):
    def test_everything_that_does_not_fit_is_listed_at_once(self):
        for file in self.checkpoint.glob("model-*"):
            tensors = load_file(file)
            tensors.pop("lm_head.weight", None)
            if "encoder.conv1.weight" in tensors:
                tensors["encoder.conv1.weight"] = tensors["encoder.conv1.weight"][:, :80].copy()
                tensors["encoder.left.over"] = np.zeros((2, 3), np.float32)
            save_file(tensors, file)
        flow = self.pt("flow.pt")
        flow["decoder.extra"] = np.zeros(4, np.float32)
        del flow["encoder.after_norm.bias"]
        self.save_pt("flow.pt", flow)
        vocoder = self.pt("hift.pt")
        del vocoder["generator.ups.1.parametrizations.weight.original0"]
        self.save_pt("hift.pt", vocoder)
        tokenizer = json.loads((self.checkpoint / "tokenizer.json").read_text())
        tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"]
                                     if token["content"] not in ("<tts_pad>", "<audio_77>")]
        (self.checkpoint / "tokenizer.json").write_text(json.dumps(tokenizer))
        for file in ("added_tokens.json", "tokenizer_config.json"):
            (self.checkpoint / file).unlink()
        said = self.refuse(says=["missing lm_head.weight, expected [7289, 64]",
                                 "misshaped encoder.conv1.weight, expected [80, 128, 3], found [80, 80, 3]",
                                 "spare encoder.left.over [2, 3]", "flow.pt: spare decoder.extra [4]",
                                 "flow.pt: missing encoder.after_norm.bias, expected [64]",
                                 "hift.pt: missing ups.1.parametrizations.weight.original0, expected [16, 1, 1]",
                                 "tokenizer.json: missing the token <tts_pad>", "tokenizer.json: missing the token <audio_77>"])
        self.assertEqual(len(said.splitlines()), 1 + 8)

    def test_a_letter_of_a_shape_stands_for_one_number(self):
        for file in self.checkpoint.glob("model-*"):
            tensors = load_file(file)
            if "encoder.blocks.1.mlp.2.weight" in tensors:
                tensors["encoder.blocks.1.mlp.2.weight"] = np.zeros((80, 300), np.float32)
                save_file(tensors, file)
        self.refuse(says="misshaped encoder.blocks.1.mlp.2.weight, expected [80, 320], found [80, 300]")

    def test_missing_files_are_named(self):
        (self.checkpoint / "token2wav" / "flow.yaml").unlink()
        (self.checkpoint / "token2wav" / "hift.pt").unlink()
        self.refuse(says="lacks token2wav/flow.yaml, token2wav/hift.pt")

    def test_a_missing_shard_is_named_and_not_each_tensor_in_it(self):
        (self.checkpoint / "model-00002-of-00003.safetensors").unlink()
        said = self.refuse(says="model-00002-of-00003.safetensors: missing, model.safetensors.index.json names it")
        self.assertEqual(len(said.splitlines()), 2)

    def test_a_cut_off_shard_is_named(self):
        shard = self.checkpoint / "model-00001-of-00003.safetensors"
        shard.write_bytes(shard.read_bytes()[:-10])
        self.refuse(says="model-00001-of-00003.safetensors is truncated")

    def test_cut_off_tensors_of_torch_are_named(self):
        file = self.checkpoint / "token2wav" / "flow.pt"
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 0xFF
        file.write_bytes(data)
        self.refuse(says="flow.pt is damaged where")
        file.write_bytes(data[:len(data) // 2])
        self.refuse(says="flow.pt is not a zip archive")

    def test_a_folder_that_is_there_is_not_touched(self):
        self.bundle.mkdir()
        (self.bundle / "precious").write_text("1")
        done = subprocess.run(self.words(), capture_output=True, text=True, timeout=60)
        self.assertIn("exists already", done.stderr)
        self.assertEqual([path.name for path in self.bundle.iterdir()], ["precious"])

    def test_another_model_is_refused_by_what_its_config_lacks(self):
        (self.checkpoint / "config.json").write_text('{"model_type": "qwen2", "hidden_size": 64}')
        self.refuse(says="has no audio_encoder_config")

    def test_a_signal_leaves_nothing(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                words = [sys.executable, "-c", SLOWLY, str(ROOT / "scripts"), *self.words("--dtype", "int8")[2:]]
                running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for line in running.stderr:
                    if line.startswith("model-"):
                        self.assertTrue((self.folder / "bundle.part").is_dir())
                        running.send_signal(number)
                        break
                _, rest = running.communicate(timeout=60)
                self.assertEqual(running.returncode, 1, rest)
                self.assertIn("stopped; nothing was kept", rest)
                self.assert_nothing_left()

    def test_an_error_while_writing_leaves_nothing(self):
        progress = convert_step_audio_2.Progress()

        def full(sentence):
            if sentence.startswith("flow.safetensors"):
                raise OSError(28, "No space left on device")

        progress.say = full
        with self.assertRaises(OSError):
            convert_step_audio_2.convert(self.checkpoint, self.bundle, recipe=self.recipe, progress=progress)
        self.assert_nothing_left()

    def test_what_a_killed_run_left_does_not_matter(self):
        (self.folder / "bundle.part" / "model").mkdir(parents=True)
        (self.folder / "bundle.part" / "old").write_text("x")
        self.convert()
        self.assertFalse((self.bundle / "old").exists())
        self.assertFalse((self.folder / "bundle.part").exists())


class Folding(unittest.TestCase):
    def test_a_direction_of_length_zero_stays_zero(self):
        tensors = {"a.weight_g": np.ones((2, 1, 1), np.float32), "a.weight_v": np.zeros((2, 1, 3), np.float32)}
        found, problems = vocoder_weights.folded({name: vocoder_weights.Tensor.of(array) for name, array in tensors.items()},
                                                 "hift.pt")
        self.assertEqual(problems, [])
        self.assertTrue((found["a.weight"].floats() == 0).all())


if __name__ == "__main__":
    unittest.main()
