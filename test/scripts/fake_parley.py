"""Stands in for the programs that scripts/bench starts: answers at once, with figures known beforehand. The file is copied
to where a build has `parley` and `decode_bench`, and is what the peer's program is pretended to be.

FAKE_PARLEY holds JSON: {"fails": [commands that end with an error], "capacity": conversations that go well}.
"""
import asyncio
import base64
import hashlib
import json
import os
import pathlib
import signal
import sys

SETTINGS = json.loads(os.environ.get("FAKE_PARLEY", "{}"))
NAME = pathlib.Path(sys.argv[0]).name
COMMAND = sys.argv[1] if NAME == "parley" else NAME


def option(name, default=0):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def answers(asr_ms, first_audio_ms):
    for _ in range(option("--runs")):
        print(json.dumps({"heard": "hello", "said": "hi", "asr_ms": asr_ms, "first_token_ms": asr_ms + 20,
                          "first_audio_ms": first_audio_ms, "total_ms": first_audio_ms + 400, "audio_s": 2, "tokens": 9}))


def decode():
    print("loaded in 3 ms: 80.1 MB of weights, 23.0 KB a token of context")
    for sessions in sys.argv[sys.argv.index("--batches") + 1].split(","):
        speed = 150 if sessions == "1" else 525
        print(f"decode   {sessions:>3} at once   {1.0:8.2f} ms a step   median {1.5:8.2f}   {speed:8.1f} tokens/s"
              f"   processor {2.0:8.2f} ms")
    print(f"prefill  128 a piece   {0.1:8.2f} ms a token  median {0.1:8.2f}   {9000:8.1f} tokens/s   processor {0.2:8.2f} ms")


def step_audio_2():
    """What the benches at official sizes print, and the reference for them."""
    if "--chunks" in sys.argv:
        print(json.dumps({"chunk_5_ms": 100, "chunk_200_ms": 102, "rss_5": 1000, "rss_200": 1030}))
    for batch in sys.argv[sys.argv.index("--batches") + 1].split(",") if "--batches" in sys.argv else "1":
        print(json.dumps({"batch": int(batch), "ms": [{"1": 80, "8": 128}[batch]] * 3}))


def load():
    sessions = option("--sessions")
    good = sessions <= SETTINGS.get("capacity", 14)
    print("talking", file=sys.stderr)
    print(json.dumps({
        "sessions_served": sessions, "turns": sessions, "turns_answered": sessions, "turns_without_audio": 0,
        "errors": 0, "lost_packets": 0, "crossed_packets": 0,
        "turn_end_to_first_audio_ms": {"p50": 42.0, "p95": 60.0, "p99": 61.0},
        "speech_end_to_first_audio_ms": {"p50": 560.0, "p95": 900.0 if good else 2100.0, "p99": 2200.0},
        "longest_underrun_ms": {"p50": 0.0, "p95": 0.0 if good else 350.0}}))


async def talk(reader, writer):
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in request.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    greeting = json.dumps({"type": "session.created", "padding": "x" * 200}).encode()
    writer.write(bytes([0x81, 126]) + len(greeting).to_bytes(2, "big") + greeting)
    writer.write(b"\x89\x02hi")  # a ping: a client that answers is alive
    try:
        while True:
            first, length = await reader.readexactly(2)
            payload = (await reader.readexactly(4 + (length & 0x7F)))[4:]
            if first == 0x89:
                writer.write(bytes([0x8A, len(payload)]) + payload)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve():
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if COMMAND in SETTINGS.get("fails", []):
    sys.exit(f"{COMMAND}: told to fail")
elif COMMAND == "--version":
    print("parley 0.0.0 of the test")
elif COMMAND == "converse":
    answers(asr_ms=180, first_audio_ms=240)
elif COMMAND == "fake_peer":
    answers(asr_ms=400, first_audio_ms=600)
elif COMMAND in ("ear_bench", "token2wav_bench") or "--step-audio-2-layers" in sys.argv:
    step_audio_2()
elif COMMAND == "decode_bench":
    decode()
elif COMMAND == "generate":
    bytearray(64 << 20)  # what it takes at most, beside Python
elif COMMAND == "load":
    load()
elif COMMAND == "serve":
    asyncio.run(serve())
else:
    sys.exit(f"{COMMAND}: not pretended")
