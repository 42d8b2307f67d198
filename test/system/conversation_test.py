#!/usr/bin/env python3
"""The server and the load client, talking to each other as two processes.    conversation_test.py PROGRAM"""
import json
import os
import pathlib
import pty
import signal
import subprocess
import tempfile
import unittest
import urllib.request

from program import LIMIT_S, PROGRAM, main, parley_json, recording, serving


class Conversation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.clip = recording(pathlib.Path(folder.name))

    def test_a_server_serves_callers_and_drains(self):
        with serving() as url:
            with urllib.request.urlopen(f"{url}/healthz", timeout=LIMIT_S) as answer:
                self.assertEqual(answer.status, 200)
            report = parley_json("load", url, "--sessions", 2, "--turns", 2, "--wav", self.clip)
        self.assertEqual(report["sessions_served"], 2)
        self.assertEqual(report["turns_answered"], 4)
        self.assertEqual((report["lost_packets"], report["crossed_packets"], report["errors"]), (0, 0, 0))
        self.assertEqual(report["turn_end_to_first_audio_ms"]["count"], 4)

    def test_ctrl_c_ends_the_callers_and_reports_what_was_measured(self):
        with serving() as url:
            terminal, other_end = pty.openpty()  # only on a terminal is there a line to wait for
            load = subprocess.Popen([PROGRAM, "load", url, "--turns", "1000", "--json", "--wav", self.clip],
                                    stdout=subprocess.PIPE, stderr=other_end)
            os.close(other_end)
            shown = b""
            while b"1 talking" not in shown:
                shown += os.read(terminal, 1000)
            load.send_signal(signal.SIGINT)
            report = json.loads(load.communicate(timeout=LIMIT_S)[0])
            os.close(terminal)
        self.assertEqual(load.returncode, 130)
        self.assertTrue(report["interrupted"])
        self.assertEqual(report["sessions_stopped"], 1)
        self.assertEqual(report["errors"], 0)


if __name__ == "__main__":
    main()
