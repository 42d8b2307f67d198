#!/usr/bin/env python3
"""The load client and the server, talking to each other as two processes."""

import json
import os
import pathlib
import pty
import signal
import subprocess
import tempfile
import time
import unittest

from support.server import PROGRAM, Server
from support.shell import LIMIT_S, go_forward, parley_json


class Conversation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.clip = go_forward(pathlib.Path(folder.name))
        self.server = Server()
        self.addCleanup(self.server.__exit__)

    def test_callers_are_served_and_measured(self):
        report = parley_json("load", self.server.url, "--sessions", 2, "--turns", 2, "--wav", self.clip)
        self.assertEqual(report["sessions_served"], 2)
        self.assertEqual(report["turns_answered"], 4)
        self.assertEqual((report["lost_packets"], report["crossed_packets"], report["errors"]), (0, 0, 0))
        self.assertEqual(report["turn_end_to_first_audio_ms"]["count"], 4)

    def test_ctrl_c_ends_the_callers_and_reports_what_was_measured(self):
        load = subprocess.Popen([PROGRAM, "load", self.server.url, "--turns", "1000", "--json", "--wav", self.clip],
                                stdout=subprocess.PIPE)
        deadline = time.monotonic() + LIMIT_S
        while " opened, native" not in self.server.log() and time.monotonic() < deadline:
            time.sleep(0.05)
        load.send_signal(signal.SIGINT)
        report = json.loads(load.communicate(timeout=LIMIT_S)[0])
        self.assertEqual(load.returncode, 130)
        self.assertTrue(report["interrupted"])
        self.assertEqual(report["sessions_stopped"], 1)
        self.assertEqual(report["errors"], 0)

    def test_on_a_terminal_a_line_tells_how_the_callers_are_doing(self):
        try:
            terminal, other_end = pty.openpty()
        except OSError as error:
            self.skipTest(f"this machine has no terminals: {error}")
        load = subprocess.Popen([PROGRAM, "load", self.server.url, "--turns", "1000", "--wav", self.clip],
                                stdout=subprocess.DEVNULL, stderr=other_end)
        os.close(other_end)
        shown = b""
        while b"1 talking" not in shown:
            shown += os.read(terminal, 1000)
        load.send_signal(signal.SIGINT)
        self.assertEqual(load.wait(LIMIT_S), 130)
        os.close(terminal)


if __name__ == "__main__":
    unittest.main()
