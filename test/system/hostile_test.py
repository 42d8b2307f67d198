#!/usr/bin/env python3
"""Clients that do everything wrong, while somebody else holds a normal conversation.

What each of them gets is an error that the protocol names or the end of its own connection. The conversation beside them
goes on: its turns complete, in sane times, with sane answers. The server stays alive and its memory bounded."""

import base64
import json
import os
import random
import socket
import statistics
import struct
import threading
import time
import unittest
from urllib.parse import urlparse

import numpy as np
from websockets.exceptions import ConnectionClosed

from support.server import Server
from support.session import Session
from support.speech import recording, words


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    server.__exit__()


class Bystander(threading.Thread):
    """Asks the same thing aloud, again and again, and keeps how each turn went."""

    def __init__(self):
        super().__init__(daemon=True)
        self.turns, self.failure, self._enough = [], None, threading.Event()
        self.speech = recording("goforward.raw")

    def run(self):
        try:
            with Session(server) as session:
                session.update(instructions="Answer in one short sentence.", max_output_tokens=24,
                               audio={"input": {"transcription": {"model": "whisper-1", "language": "en"}}})
                while not self._enough.is_set():
                    self.turns.append(self.turn(session))
        except BaseException as failure:  # told to the test's thread
            self.failure = failure

    def turn(self, session):
        session.speak(self.speech, pause_ms=900)
        stopped = session.wait("input_audio_buffer.speech_stopped")
        first = session.wait("response.output_audio.delta")
        response = session.wait_response()
        heard = session.all("conversation.item.input_audio_transcription.completed")
        return {"first_audio_s": first["at"] - stopped["at"], "status": response.status, "words": words(response.transcript),
                "audio_ms": response.audio_ms, "heard": words(heard[-1]["transcript"]) if heard else []}

    def wait_turns(self, count, timeout=60):
        deadline = time.monotonic() + timeout
        while len(self.turns) < count:
            assert self.failure is None, f"the conversation beside failed: {self.failure!r}"
            assert time.monotonic() < deadline, "the conversation beside makes no progress"
            time.sleep(0.02)

    def stop(self):
        self._enough.set()
        self.join(60)
        assert self.failure is None, f"the conversation beside failed: {self.failure!r}"


def raw_connection():
    """A TCP connection with a WebSocket upgrade behind it, for what no library will send."""
    address = urlparse(server.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=20)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall((f"GET /v1/realtime?model=starter HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
                        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer[:100]
    return connection


def frame_header(opcode, length, fin=True):
    """Of a client's frame, with a mask of zeros."""
    first = (0x80 if fin else 0) | opcode
    if length < 126:
        return struct.pack(">BB", first, 0x80 | length) + bytes(4)
    return struct.pack(">BBQ", first, 0x80 | 127, length) + bytes(4)


class HostileTest(unittest.TestCase):
    """One conversation runs beside all of the cases; what they do to it is looked at in the end."""

    @classmethod
    def setUpClass(cls):
        cls.bystander = Bystander()
        cls.bystander.start()
        cls.bystander.wait_turns(3)
        cls.alone = list(cls.bystander.turns)
        cls.resident_mb = server.resident_mb()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.bystander.wait_turns(len(cls.bystander.turns) + 1)
        finally:
            cls.bystander.stop()
        usual = statistics.median(turn["first_audio_s"] for turn in cls.alone)
        attacked = cls.bystander.turns[len(cls.alone) :]
        for turn in cls.bystander.turns:
            assert turn["status"] in ("completed", "incomplete"), turn
            assert turn["words"] and turn["audio_ms"] > 300, turn
            assert "forward" in turn["heard"], turn
        slowest = max(turn["first_audio_s"] for turn in attacked)
        # Attackers may take their share of the processor, and so may other tests; stalled it must not be.
        assert slowest < max(8.0, 8 * usual), f"first audio took {slowest:.1f} s; alone it takes {usual:.1f} s"
        grown_mb = server.resident_mb() - cls.resident_mb
        assert grown_mb < 200, f"the server grew by {grown_mb:.0f} MB"
        assert server.alive(), server.log()[-2000:]
        print(f"first audio alone {usual:.2f} s, attacked at most {slowest:.2f} s in {len(attacked)} turns; "
              f"resident {cls.resident_mb:.0f} MB, then {grown_mb:+.0f} MB")

    def refusal(self, session, message):
        """The code and param of the error that a message gets; the session must live on."""
        seen = len(session.all("error"))
        session.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
        session.settle()
        errors = session.all("error")[seen:-1]
        self.assertEqual(len(errors), 1, [error["error"]["message"] for error in errors])
        return errors[0]["error"]["code"], errors[0]["error"]["param"]

    def test_messages_that_are_none(self):
        with Session(server) as session:
            for message, code, param in (
                ("{bad", "invalid_json", None),
                ("", "invalid_json", None),
                ("[]", "invalid_event", None),
                ('{"x":1}', "invalid_event", None),
                ('{"type":5}', "invalid_event", None),
                ("[" * 100_000, "invalid_value", None),
                ({"type": "foo.bar"}, "invalid_value", "type"),
                ({"type": "session.update"}, "missing_required_parameter", "session"),
                ({"type": "session.update", "session": 3}, "invalid_type", "session"),
                ({"type": "session.update", "session": {"temperature": 1}}, "unknown_parameter", "session.temperature"),
                ({"type": "session.update", "session": {"audio": {"output": {"speed": "fast"}}}}, "invalid_type",
                 "session.audio.output.speed"),
                ({"type": "response.create", "response": {"output_modalities": ["smell"]}}, "invalid_value",
                 "response.output_modalities"),
                ({"type": "conversation.item.create", "item": {"type": "message", "role": "robot", "content": []}},
                 "invalid_value", "item.role"),
                ({"type": "input_audio_buffer.append", "audio": "***"}, "invalid_value", "audio"),
                ({"type": "input_audio_buffer.append", "audio": ""}, "invalid_value", "audio"),
                (b"\x01\x02\x03", "invalid_event", None),
            ):
                with self.subTest(message=str(message)[:60]):
                    self.assertEqual(self.refusal(session, message), (code, param))

    def test_strings_of_megabytes(self):
        long = "x" * 3_000_000
        with Session(server) as session:
            for message in ({"type": long}, {"type": "session.update", "session": {"instructions": long}},
                            {"type": "conversation.item.retrieve", "item_id": long},
                            {"type": "session.update", "session": {long: 1}},
                            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [
                                {"type": "input_text", "text": long}]}}):
                self.refusal(session, message)
            longest = max(len(event["error"]["message"]) for event in session.all("error"))
            self.assertLess(longest, 2000, "an error does not send the megabytes back")

    def test_a_message_larger_than_all_limits_closes_with_1009(self):
        with Session(server) as session:
            with self.assertRaises(ConnectionClosed) as closed:
                for _ in range(3):
                    session.socket.send("x" * 30_000_000)
                session.settle()
            if closed.exception.rcvd:  # while we still push, the close may be lost to a reset
                self.assertEqual(closed.exception.rcvd.code, 1009)

    def test_packets_that_are_no_opus(self):
        noise = random.Random(1)
        with Session(server, native=True) as session:
            for number in range(60):
                session.socket.send(struct.pack(">BBHIII", 1, number == 0, number, 960 * number, 0, 0) +
                                    bytes([0xFF]) + noise.randbytes(40))
            session.socket.send(b"\x01\x00")
            session.socket.send(struct.pack(">BBHIII", 1, 0, 60, 960 * 60, 0, 0) + b"OggS" + bytes(30))
            session.settle()
            codes = {event["error"]["code"] for event in session.all("error")}
            self.assertLessEqual({"invalid_opus_packet", "invalid_frame", "unsupported_audio_format"}, codes)
            packets = sum(event["error"]["code"] == "invalid_opus_packet" for event in session.all("error"))
            self.assertLessEqual(packets, 3, "they are told once a second")

    def test_silence_and_noise_are_no_speech(self):
        loud = np.random.default_rng(1).normal(0, 2000, 24000 * 3)
        with Session(server) as session:
            session.append(np.zeros(24000 * 10, np.int16), piece_ms=500)
            session.append(loud.astype(np.int16), piece_ms=500)
            session.append(np.zeros(24000, np.int16), piece_ms=500)
            session.settle()
            self.assertFalse(session.all("response.created"))

    def test_speech_without_a_pause(self):
        """Two minutes of reading without a breath: the buffer is bounded, and the session can be used afterwards."""
        piece = recording("librivox/sense_and_sensibility_01_austen_64kb-0870.wav")
        with Session(server) as session:
            session.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 5000,
                                                               "create_response": False}}})
            session.append(np.tile(piece, 17), piece_ms=1000)
            session.wait("input_audio_buffer.speech_started", timeout=120)
            session.send("input_audio_buffer.clear")
            session.wait("input_audio_buffer.cleared", timeout=120)
            self.assertTrue(session.response_to("Say yes.", output_modalities=["text"], max_output_tokens=8).text)

    def test_a_storm_of_connections(self):
        for number in range(120):
            connection = raw_connection()
            if number % 3 == 1:
                connection.sendall(frame_header(1, 5) + b"{bad}")
            connection.close()
        self.assertTrue(server.get("/healthz"))

    def test_bytes_that_are_no_http(self):
        address = urlparse(server.url)
        for opening in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000, b"GET /\x00\r\n\r\n",
                        b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"):
            with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
                try:
                    connection.sendall(opening)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
                except (ConnectionResetError, BrokenPipeError):
                    pass  # refused
        self.assertTrue(server.get("/healthz"))

    def test_half_a_frame_and_then_nothing(self):
        """They may sit there until the idle limit; nobody else notices."""
        silent = [raw_connection() for _ in range(8)]
        for connection in silent:
            connection.sendall(frame_header(1, 1000) + b'{"type":')
        self.bystander.wait_turns(len(self.bystander.turns) + 1)
        for connection in silent:
            connection.close()

    def test_frames_that_break_the_protocol_end_their_connection_alone(self):
        for broken, codes in (
            (struct.pack(">BB", 0x81, 2) + b"{}", {1002}),         # not masked
            (frame_header(3, 0), {1002}),                          # no such opcode
            (frame_header(9, 200) + bytes(200), {1002}),           # a long ping
            (frame_header(1, 2) + b"\xff\xfe", {1007}),            # not UTF-8
            (frame_header(0, 2) + b"{}", {1002}),                  # goes on with nothing
            (struct.pack(">BBQ", 0x81, 0x80 | 127, 1 << 62) + bytes(4), {1002, 1009}),
        ):
            connection = raw_connection()
            connection.sendall(broken)
            received = b""
            try:
                while piece := connection.recv(4096):
                    received += piece
            except ConnectionResetError:
                pass
            connection.close()  # the server has closed it: recv() came to its end
            self.assertIn(received[-4:-2], (b"\x88\x02",), "a close frame with a code came last")
            self.assertIn(struct.unpack(">H", received[-2:])[0], codes)

    def test_a_client_that_never_reads(self):
        """Its answers fill what the sockets hold and then the session's own bounded queue."""
        connection = raw_connection()
        ask = json.dumps({"type": "response.create", "response": {
            "conversation": "none", "instructions": "Tell a long story in many sentences.",
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Tell me a story."}]}]}})
        for _ in range(2):
            connection.sendall(frame_header(1, len(ask)) + ask.encode())
        self.bystander.wait_turns(len(self.bystander.turns) + 2)
        connection.close()

    def test_errors_without_end_close_the_connection(self):
        with Session(server) as session:
            with self.assertRaises(ConnectionClosed) as closed:
                for _ in range(400):
                    session.socket.send("{bad")
                while True:
                    session.receive_until(time.monotonic() + 1)
            if closed.exception.rcvd:
                self.assertEqual(closed.exception.rcvd.code, 1008)


if __name__ == "__main__":
    unittest.main()
