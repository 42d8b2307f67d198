"""A client of /v1/realtime that keeps all it receives, in JSON and native mode."""

import base64
import json
import struct
import time

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.opus import Encoder
from support.order import violations
from support.speech import silence


class Frame:
    """A binary message of the server: the native header taken apart."""

    type = "frame"

    def __init__(self, message):
        self.kind, self.flags, self.seq, self.timestamp, self.stream, self.cursor = struct.unpack(">BBHIII", message[:16])
        self.payload = message[16:]
        self.start, self.end = bool(self.flags & 1), bool(self.flags & 2)


class Response:
    """What was received of one response."""

    def __init__(self, done, events):
        self.object = done["response"]
        self.id, self.status = self.object["id"], self.object["status"]
        self.details = self.object["status_details"]
        self.events = [event for event in events if event.get("response_id") == self.id]
        self.audio = np.frombuffer(b"".join(
            base64.b64decode(event["delta"]) for event in self.of("response.output_audio.delta")), np.int16)
        self.transcript = "".join(event["delta"] for event in self.of("response.output_audio_transcript.delta"))
        self.text = "".join(event["delta"] for event in self.of("response.output_text.delta"))
        self.items = self.object["output"]

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    @property
    def audio_ms(self):
        return len(self.audio) * 1000 / 24000


class Session:
    """One connection. What comes in is in `events` (dicts) and `frames`, in order, with its time under "at"."""

    def __init__(self, server, native=False, timeout=60, **options):
        self.timeout = timeout
        self.events, self.frames, self.arrivals = [], [], []
        self._next = 0  # of arrivals, for wait()
        self._encoder, self._sent_packets = Encoder(), 0
        self.native = native
        protocols = ["realtime.opus.v1", "realtime"] if native else None
        self.socket = connect(server.websocket + "?model=starter", subprotocols=protocols, max_size=None, compression=None,
                              additional_headers={"Authorization": "Bearer anything"}, **options)
        self.wait("session.created")

    # ---- out

    def send(self, kind, **fields):
        self.socket.send(json.dumps({"type": kind, **fields}))

    def update(self, **session):
        """session.update, and waits until it holds."""
        self.send("session.update", session={"type": "realtime", **session})
        return self.wait("session.updated")["session"]

    def say(self, text):
        """A typed message of the user."""
        self.send("conversation.item.create", item={
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
        return self.wait("conversation.item.done")["item"]

    def append(self, pcm, in_real_time=False, piece_ms=40):
        """Audio (24 kHz) as JSON events or, in native mode, as Opus packets (it is brought to 48 kHz)."""
        began, step = time.monotonic(), 24 * piece_ms
        for number, start in enumerate(range(0, len(pcm), step)):
            piece = pcm[start : start + step]
            if self.native:
                self._send_packets(piece)
            else:
                self.send("input_audio_buffer.append", audio=base64.b64encode(piece.tobytes()).decode())
            if in_real_time:
                self.receive_until(began + (number + 1) * piece_ms / 1000)

    def _send_packets(self, piece):
        for packet in self._encoder.packets(np.repeat(piece, 2)):
            self.socket.send(struct.pack(">BBHIII", 1, self._sent_packets == 0, self._sent_packets & 0xFFFF,
                                         960 * self._sent_packets, 0, 0) + packet)
            self._sent_packets += 1

    def speak(self, pcm, in_real_time=False, pause_ms=1000):
        """An utterance and the silence after it that ends the turn."""
        self.append(np.concatenate([silence(200), pcm, silence(pause_ms)]), in_real_time)

    # ---- in

    def _receive(self, timeout):
        message = self.socket.recv(timeout=timeout)
        if isinstance(message, bytes):
            arrival = Frame(message)
            arrival.at = time.monotonic()
            self.frames.append(arrival)
        else:
            arrival = json.loads(message)
            arrival["at"] = time.monotonic()
            self.events.append(arrival)
        self.arrivals.append(arrival)

    def receive_until(self, moment):
        """Takes what comes until that time of time.monotonic()."""
        while (left := moment - time.monotonic()) > 0:
            try:
                self._receive(left)
            except TimeoutError:
                return

    def wait(self, kind, where=lambda event: True, timeout=None):
        """The next event of that type that was not waited for yet, or passed over; fails for one that does not come."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            while self._next < len(self.arrivals):
                arrival = self.arrivals[self._next]
                self._next += 1
                if not isinstance(arrival, Frame) and arrival["type"] == kind and where(arrival):
                    return arrival
            try:
                self._receive(max(0.01, deadline - time.monotonic()))
            except TimeoutError:
                raise AssertionError(f"no {kind} came; what came was {self.told()}") from None
            except ConnectionClosed as closed:
                raise AssertionError(f"closed ({closed}) while waiting for {kind}; what came was {self.told()}") from None

    def wait_response(self, **how):
        """The next response that ends."""
        return Response(self.wait("response.done", **how), self.events)

    def response_to(self, text, **parameters):
        """Types something and lets it be answered."""
        self.say(text)
        self.send("response.create", response=parameters)
        return self.wait_response()

    def settle(self, marker="settled"):
        """Everything that was sent has been handled: the error of a harmless bad event comes back."""
        self.send("conversation.item.retrieve", item_id="no-such-item", event_id=marker)
        return self.wait("error", where=lambda event: event["error"]["event_id"] == marker)

    # ---- what came

    def types(self, since=0):
        """Types in order, repeated ones told once."""
        kinds = []
        for event in self.events[since:]:
            if not kinds or kinds[-1] != event["type"]:
                kinds.append(event["type"])
        return kinds

    def told(self):
        errors = [event["error"]["message"] for event in self.events if event["type"] == "error"]
        return " ".join(self.types()[-30:]) + (f" with errors {errors}" if errors else "")

    def all(self, kind):
        return [event for event in self.events if event["type"] == kind]

    # ---- the end

    def close(self):
        """Closes, and holds everything that came against the ordering rules."""
        self.socket.close()
        broken = violations(self.events)
        assert not broken, broken

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        if failure is None:
            self.close()
        else:
            self.socket.close()
