"""What the tests of the converter and of the tiny checkpoints start from: a small random checkpoint, which each may spoil."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "convert")]
import make_tiny_bundle  # noqa: E402
from step_audio_2 import torch_pickle  # noqa: E402
from tiny_step_audio_2 import torch_archive  # noqa: E402


def elements(shapes, extents):
    return sum(int(np.prod([extents.get(extent, extent) for extent in shape], dtype=np.int64)) for shape in shapes.values())


class OfTinyCheckpoint(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.whole = pathlib.Path(folder.name) / "checkpoint"
        make_tiny_bundle.make_checkpoint(cls.whole, seed=3)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.checkpoint, self.bundle = self.folder / "checkpoint", self.folder / "bundle"
        shutil.copytree(self.whole, self.checkpoint)
        self.recipe = self.folder / "recipe.json"
        self.recipe.write_text('{"name": "of the test"}')

    def words(self, *arguments):
        return [sys.executable, str(ROOT / "scripts" / "convert_step_audio_2.py"), str(self.checkpoint), str(self.bundle),
                "--recipe", str(self.recipe), *map(str, arguments)]

    def convert(self, *arguments):
        done = subprocess.run(self.words(*arguments), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def refuse(self, *arguments, says):
        """It fails, says each of `says`, and leaves nothing."""
        done = subprocess.run(self.words(*arguments), capture_output=True, text=True, timeout=120)
        self.assertNotEqual(done.returncode, 0)
        for text in says if isinstance(says, (list, tuple)) else [says]:
            self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assert_nothing_left()
        return done.stderr

    def assert_nothing_left(self):
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith("bundle")], [])

    def model(self, folder):
        tensors = {}
        for file in folder.glob("*.safetensors"):
            tensors |= load_file(file)
        return tensors

    def pt(self, name):
        return {tensor: stored.floats() for tensor, stored in torch_pickle.read(self.checkpoint / "token2wav" / name).items()}

    def save_pt(self, name, tensors):
        torch_archive.write(self.checkpoint / "token2wav" / name, tensors)
