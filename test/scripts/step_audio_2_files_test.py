"""The readers behind scripts/convert_step_audio_2.py, each on small files of its kind: tensors pickled by torch, flow.yaml,
the tokenizer's files, recordings, recipes."""
import json
import os
import pathlib
import pickle
import struct
import sys
import tempfile
import unittest
import wave
import zipfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "convert")]
from step_audio_2 import flow_yaml, recipes, tokenizer_files, torch_pickle, voices  # noqa: E402
from tiny_step_audio_2 import tokenizer as tiny_tokenizer  # noqa: E402
from tiny_step_audio_2 import torch_archive  # noqa: E402

ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


class TorchPickle(InFolder):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "model.pt"

    def archive(self, program, storages=()):
        with zipfile.ZipFile(self.file, "w") as archive:
            archive.writestr("model/data.pkl", program)
            for key, data in enumerate(storages):
                archive.writestr(f"model/data/{key}", data)

    def refuse(self, says):
        with self.assertRaises(ValueError) as caught:
            torch_pickle.read(self.file)
        self.assertIn(says, str(caught.exception))

    def test_tensors_come_back_as_they_were_saved(self):
        arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b.c": np.ones((1, 2, 3), np.float16),
                  "scalar": np.asarray(2.5, np.float32)}
        torch_archive.write(self.file, arrays)
        found = torch_pickle.read(self.file)
        self.assertEqual(list(found), list(arrays))
        for name, array in arrays.items():
            self.assertEqual(found[name].shape, array.shape)
            self.assertTrue((found[name].floats() == array).all())

    def view(self, offset, shape, strides, elements=12, storage="FloatStorage"):
        """A state_dict with one tensor `w`."""
        return b"".join([b"\x80\x02", ORDERED_DICT, torch_archive.text("w"), b"ctorch._utils\n_rebuild_tensor_v2\n((",
                         torch_archive.text("storage"), f"ctorch\n{storage}\n".encode(), torch_archive.text("0"),
                         torch_archive.text("cpu"), torch_archive.number(elements), b"tQ", torch_archive.number(offset),
                         torch_archive.numbers(shape), torch_archive.numbers(strides), b"\x89", ORDERED_DICT, b"tRs."])

    def test_a_tensor_may_be_a_window_on_its_storage(self):
        data = np.arange(12, dtype="<f4")
        self.archive(self.view(1, (3, 2), (1, 4)), [data.tobytes()])
        found = torch_pickle.read(self.file)["w"]
        self.assertEqual(found.floats().tolist(), [[1, 5], [2, 6], [3, 7]])

    def test_a_window_beyond_its_storage_is_refused(self):
        data = np.arange(12, dtype="<f4").tobytes()
        for offset, shape, strides in ((7, (3, 2), (1, 4)), (0, (3, 2), (1, -1)), (-1, (2,), (1,)), (0, (13,), (1,))):
            self.archive(self.view(offset, shape, strides), [data])
            self.refuse("reaches outside of its storage of 12")

    def test_a_storage_of_another_size_is_refused(self):
        self.archive(self.view(0, (12,), (1,)), [bytes(40)])
        self.refuse("has 40 bytes; expected 12 elements of F32")
        self.archive(self.view(0, (12,), (1,)))
        self.refuse("lacks the bytes of w")

    def test_a_program_is_refused_by_name_and_not_run(self):
        mark = self.folder / "executed"

        class Program:
            def __reduce__(self):
                return os.system, (f"touch {mark}",)

        for protocol in (0, 2, 4):
            for content in (Program(), {"w": Program()}, [Program()]):
                self.archive(pickle.dumps(content, protocol))
                with self.assertRaises(ValueError) as caught:
                    torch_pickle.read(self.file)
                self.assertIn("nothing of it was executed", str(caught.exception))
                if protocol:
                    self.assertIn("names posix.system", str(caught.exception))
        self.assertFalse(mark.exists())

    def test_names_and_operations_that_tensors_do_not_need_are_refused(self):
        for program, says in ((b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "names builtins.eval"),
                              (b"\x80\x02ctorch\nload\n.", "names torch.load"),
                              (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "names os.system"),
                              (b"(S'ls'\nios\nsystem\n.", "uses the operation STRING"),
                              (b"(ios\nsystem\n.", "uses the operation INST"),
                              (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "uses the operation NEWOBJ"),
                              (b"\x80\x02\x82\x01.", "uses the operation EXT1"),
                              (b"\x80\x02}}R.", "calls something that it made itself"),
                              (b"\x80\x02ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"),
                              (b"\x80\x02ccollections\nOrderedDict\n}b.", "its pickle is damaged"),
                              (b"\x80\x02R.", "its pickle is damaged"), (b"\x80\x02}", "its pickle is damaged"),
                              (b"\x80\x02h\x05.", "its pickle is damaged"), (b"\x80\x02]q\x00.", "holds a list"),
                              (b"\x80\x02}X\x01\x00\x00\x00aK\x01s.", "'a' is a int; expected a tensor")):
            with self.subTest(says=says):
                self.archive(program)
                self.refuse(says)

    def test_a_module_that_was_saved_whole_is_refused_by_its_class(self):
        self.archive(b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81.")
        self.refuse("names torch.nn.modules.linear.Linear")

    def test_other_files_are_named_for_what_they_are_not(self):
        self.file.write_bytes(b"\x80\x02}.")
        self.refuse("is not a zip archive")
        with zipfile.ZipFile(self.file, "w") as archive:
            archive.writestr("readme", "x")
        self.refuse("holds 0 files data.pkl")


class FlowYaml(InFolder):
    TEXT = """
# sizes
__set_seed: !apply:random.seed [1986]
rate: 24_000
mels: 80
flow: !new:a.b.Flow
  input_size: 48
  output_size: !ref <mels>
  vocab_size: 6561   # speech tokens
  output_type: 'mel'
  unknown_list:
    - 1
    - 2
  encoder: !new:a.b.Encoder
      output_size: 64
      "attention_heads": 2
      key_bias: false
  decoder: !new:a.b.Decoder
      note: 'a # that is no comment'
      inference_cfg_rate: 7e-1
      estimator: !new:a.b.DiT
          depth: 2
"""

    def read(self, text):
        file = self.folder / "flow.yaml"
        file.write_text(text)
        return flow_yaml.read(file)["flow"]

    def refuse(self, text, says):
        with self.assertRaises(ValueError) as caught:
            self.read(text)
        self.assertIn(says, str(caught.exception))

    def test_scalars_are_read_and_tags_are_not(self):
        flow = self.read(self.TEXT)
        self.assertEqual((flow["input_size"], flow["output_size"], flow["vocab_size"]), (48, 80, 6561))
        self.assertEqual(flow["encoder"]["attention_heads"], 2)
        self.assertIs(flow["encoder"]["key_bias"], False)
        self.assertEqual(flow["decoder"]["inference_cfg_rate"], 0.7)
        self.assertEqual(flow["decoder"]["note"], "a # that is no comment")

    def test_what_the_file_does_not_say_is_what_the_reference_takes(self):
        flow = self.read(self.TEXT)
        self.assertEqual(flow["encoder"]["input_size"], 48)
        self.assertEqual(flow["encoder"]["up_stride"], 2)
        self.assertEqual(flow["encoder"]["linear_units"], 2048)
        estimator = flow["decoder"]["estimator"]
        self.assertEqual((estimator["in_channels"], estimator["out_channels"], estimator["depth"], estimator["mlp_ratio"]),
                         (320, 80, 2, 4.0))

    def test_what_is_no_size_is_refused_with_its_name(self):
        for old, new, says in (("vocab_size: 6561", "vocab_size: many", "vocab_size should be a whole number, but is 'many'"),
                               ("depth: 2", "depth: 2.5", "decoder.estimator.depth should be a whole number, but is 2.5"),
                               ("depth: 2", "depth: 0", "decoder.estimator.depth should be a whole number, but is 0"),
                               ("key_bias: false", "key_bias: 0", "encoder.key_bias should be true or false, but is 0"),
                               ("output_type: 'mel'", "output_type: wave", "output_type is 'wave'; only 'mel' is supported"),
                               ("estimator:", "estimater:", "has no map `decoder.estimator`"),
                               ("  input_size: 48", "  input_size 48", "line 7: expected `name: value`"),
                               ("  input_size: 48", "\tinput_size: 48", "line 7: indented by a tab"),
                               ("flow:", "flaw:", "has no map `flow`")):
            with self.subTest(new=new):
                self.refuse(self.TEXT.replace(old, new), says)


class TokenizerFiles(InFolder):
    @classmethod
    def setUpClass(cls):
        cls.tiny = tiny_tokenizer.Tokenizer()

    def setUp(self):
        super().setUp()
        self.tiny.write(self.folder)

    def problems(self, tokenizer, rows=None, speech_tokens=6561):
        return tokenizer_files.problems(tokenizer, rows or len(self.tiny), speech_tokens)

    def test_a_whole_file_is_taken_as_it_is(self):
        whole = json.loads((self.folder / "tokenizer.json").read_text())
        self.assertEqual(tokenizer_files.read(self.folder), whole)
        self.assertEqual(self.problems(whole), [])

    def test_the_same_is_made_from_the_older_files(self):
        whole = json.loads((self.folder / "tokenizer.json").read_text())
        (self.folder / "tokenizer.json").unlink()
        self.assertEqual(tokenizer_files.read(self.folder), whole)

    def test_tokens_that_only_the_list_beside_it_has_are_added(self):
        whole = json.loads((self.folder / "tokenizer.json").read_text())
        shorter = whole | {"added_tokens": [token for token in whole["added_tokens"] if "audio_" not in token["content"]]}
        (self.folder / "tokenizer.json").write_text(json.dumps(shorter))
        (self.folder / "tokenizer_config.json").unlink()
        found = tokenizer_files.read(self.folder)
        self.assertEqual({token["content"]: token["id"] for token in found["added_tokens"]}, self.tiny.added)

    def test_files_that_contradict_each_other_are_refused(self):
        added = dict(self.tiny.added)
        added["<tts_end>"] += 1
        (self.folder / "added_tokens.json").write_text(json.dumps(added))
        with self.assertRaisesRegex(ValueError, "<tts_end> is .* in tokenizer_config.json, but .* in added_tokens.json"):
            tokenizer_files.read(self.folder)

    def test_tokens_that_the_model_lives_by_are_asked_for_by_text(self):
        for token in tokenizer_files.REQUIRED:
            tokenizer = tokenizer_files.read(self.folder)
            tokenizer["added_tokens"] = [entry for entry in tokenizer["added_tokens"] if entry["content"] != token]
            self.assertEqual(self.problems(tokenizer), [f"tokenizer.json: missing the token {token}"])

    def test_ids_have_to_have_rows(self):
        self.assertEqual(self.problems(tokenizer_files.read(self.folder), len(self.tiny) - 1),
                         [f"tokenizer.json: <audio_6561> is {len(self.tiny) - 1}, but the vocabulary has {len(self.tiny) - 1} "
                          "rows"])

    def test_audio_tokens_stand_in_a_row_and_token2wav_knows_them(self):
        tokenizer = tokenizer_files.read(self.folder)
        two = [entry for entry in tokenizer["added_tokens"] if entry["content"] in ("<audio_5>", "<audio_6>")]
        two[0]["id"], two[1]["id"] = two[1]["id"], two[0]["id"]
        self.assertEqual(len(self.problems(tokenizer)), 2)
        self.assertIn("has <audio_6561>, but flow.yaml's vocab_size is 6000",
                      self.problems(tokenizer_files.read(self.folder), speech_tokens=6000)[0])

    def test_numbers_are_held_against_a_vocabulary_of_the_published_size_alone(self):
        tokenizer = tokenizer_files.read(self.folder)
        said = self.problems(tokenizer, rows=tokenizer_files.PUBLISHED_SIZE)
        self.assertEqual(len(said), len(tokenizer_files.PUBLISHED))
        self.assertIn(f"tokenizer.json: <|EOT|> is {self.tiny.id('<|EOT|>')}; the published checkpoints have it at 151665",
                      said)
        for entry in tokenizer["added_tokens"]:  # where they are published
            content, place = entry["content"], self.tiny.added[entry["content"]] - self.tiny.id("<|endoftext|>")
            entry["id"] = tokenizer_files.PUBLISHED.get(content, 151643 + place)
            if content.startswith("<audio_") and content[7].isdigit():
                entry["id"] = 151696 + int(content[7:-1])
        self.assertEqual(self.problems(tokenizer, rows=tokenizer_files.PUBLISHED_SIZE), [])

    def test_a_folder_without_a_tokenizer_is_refused(self):
        (self.folder / "tokenizer.json").unlink()
        (self.folder / "merges.txt").unlink()
        with self.assertRaisesRegex(ValueError, "neither tokenizer.json nor vocab.json with merges.txt"):
            tokenizer_files.read(self.folder)


class Voices(InFolder):
    def tone(self, name, hertz=220.0, seconds=1.0, channels=1, kind=1, bits=16, rate=24000):
        """A sawtooth, written field by field."""
        time = np.arange(int(seconds * rate)) * hertz / rate
        samples = np.repeat(0.5 * (2 * (time % 1) - 1), channels).astype("<f4")
        if kind == 3:
            data = samples.tobytes()
        else:
            wide = (samples.astype(np.float64) * 2**31).astype("<i4").reshape(-1, 1).view(np.uint8)
            data = wide[:, 4 - bits // 8:].tobytes()
        block = channels * bits // 8
        head = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * block, block, bits)
        odd = struct.pack("<4sI", b"LIST", 3) + b"abc\0"
        body = b"WAVE" + head + odd + struct.pack("<4sI", b"data", len(data)) + data
        file = self.folder / name
        file.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
        return file

    def test_recordings_of_all_kinds_are_read_alike(self):
        wanted = voices.recording(self.tone("a.wav", bits=32))[1]
        for channels, kind, bits in ((1, 1, 16), (2, 1, 16), (1, 1, 24), (3, 1, 32), (1, 3, 32)):
            rate, samples = voices.recording(self.tone("b.wav", channels=channels, kind=kind, bits=bits))
            self.assertEqual(rate, 24000)
            np.testing.assert_allclose(samples, wanted, atol=2**-15)

    def test_what_the_standard_library_writes_is_read(self):
        with wave.open(str(self.folder / "c.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(np.full(16000, 16384, "<i2").tobytes())
        rate, samples = voices.recording(self.folder / "c.wav")
        self.assertEqual((rate, len(samples), samples[5]), (16000, 16000, 0.5))

    def test_a_voice_is_described_by_its_name_and_its_pitch(self):
        for name, hertz, sex, pitch in (("default_female", 230, "female", "high"), ("male-2", 80, "male", "very low"),
                                        ("anna", 180, "", "medium"), ("womanly", 300, "", "very high")):
            self.assertEqual(voices.describe(name, self.tone("d.wav", hertz)),
                             {"name": name, "file": f"{name}.wav", "sex": sex, "age": "adult", "pitch": pitch,
                              "mood": ""})

    def test_recordings_that_cannot_be_voices_are_refused(self):
        (self.folder / "text.wav").write_text("RIFF but no more")
        for file, says in ((self.tone("long.wav", seconds=30.5), "lasts 30.50 s; expected 0.5 to 30 s"),
                           (self.tone("short.wav", seconds=0.2), "lasts 0.20 s"),
                           (self.tone("u8.wav", bits=8), "kind 1 with 8 bits"), (self.folder / "text.wav", "is no WAV file"),
                           (self.folder / "none.wav", "No such file")):
            with self.assertRaisesRegex(ValueError, says):
                voices.describe("x", file)

    def test_they_are_found_where_the_makers_keep_them(self):
        checkpoint = self.folder / "model"
        for folder in ("model/assets", "model/token2wav", "assets"):
            (self.folder / folder).mkdir(parents=True)
            self.tone(f"{folder}/default_male.wav")
            self.tone(f"{folder}/question.wav")
        names = [["default_male", "question"], ["default_male", "question"], ["default_male"], []]
        for name, folder in zip(names, ("model/assets", "model/token2wav", "assets", None)):
            found = voices.find(checkpoint, [])
            self.assertEqual([voice for voice, _ in found], name)
            if folder:
                self.assertTrue(all(file.resolve().parent == (self.folder / folder).resolve() for _, file in found))
                for file in (self.folder / folder).iterdir():
                    file.unlink()

    def test_names_that_could_be_paths_or_come_twice_are_refused(self):
        for asked, says in ((["a"], "should be NAME=FILE"), (["../a=x.wav"], "is made of letters"),
                            (["a=x.wav", "a=y.wav"], "names a more than once")):
            with self.assertRaisesRegex(ValueError, says):
                voices.find(self.folder, asked)


class Recipes(InFolder):
    def setUp(self):
        super().setUp()
        for name in ("step-audio-2-mini", "step-audio-2-mini-base", "step-audio-2-mini-think", "mclp-rp-tts",
                     "mclp-rp-tts-grpo", "mclp-cs"):
            (self.folder / f"{name}.json").write_text(json.dumps({"name": name}))

    def test_the_checkpoints_name_tells_the_member_of_the_family(self):
        for checkpoint, config, recipe in (("Step-Audio-2-mini", {}, "step-audio-2-mini"),
                                           ("Step-Audio-2-mini-Base", {}, "step-audio-2-mini-base"),
                                           ("Step-Audio-2-mini-Think", {}, "step-audio-2-mini-think"),
                                           ("MCLP-RP-TTS-GRPO", {}, "mclp-rp-tts-grpo"), ("MCLP-RP-TTS", {}, "mclp-rp-tts"),
                                           ("MCLP-CS", {}, "mclp-cs"), ("mine", {}, "step-audio-2-mini"),
                                           ("mine", {"_name_or_path": "x/Step-Audio-2-mini-Think"}, "step-audio-2-mini-think")):
            content, why = recipes.choose(None, self.folder / checkpoint, config, self.folder)
            self.assertEqual(content, {"name": recipe})
            self.assertIn(recipe, why)

    def test_one_can_be_named_or_given_as_a_file(self):
        self.assertEqual(recipes.choose("mclp-cs", self.folder / "Base", {}, self.folder)[0], {"name": "mclp-cs"})
        mine = self.folder / "mine.txt"
        mine.write_text('{"a": 1}')
        self.assertEqual(recipes.choose(mine, self.folder, {}, self.folder)[0], {"a": 1})

    def test_an_unknown_one_is_refused_with_those_that_are_known(self):
        with self.assertRaisesRegex(ValueError, "nothing is no recipe; those of config/models are: mclp-cs, mclp-rp-tts"):
            recipes.choose("nothing", self.folder, {}, self.folder)


if __name__ == "__main__":
    unittest.main()
