#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: inputs that reach far, from which a fuzzer goes on.

Messages are the samples of the wire protocol, one a client event or a shape that some SDK sends; frames carry real Opus
packets (of libopus, through ctypes); conversations are lists of the choices that conversation_player.cpp reads. Files
that a fuzzer found lie beside them under other names and stay.

    .deps/venv/bin/python test/fuzz/make_seeds.py
"""

import ctypes
import ctypes.util
import json
import math
import struct
from pathlib import Path

corpus = Path(__file__).parent / "corpus"

# ---- messages

full_session = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "instructions": "Be brief.",
    "tools": [{"type": "function", "name": "weather", "description": "The weather",
               "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}],
    "tool_choice": {"type": "function", "name": "weather"},
    "max_output_tokens": "inf",
    "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}},
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 8000}},
    "prompt": None,
    "include": ["item.input_audio_transcription.logprobs"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en", "prompt": "names: Ada"},
            "noise_reduction": {"type": "near_field"},
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                               "silence_duration_ms": 500, "idle_timeout_ms": 6000, "create_response": True,
                               "interrupt_response": True},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": {"id": "ash"}, "speed": 1.25},
    },
}
native = {
    "version": 1,
    "input": {"codec": "pcm16", "rate": 16000, "channels": 1, "frame_ms": 20, "header": False},
    "output": {"codec": "opus", "rate": 24000, "frame_ms": 60, "header": True, "bitrate": 32000},
    "json_audio": True,
    "lead_ms": 0,
    "playback": "header",
}
said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is the capital of France?"}]}
audio = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAAAAAA", "transcript": "hm"}]}

messages = {
    "session_update": {"event_id": "e1", "type": "session.update", "session": {
        key: value for key, value in full_session.items() if key not in ("object", "id")}},
    "session_update_native": {"session": {"native": native}, "type": "session.update"},
    "session_update_agents": {"session": {
        "model": "gpt-realtime-2.1", "output_modalities": ["audio"], "tracing": "auto",
        "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "noise_reduction": None,
                            "transcription": {"model": "gpt-4o-mini-transcribe"},
                            "turn_detection": {"type": "semantic_vad", "eagerness": "low", "interrupt_response": True}},
                  "output": {"format": {"type": "audio/pcma"}, "voice": "ash", "speed": 1}},
        "parallel_tool_calls": True, "reasoning": {"effort": "low"}, "type": "realtime"}, "type": "session.update"},
    "session_update_nulls": {"type": "session.update", "session": {
        "include": None, "tracing": None, "tools": [], "tool_choice": "none", "max_output_tokens": 4096,
        "truncation": "disabled", "audio": {"input": {"turn_detection": None, "transcription": None}}}},
    "append": {"type": "input_audio_buffer.append", "audio": "AAECAwQFBgcICQoLDA0ODw=="},
    "commit": {"type": "input_audio_buffer.commit", "event_id": "e2"},
    "clear": {"type": "input_audio_buffer.clear"},
    "item_create": {"type": "conversation.item.create", "previous_item_id": "root", "item": dict(said, id="item_a")},
    "item_create_audio": {"type": "conversation.item.create", "previous_item_id": None, "item": audio},
    "item_create_assistant": {"type": "conversation.item.create", "item": {
        "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "text", "text": "Paris."}]}},
    "item_create_system": {"type": "conversation.item.create", "item": {
        "type": "message", "role": "system", "content": [{"type": "input_text", "text": "Sing."}]}},
    "item_create_call": {"type": "conversation.item.create", "item": {
        "type": "function_call", "name": "weather", "call_id": "call_1", "arguments": "{\"city\":\"Paris\"}"}},
    "item_create_call_output": {"type": "conversation.item.create", "item": {
        "type": "function_call_output", "call_id": "call_1", "output": "{\"degrees\":21}"}},
    "item_retrieve": {"type": "conversation.item.retrieve", "item_id": "item_a"},
    "item_delete": {"type": "conversation.item.delete", "item_id": "item_a"},
    "item_truncate": {"type": "conversation.item.truncate", "item_id": "item_a", "content_index": 0, "audio_end_ms": 800},
    "response_create": {"type": "response.create"},
    "response_create_full": {"type": "response.create", "event_id": "e3", "response": {
        "instructions": "Sing.", "output_modalities": ["text"], "conversation": "none",
        "metadata": {"topic": "weather"}, "max_output_tokens": 64, "tools": full_session["tools"],
        "tool_choice": "required", "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "verse"}},
        "input": [{"type": "item_reference", "id": "item_a"}, said]}},
    "response_cancel": {"type": "response.cancel", "response_id": "resp_1"},
    "output_clear": {"type": "output_audio_buffer.clear"},
    "playback_flushed": {"type": "native.playback.flushed", "stream": 1, "played_ms": 640},
    "playback_report": {"type": "native.playback.report", "stream": 1, "state": "underrun", "played_ms": 640, "buffered_ms": 0},
    "ping": {"type": "native.ping", "t": 1.5e3},
    "unknown_type": {"type": "foo.bar", "event_id": "abc"},
    "not_an_event": [],
    "session_changes": {key: full_session[key] for key in ("instructions", "audio", "tools")},
}
broken_messages = {
    "broken_json": b'{"type":"session.update",',
    "not_utf8": b'{"type":"conversation.item.delete","item_id":"\xff\xfe"}',
    "escapes": rb'{"type":"conversation.item.delete","item_id":"\u0000\ud83d\ude00\u00fc"}',
    "number_out_of_range": b'{"type":"native.ping","t":1e999}',
    "deep": b'{"type":' + b"[" * 40 + b"]" * 40 + b"}",
    "same_key_twice": b'{"type":"session.update","session":{"tools":[{}],"tools":[]},"session":{"instructions":"x"}}',
}

# ---- binary frames


def opus_packets(rate, milliseconds, count):
    """A rising tone as Opus packets of that length."""
    opus = ctypes.CDLL(ctypes.util.find_library("opus"))
    opus.opus_encoder_create.restype = ctypes.c_void_p
    encoder = ctypes.c_void_p(opus.opus_encoder_create(rate, 1, 2048, None))
    samples = rate * milliseconds // 1000
    packets = []
    for number in range(count):
        tone = [int(8000 * math.sin((number * samples + i) ** 1.2 / 200)) for i in range(samples)]
        out = ctypes.create_string_buffer(4000)
        size = opus.opus_encode(encoder, (ctypes.c_int16 * samples)(*tone), samples, out, len(out))
        packets.append(out.raw[:size])
    opus.opus_encoder_destroy(encoder)
    return packets


def frame(payload, number=0, flags=0, kind=1, milliseconds=20):
    return struct.pack(">BBHIII", kind, flags, number, number * 48 * milliseconds, 0, 0) + payload


def connection(frames, pcm=0, bare=0, rate=4, decoder=2):
    """What fuzz_audio_frame reads: the parameters, then frames behind their lengths."""
    return bytes([pcm, bare, rate, decoder]) + b"".join(struct.pack(">H", len(one)) + one for one in frames)


def audio_frames():
    packets = opus_packets(48000, 20, 4)
    yield "opus", connection([frame(packet, i, flags=i == 0) for i, packet in enumerate(packets)])
    yield "opus_60_ms_to_48_kHz", connection([frame(packet, i) for i, packet in enumerate(opus_packets(16000, 60, 2))], decoder=4)
    yield "opus_bare", connection(opus_packets(24000, 10, 3), bare=1)
    yield "opus_end", connection([frame(packets[0]), frame(b"", 1, flags=2)])
    yield "pcm", connection([frame(bytes(range(64)), i, flags=4) for i in range(2)], pcm=1, rate=2)
    yield "ogg", connection([frame(b"OggS" + bytes(24)), frame(b"\x1a\x45\xdf\xa3" + bytes(24))])
    yield "too_short", connection([frame(b"")[:12], b"", frame(b"")])
    yield "truncated_packets", connection([frame(packet[: len(packet) // 2], i) for i, packet in enumerate(packets)])
    yield "random_after_speech", connection([frame(packets[0]), frame(bytes((i * 37 + 11) % 256 for i in range(80)), 1)])
    yield "many_frames_in_a_packet", connection([frame(bytes([0x03 | 0x10 << 3, 0x30]) + bytes(20))])


# ---- settings, weights

settings = {
    "assignments": b'auth.open=true\nname="a b"\nname=a b\nengine.device=cuda\nauth.keys=["k1","k2"]\n'
                   b'aliases={"a":"b"}\nengine.model=/m\nengine.threads=4\nport=0\nlimits.message.bytes=1048576\n'
                   b"vad.threshold=0.25\nsampling.top_p=1\nlimits.idle_ms=100\nlimits.session_s=60\n",
    "file": b'{"auth":{"open":true,"keys":[]},"engine":{"threads":2,"device":"cpu"},"limits":{"message":{"bytes":9}}}\n',
    "refused": b'engine.thread=4\nengine.threads=65\nengine.threads=1.5\nengine.threads=x\n=1\nname\nauth.keys=[1]\nport=-1\n'
               b'vad.threshold=1e999\nengine.device="tpu"\n{"engine":3}\n{"limits":{"message":{}}}\n{]\n[]\n{"a.b":1}\n',
    "not_utf8": b"name=\xff\xfe\nengine.model=\xc3\nname=\x00\n",
}


def weights(tensors, header=None, tail=b""):
    """A safetensors file; `header` replaces what describes the tensors."""
    described, data = {}, b""
    for name, dtype, shape, content in tensors:
        described[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = header if header is not None else json.dumps(described).encode()
    return struct.pack("<Q", len(text)) + text + data + tail


def safetensors():
    two = [("a", "F32", [2, 3], bytes(24)), ("b", "BF16", [4], bytes(8))]
    yield "two_tensors", weights(two)
    yield "empty", weights([])
    yield "no_elements", weights([("a", "I64", [0, 7], b""), ("b", "BOOL", [], b"\x01")])
    yield "metadata", weights([], header=b'{"__metadata__":{"format":"pt","n":1}}')
    yield "truncated", weights(two)[:-5]
    yield "spare_bytes", weights(two, tail=b"\0")
    yield "huge_header", struct.pack("<Q", 1 << 62) + b"{}"
    yield "huge_shape", weights([], header=b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}')
    yield "unknown_dtype", weights([("a", "F8_E4M3", [1], b"\0")])
    yield "overlap", weights([("a", "U8", [2], b"xy")], header=b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},'
                             b'"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}')


# ---- conversations

# The choices of conversation_player.cpp, by the places of its tables.
plain, in_native, push_to_talk, semantic, transcribing = 0, 1, 3, 4, 5


def start(session=plain, first=1, trial=0):
    return bytes([first, trial, 0, 0, 0, 0, 0, session])


def says(message, *filling):
    return bytes([0, message, *filling])


def hears(windows, loud):
    return bytes([5, 1 | (4 if loud else 0), windows - 1])


def engine(what, *how, back=0):
    return bytes([9, back, what, *how])


transcript, text, chunk, call, done = (engine(0, 0), engine(1, 0), engine(3, 20, 255), engine(6), engine(7, 0))
answer = transcript + text + engine(1, 1) + chunk + chunk + done
pause = bytes([14, 30])
utterance = hears(20, True) + hears(20, False)

conversations = {
    "spoken_turn": start() + utterance + answer + pause,
    "spoken_turn_native": start(in_native) + utterance + answer + pause + pause,
    "barge_in": start() + utterance + transcript + text + chunk + utterance + answer,
    "barge_in_native": start(in_native) + utterance + transcript + text + chunk + bytes([13, 200]) + hears(20, True)
                       + says(40, 1, 30) + hears(20, False) + engine(3, 20, 255, back=1) + answer + pause,
    "push_to_talk": start(push_to_talk) + hears(20, True) + says(9) + says(0) + answer,
    "semantic": start(semantic) + hears(20, True) + hears(8, False) + transcript + hears(24, False) + hears(24, False) + answer,
    "transcription_alone": start(transcribing) + says(25) + utterance + pause + transcript + done,
    "cancel": start() + says(11) + says(0) + text + chunk + says(1) + chunk + done + says(20, 0, 3),
    "out_of_band": start() + says(11) + says(0) + says(3) + says(5) + text + engine(1, 1, back=1) + done + done + done,
    "tool_call": start() + says(11) + says(34) + says(0) + call + done + says(17) + says(0) + answer,
    "failure": start() + says(11) + says(0) + text + engine(7, 2) + says(0) + answer,
    "stalled_socket": start(in_native) + says(11) + says(0) + bytes([8, 0]) + text + chunk + chunk + hears(10, True)
                      + bytes([8, 3]) + done + pause,
    "drain": start() + says(11) + says(0) + text + chunk + bytes([8, 13]) + says(0) + done + pause,
    "slow_consumer": start() + says(11) + says(0) + text + chunk + bytes([8, 14]),
    "idle_timeout": start() + says(26, 20) + says(11) + says(0) + answer + pause * 4,
    "trial_thrown_away": start() + hears(20, True) + hears(8, False) + transcript + hears(10, True) + hears(20, False) + answer,
    "items": start() + says(11) + says(12, 0) + says(13) + says(14) + says(15) + says(18, 0) + says(19, 1) + says(19, 1),
    "modes": start() + b"".join(says(message, 9) for message in range(22, 39)) + utterance + answer,
    "anything": start() + bytes([4, 36]) + b'{"type":"conversation.item.delete"} ',
}


def write(target, seeds):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds:
        (folder / name).write_bytes(content)


write("message", [(name, json.dumps(message).encode()) for name, message in messages.items()])
write("message", broken_messages.items())
write("audio_frame", audio_frames())
write("settings", settings.items())
write("safetensors", safetensors())
write("conversation", conversations.items())
