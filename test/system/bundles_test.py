#!/usr/bin/env python3
"""Broken bundles stop `parley serve` at its start, with a sentence that names the file and a status that is not 0.

Each case is the starter bundle in links, with one file of it replaced."""

import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from support.server import PROGRAM, ROOT

STARTER = (ROOT / ".deps/starter").resolve()


def read_header(file):
    with open(file, "rb") as stream:
        (size,) = struct.unpack("<Q", stream.read(8))
        return size, json.loads(stream.read(size))


def write_altered(source, target, alter):
    """The weights file with its header altered, at the same places; the bytes are left out (a hole), as nobody gets to them."""
    size, header = read_header(source)
    alter(header)
    text = json.dumps(header).encode()
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    with open(target, "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + max(ends))


def a_matrix(header):
    """The name of a tensor of two different extents."""
    return next(name for name, entry in sorted(header.items())
                if name != "__metadata__" and len(entry["shape"]) >= 2 and len(set(entry["shape"])) > 1)


def swap_extents(header):
    header[a_matrix(header)]["shape"].reverse()


def rename(header):
    header["nobody.knows.this"] = header.pop(a_matrix(header))


class BundleTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="parley-bundle-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for source in STARTER.rglob("*"):
            target = self.folder / source.relative_to(STARTER)
            if source.is_dir():
                target.mkdir()
            else:
                target.symlink_to(source)

    def replaced(self, name):
        """The path of the bundle's file, which is to be written anew, and that of the sound one."""
        (self.folder / name).unlink()
        return self.folder / name, STARTER / name

    def refusal(self, model=None):
        """What serve says and its status; a server that starts after all fails the test."""
        program = subprocess.Popen([PROGRAM, "serve", "--listen", "127.0.0.1:0", "--model", str(model or self.folder)], cwd=ROOT,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, said = program.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()
            self.fail("the server started with a broken bundle")
        self.assertGreater(program.returncode, 0, f"a signal or success ended it: {program.returncode}\n{said}")
        self.assertNotIn("listening", out)
        self.assertNotIn("terminate called", said)
        return said

    def check_refusal(self, *expected):
        said = self.refusal()
        for part in expected:
            self.assertRegex(said, re.compile(part, re.IGNORECASE))
        self.assertLess(len(said), 4000, "a sentence, no page")

    def test_a_missing_file(self):
        for name in ("bundle.json", "vad/model.safetensors", "brain/tokenizer.json"):
            with self.subTest(file=name):
                missing, sound = self.replaced(name)
                self.check_refusal(re.escape(missing.name))
                missing.symlink_to(sound)

    def test_truncated_weights(self):
        for name in ("vad/model.safetensors", "voice/model.safetensors"):
            with self.subTest(file=name):
                target, sound = self.replaced(name)
                target.write_bytes(sound.read_bytes()[:-1000])
                self.check_refusal(re.escape(name), "truncated")
                target.unlink()
                target.symlink_to(sound)

    def test_weights_of_a_wrong_shape(self):
        for name in ("vad/model.safetensors", "voice/model.safetensors", "ear/model.safetensors", "brain/model.safetensors"):
            with self.subTest(file=name):
                target, sound = self.replaced(name)
                write_altered(sound, target, swap_extents)
                self.check_refusal(re.escape(a_matrix(read_header(sound)[1])), r"shape|\[\d+, \d+")
                target.unlink()
                target.symlink_to(sound)

    def test_weights_of_an_unknown_name(self):
        for name in ("vad/model.safetensors", "voice/model.safetensors", "ear/model.safetensors", "brain/model.safetensors"):
            with self.subTest(file=name):
                target, sound = self.replaced(name)
                write_altered(sound, target, rename)
                self.check_refusal("nobody.knows.this|" + re.escape(a_matrix(read_header(sound)[1])))
                target.unlink()
                target.symlink_to(sound)

    def test_descriptions_that_are_no_json(self):
        for name in ("bundle.json", "brain/config.json", "ear/tokenizer.json"):
            with self.subTest(file=name):
                target, sound = self.replaced(name)
                target.write_text('{"type": ')
                self.check_refusal(re.escape(target.name))
                target.unlink()
                target.symlink_to(sound)

    def test_a_model_of_an_unknown_type(self):
        target, sound = self.replaced("bundle.json")
        target.write_text(json.dumps(dict(json.loads(sound.read_text()), type="oracle")))
        self.check_refusal("oracle")

    def test_a_folder_that_is_not_there(self):
        self.assertIn("nowhere", self.refusal(self.folder / "nowhere"))

    def test_a_folder_that_may_not_be_read(self):
        if os.geteuid() == 0:
            self.skipTest("root may read everything")
        target, _ = self.replaced("vad/model.safetensors")
        target.write_bytes(b"")
        target.chmod(0)
        self.check_refusal("vad/model.safetensors")


if __name__ == "__main__":
    unittest.main()
