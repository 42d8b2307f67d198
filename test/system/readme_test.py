#!/usr/bin/env python3
"""Every command and every program of README.md works as it is printed there.

Blocks marked ```sh are taken apart into commands, each of which is run by the first rule below that knows it; a command
that none knows fails the test, so that the README cannot say what nobody tries. Blocks marked ```python are run whole.
All of it happens in a folder that looks like the checkout and holds the recordings that the README speaks of, with the
address of a server of the test in place of localhost:8080."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import wave
from pathlib import Path

from support.server import ROOT, Server
from support.speech import say

README = ROOT / "README.md"
ADDRESS = re.compile(r"(?:localhost|127\.0\.0\.1):8080")


def blocks(language):
    """(line number, text) of each fenced block of that language."""
    found, start, lines = [], None, []
    for number, line in enumerate(README.read_text().splitlines(), 1):
        if start is None and line.strip() == f"```{language}":
            start, lines = number + 1, []
        elif start is not None and line.strip() == "```":
            found.append((start, "\n".join(lines)))
            start = None
        elif start is not None:
            lines.append(line)
    return found


def commands():
    """(line number, command) of all shell blocks: continued lines joined, prompts and comments left out."""
    for start, text in blocks("sh"):
        number = start
        for line in text.replace("\\\n", "\0").splitlines():
            whole = re.sub(r"\s*\0\s*", " ", line).strip().removeprefix("$ ")
            if command := whole[: comment_start(whole)].strip():
                yield number, command
            number += 1 + line.count("\0")


def comment_start(line):
    """Where the comment of a line begins: a # of its own, outside quotes."""
    quote = None
    for place, letter in enumerate(line):
        if quote:
            quote = None if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and (place == 0 or line[place - 1].isspace()):
            return place
    return len(line)


class ReadmeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.__exit__)
        cls.folder = Path(tempfile.mkdtemp(prefix="parley-readme-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for entry in ROOT.iterdir():
            if entry.name != ".git":
                (cls.folder / entry.name).symlink_to(entry)
        question = say("What is the capital of France?", 16000)
        for name in {name for text in [README.read_text()] for name in re.findall(r"\b[\w-]+\.wav\b", text)}:
            with wave.open(str(cls.folder / name), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16000)
                file.writeframes(question.tobytes())

        # a ```json block after a line that ends in `NAME.json`: is that file
        for name, text in re.findall(r"`(\w+\.json)`:\n+```json\n(.*?)```", README.read_text(), re.DOTALL):
            (cls.folder / name).write_text(text)

    # ---- how commands are run

    def here(self, text):
        return ADDRESS.sub(self.server.url.removeprefix("http://"), text)

    def shell(self, command, timeout=120):
        ended = subprocess.run(["bash", "-euo", "pipefail", "-c", self.here(command)], cwd=self.folder, capture_output=True,
                               text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        self.assertEqual(ended.returncode, 0, f"{command}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        return ended.stdout

    def serves(self, command):
        """Starts on a free port, whatever the command names, and ends by SIGTERM."""
        words = shlex.split(command)
        if "--listen" in words:
            del words[words.index("--listen") : words.index("--listen") + 2]
        program = subprocess.Popen([*words, "--listen", "127.0.0.1:0"], cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            said = ""
            for line in program.stdout:
                said += line
                if "listening on http" in line:
                    break
            else:
                self.fail(f"{command} ended: {said}{program.stderr.read()[-2000:]}")
            program.send_signal(signal.SIGTERM)
            program.communicate(timeout=30)
        finally:
            program.kill()
            program.wait()
        self.assertEqual(program.returncode, 0, command)

    def helps(self, command):
        """What takes long or changes the machine is asked for its help: it is there, and its options are known."""
        program, *options = shlex.split(command)
        help_text = self.shell(f"{program} --help")
        for option in options:
            if option.startswith("--"):
                self.assertIn(option.split("=")[0], help_text)

    def needs(self, program, command):
        if shutil.which(program) is None:
            print(f"not run, as {program} is not installed: {command}", file=sys.stderr)
        else:
            self.shell(command)

    def is_packaged(self, command):
        """pip install: the packages are those that the tests use."""
        pinned = (ROOT / "scripts/requirements-tests.txt").read_text()
        for package in shlex.split(command)[2:]:
            if not package.startswith("-"):
                self.assertRegex(pinned, rf"(?m)^{re.escape(re.split('[[=<>]', package)[0])}==")

    def is_container(self, command):
        """No container engine runs inside the tests: what is given to the image is held against what it takes."""
        taken = (ROOT / "scripts/container").read_text()
        for variable in re.findall(r"-e (\w+)=", command):
            self.assertIn(variable, taken)

    RULES = (
        (r"git clone \S+( \S+)?$|cd \S+$", lambda self, command: None),
        (r"\./scripts/(test|setup|bench)\b", helps),
        (r"\./scripts/serve\b|build/release/parley serve\b", serves),
        (r"build/release/parley (converse|models|inspect|load|generate|synthesize|score|--help|--version)\b", shell),
        (r"\.deps/venv/bin/python scripts/make_tiny_bundle.py\b", shell),
        (r"curl\b", lambda self, command: self.needs("curl", command)),
        (r"websocat\b", lambda self, command: self.needs("websocat", command)),
        (r"(python3? -m )?pip install\b", is_packaged),
        (r"docker (build|run)\b", is_container),
    )

    # ---- the cases

    def test_every_command_works(self):
        found = list(commands())
        self.assertTrue(found, "README.md has no ```sh block")
        for number, command in found:
            with self.subTest(line=number, command=command):
                run = next((run for pattern, run in self.RULES if re.match(pattern, command)), None)
                self.assertIsNotNone(run, f"README.md:{number}: no rule of this test knows how to run '{command}'")
                run(self, command)

    def test_every_python_program_works(self):
        for number, text in blocks("python"):
            with self.subTest(line=number):
                ended = subprocess.run([sys.executable, "-c", self.here(text)], cwd=self.folder, capture_output=True, text=True,
                                       timeout=120, stdin=subprocess.DEVNULL)
                self.assertEqual(ended.returncode, 0, f"README.md:{number}:\n{ended.stderr[-2000:]}")


if __name__ == "__main__":
    unittest.main()
