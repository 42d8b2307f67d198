#!/usr/bin/env python3
"""The whole chain on the tiny Step-Audio 2 checkpoint: `parley generate`, `parley score` and `parley synthesize` against what
the Python reference made of it (test/parity/step_audio_2/whole_chain.*, by scripts/make_parity_data.py).

The checkpoints and bundles are made anew from the seed, recordings and noise too: only what the reference said is kept."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from support.server import PROGRAM, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from parity.recordings import noise, write_recording  # noqa: E402

GOLDEN = ROOT / "test/parity/step_audio_2"
ASKED = json.loads((GOLDEN / "whole_chain.json").read_text())
STAGES = load_file(GOLDEN / "whole_chain.safetensors")
# Largest distances, float32 against float32 on a CPU. The log-mel's is that of bins near its floor; what follows it and the
# logits are also held to a share of their own size, since the random weights make them larger than 1.
LOG_MEL = 5e-4
TENSOR, TENSOR_SHARE = 1e-4, 1e-4
LOG_PROB = 1e-3
EMBEDDING = 1e-4
PROMPT_MEL = 5e-3
MEL = 1e-3
WAVE = 1e-3
RATE_HZ, SAMPLES_A_TOKEN = 24000, 960
FLOAT_FORMAT, EXTENSIBLE_FORMAT = 3, 0xFFFE


def read_float_wav(path):
    """(samples [n], rate) of a mono file of IEEE float32; anything else is refused."""
    data = Path(path).read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AssertionError(f"{path} is no WAV file")
    place, chunks = 12, {}
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        chunks.setdefault(name, data[place + 8:place + 8 + size])
        place += 8 + size + size % 2
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    if kind == EXTENSIBLE_FORMAT:
        (kind,) = struct.unpack_from("<H", chunks[b"fmt "], 24)
    if (kind, channels, bits) != (FLOAT_FORMAT, 1, 32):
        raise AssertionError(f"{path} has format {kind}, {channels} channels, {bits} bits; expected float32, mono")
    return np.frombuffer(chunks[b"data"], dtype="<f4"), rate


class Chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="parley-chain-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name, how in ASKED["recordings"].items():
            write_recording(cls.folder / name, **how)
        for variant, expected in ASKED["tiny"]["digests"].items():
            subprocess.run([ROOT / ".deps/venv/bin/python", "-B", ROOT / "scripts/make_tiny_bundle.py", cls.folder / variant,
                            "--seed", str(ASKED["tiny"]["seed"]), "--variant", variant], check=True, stderr=subprocess.DEVNULL)
            for name, digest in expected.items():
                made = hashlib.sha256((cls.folder / variant / "checkpoint" / name).read_bytes()).hexdigest()[:16]
                if made != digest:
                    raise AssertionError(f"the tiny checkpoint's {name} is not the one that the reference was given: make the"
                                         " golden data again, scripts/make_parity_data.py --only whole_chain")

    def bundle(self, variant):
        return self.folder / variant / "bundle"

    def parley(self, *arguments):
        answer = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=120)
        self.assertEqual(answer.returncode, 0, f"parley {arguments[0]}: {answer.stderr}")

    def asked(self, case):
        """The conversation as a file beside the recordings."""
        path = self.folder / f"{case['name']}.json"
        path.write_text(json.dumps({"messages": case["messages"]}, ensure_ascii=False))
        return path

    def close(self, actual, case, prefix, name, most, share=0.0):
        """Holds a stage against what is kept of the reference's."""
        kept = case["stages"][name]
        self.assertEqual(list(actual.shape), kept["shape"], f"{prefix}: {name}")
        expected = STAGES[f"{prefix}.{name}"]
        found = np.ascontiguousarray(actual).reshape(-1)[::kept["stride"]]
        if expected.dtype.kind == "i":
            self.assertEqual(found.tolist(), expected.tolist(), f"{prefix}: {name}")
            return
        distance = float(np.abs(found.astype(np.float64) - expected).max())  # of a NaN: NaN, which is not below anything
        allowed = most + share * float(np.abs(expected).max())
        if os.environ.get("PARLEY_TELL"):
            print(f"{prefix}.{name}: {distance:.2e} of {allowed:.1e}", file=sys.stderr)
        self.assertTrue(distance <= allowed, f"{prefix}: {name} is off by {distance:.2e}; expected at most {allowed:.1e}")

    def test_answers_are_the_reference_s(self):
        for case in ASKED["conversations"]:
            with self.subTest(case["name"]):
                self.generate(case)

    def generate(self, case):
        name, dump = case["name"], self.folder / f"dump-{case['name']}"
        out = self.folder / f"{name}.result.json"
        self.parley("generate", self.bundle(case["variant"]), "--input", self.asked(case), "--greedy", "--max-new-tokens",
                    case["max_new_tokens"], "--dtype", "float32", "--out", out, "--dump", dump)
        result, stages = json.loads(out.read_text()), load_file(dump / "stages.safetensors")
        self.assertEqual(result["prompt_ids"], case["prompt_ids"], name)
        pieces = sorted(stage for stage in stages if stage != "first_logits")
        self.assertEqual(pieces, sorted(stage for stage in case["stages"] if stage != "first_logits"), name)
        for stage in pieces:
            heard = stage.startswith("log_mel")
            self.close(stages[stage], case, f"generate.{name}", stage, LOG_MEL if heard else TENSOR, 0 if heard else TENSOR_SHARE)
        self.close(stages["first_logits"], case, f"generate.{name}", "first_logits", TENSOR, TENSOR_SHARE)
        for field in ("output_ids", "text", "audio_tokens"):
            self.assertEqual(result[field], case[field], f"{name}: {field}")

    def test_scores_are_the_reference_s(self):
        for case in ASKED["scores"]:
            with self.subTest(case["name"]):
                out = self.folder / f"{case['name']}.score.json"
                self.parley("score", self.bundle(case["variant"]), "--input", self.asked(case), "--dtype", "float32", "--out", out)
                result = json.loads(out.read_text())
                self.assertEqual(len(result["log_probs"]), len(case["log_probs"]))
                self.assertLessEqual(np.abs(np.subtract(result["log_probs"], case["log_probs"])).max(), LOG_PROB)
                self.assertAlmostEqual(result["mean"], case["mean"], delta=LOG_PROB)

    def test_speech_is_the_reference_s(self):
        for case in ASKED["speech"]:
            with self.subTest(case["name"]):
                self.synthesize(case)

    def synthesize(self, case):
        name, dump, out = case["name"], self.folder / f"dump-{case['name']}", self.folder / f"{case['name']}.wav"
        tokens, given = self.folder / f"{name}.tokens.json", self.folder / f"{name}.noise.safetensors"
        tokens.write_text(json.dumps(case["tokens"]))
        cfm = case["cfm_noise"]
        save_file({"cfm_noise": noise(cfm["seed"], 1, 80, cfm["frames"])}
                  | {f"source_noise.{call}": noise(how["seed"], 1, 480 * how["frames"], 9)
                     for call, how in enumerate(case["source_noise"])}, given)
        way = ["--offline"]
        if case["variant"]:
            way = ["--streaming", "--conformer-trim", case["variant"], "--lookahead-mode", case["variant"]]
        voice = self.folder / case["voice"] if case["voice"].endswith(".wav") else case["voice"]
        self.parley("synthesize", self.bundle("mini"), "--tokens", tokens, "--voice", voice, "--noise", given, *way,
                    "--dtype", "float32", "--out", out, "--dump", dump)
        stages, (wave, rate) = load_file(dump / "stages.safetensors"), read_float_wav(out)
        prefix = f"speech.{name}"
        self.close(stages["prompt_tokens"], case, prefix, "prompt_tokens", 0)
        self.close(stages["speaker_embedding"], case, prefix, "speaker_embedding", EMBEDDING, TENSOR_SHARE)
        self.close(stages["prompt_mel"], case, prefix, "prompt_mel", PROMPT_MEL)
        self.close(stages["mel"], case, prefix, "mel", MEL)
        self.assertEqual(rate, RATE_HZ)
        self.assertEqual(len(wave), SAMPLES_A_TOKEN * len(case["tokens"]))
        self.close(wave, case, prefix, "wave", WAVE)


if __name__ == "__main__":
    unittest.main()
