#!/usr/bin/env python3
"""How the program starts and ends: its exit status, what it says, and that a SIGTERM lets answers come to their end."""

import json
import signal
import subprocess
import time
import unittest
import urllib.error

from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.server import PROGRAM, ROOT, Server
from support.session import Session


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


class StartTest(unittest.TestCase):
    def test_a_setting_that_is_wrong_stops_the_start_with_its_name(self):
        for arguments, named in ((("--set", "threads=0"), "threads"), (("--set", "no.such=1"), "no.such"),
                                 (("--listen", "nowhere"), "nowhere"), (("--config", "/nowhere.json"), "/nowhere.json")):
            with self.subTest(arguments=arguments):
                ended = run("serve", *arguments)
                self.assertGreater(ended.returncode, 0, ended.stderr)
                self.assertIn(named, ended.stderr)
                self.assertNotIn("terminate called", ended.stderr)

    def test_a_listener_for_the_network_needs_keys_or_to_be_declared_open(self):
        ended = run("serve", "--listen", "0.0.0.0:0")
        self.assertGreater(ended.returncode, 0)
        self.assertIn("auth.keys", ended.stderr)
        self.assertIn("auth.open", ended.stderr)


class EndTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.__exit__)

    def test_SIGTERM_lets_the_running_answer_end_and_then_exits_with_0(self):
        session = Session(self.server)
        session.say("Tell me about the moon.")
        session.send("response.create", response={"max_output_tokens": 40})
        session.wait("response.output_audio.delta")
        self.server.process.send_signal(signal.SIGTERM)
        response = session.wait_response()
        self.assertIn(response.status, ("completed", "incomplete"))
        self.assertGreater(response.audio_ms, 300)
        with self.assertRaises(ConnectionClosed) as closed:
            while True:
                session.receive_until(time.monotonic() + 5)
                self.assertTrue(self.server.alive(), "it closes before it ends")
        self.assertIn(closed.exception.rcvd.code, (1001, 1012))
        self.assertEqual(self.server.process.wait(20), 0, self.server.log())

    def test_SIGTERM_without_sessions_ends_at_once(self):
        self.assertEqual(json.loads(self.server.get("/v1/models"))["object"], "list")
        for path in ("/healthz", "/readyz"):
            self.server.get(path)
        self.assertIn("# TYPE", self.server.get("/metrics"))
        began = time.monotonic()
        self.assertEqual(self.server.terminate(), 0, self.server.log())
        self.assertLess(time.monotonic() - began, 8)

    def test_while_it_drains_nobody_new_is_let_in(self):
        session = Session(self.server)
        session.say("Tell me a long story about the sea.")
        session.send("response.create")
        session.wait("response.output_audio.delta")
        self.server.process.send_signal(signal.SIGTERM)
        # Not ready any more: that is told, or nobody listens.
        deadline = time.monotonic() + 5
        while True:
            try:
                self.server.get("/readyz", timeout=2)
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                break
            self.assertLess(time.monotonic(), deadline, "the server still says that it is ready")
        with self.assertRaises((InvalidStatus, OSError, ConnectionClosed, EOFError)):
            Session(self.server, open_timeout=3)
        session.socket.close()
        self.assertEqual(self.server.process.wait(20), 0, self.server.log())


if __name__ == "__main__":
    unittest.main()
