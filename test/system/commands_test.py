#!/usr/bin/env python3
"""What a shell sees of the program: exit statuses, one-line complaints, reports."""

import json
import pathlib
import tempfile
import unittest
import wave

from support.shell import go_forward, parley, parley_json

COMMANDS = ("serve", "converse", "load", "models", "inspect")
CONVERSE_KEYS = ["heard", "said", "asr_ms", "first_token_ms", "first_audio_ms", "total_ms", "audio_s", "tokens"]


class Commands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def expect_one_line(self, done, *parts):
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_every_command_has_help_and_a_version(self):
        for words in ([], *([command] for command in COMMANDS)):
            with self.subTest(command=words):
                self.assertIn("Exit status:", parley(*words, "--help").stdout)
                self.assertRegex(parley(*words, "--version").stdout, r"^parley \d+\.\d+\.\d+\n$")

    def test_wrong_usage_ends_with_2_and_a_line_that_says_what(self):
        for words, part in (([], "a command is expected"), (["sing"], "sing"), (["models", "--yson"], "--yson"),
                            (["serve", "--set", "listn=x"], "listn"), (["serve", "--set", "threads=0"], "threads"),
                            (["serve", "--listen", "0.0.0.0:0"], "auth.open"), (["converse"], "IN.wav"),
                            (["load", "localhost:1", "--wav", "x.wav"], "ws://HOST:PORT")):
            with self.subTest(words=words):
                self.expect_one_line(parley(*words, status=2), part, "--help")

    def test_what_cannot_be_opened_ends_with_1_and_a_line_that_says_what(self):
        for words, part in ((["converse", "/nowhere.wav"], "/nowhere.wav"), (["inspect", "/nowhere"], "/nowhere"),
                            (["serve", "--listen", "127.0.0.1:0", "--model", "/nowhere"], "/nowhere"),
                            (["load", "http://127.0.0.1:1", "--wav", "/nowhere.wav"], "/nowhere.wav")):
            with self.subTest(words=words):
                self.expect_one_line(parley(*words, status=1), part)

    def test_the_starter_is_found_from_any_folder(self):
        self.assertIn("starter", [model.get("name") for model in parley_json("models", cwd=self.folder)])
        inspected = parley_json("inspect", "starter", cwd=self.folder)
        self.assertTrue(inspected["sound"])
        self.assertEqual(sorted(inspected["parts"]), ["brain", "ear", "vad", "voice"])

    def test_a_bundle_with_a_broken_file_is_refused_by_inspect_and_by_serve(self):
        (self.folder / "brain").mkdir()
        (self.folder / "bundle.json").write_text(json.dumps({"format": 1, "type": "starter", "id": "mine", "brain": "brain"}))
        (self.folder / "brain" / "model.safetensors").write_bytes(b"short")
        self.assertIn("WRONG", parley("inspect", self.folder, status=1).stdout)
        self.expect_one_line(parley("serve", "--listen", "127.0.0.1:0", "--model", self.folder, status=1), str(self.folder))

    def test_converse_hears_answers_and_measures(self):
        out = self.folder / "answer.wav"
        done = parley("converse", go_forward(self.folder), "--out", out, "--runs", 2, "--json")
        runs = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(runs), 2)
        for run in runs:
            self.assertEqual(list(run), CONVERSE_KEYS)
            self.assertIn("forward", run["heard"].lower())
            self.assertTrue(run["said"])
            self.assertTrue(0 < run["asr_ms"] <= run["first_token_ms"] <= run["first_audio_ms"] <= run["total_ms"])
        self.assertEqual(runs[0]["said"], runs[1]["said"])  # greedy
        with wave.open(str(out)) as answer:
            self.assertEqual((answer.getframerate(), answer.getnchannels(), answer.getsampwidth()), (24000, 1, 2))
            self.assertAlmostEqual(answer.getnframes() / 24000, runs[-1]["audio_s"], delta=0.01)


if __name__ == "__main__":
    unittest.main()
