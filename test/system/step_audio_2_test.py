#!/usr/bin/env python3
"""Conversations with the Step-Audio 2 model: its tiny checkpoint says nothing that means anything, but says it as the
whole family does. The same wire, the same order, the same rights to interrupt."""

import json
import os
import threading
import unittest
from pathlib import Path

import numpy as np

from support.server import ROOT, Server
from support.session import Session
from support.speech import levels, recording, say

# What speaks, ends and is silent as the family does, and what never ends an answer by itself.
BUNDLE = Path(os.environ.get("PARLEY_TINY_BUNDLE", ROOT / "build/release/tiny_step_audio_2/mini/bundle"))
PUSH_TO_TALK = {"audio": {"input": {"turn_detection": None}}}
LONG = {"max_output_tokens": 2000}


def setUpModule():
    global server, endless
    server = Server("--model", BUNDLE)
    endless = Server("--model", BUNDLE.parents[1] / "endless" / "bundle")


def tearDownModule():
    server.__exit__()
    endless.__exit__()


def ask_aloud(session, pcm, **response):
    """Says it without a turn detector, and has it answered."""
    session.append(pcm)
    session.send("input_audio_buffer.commit")
    session.wait("conversation.item.done")
    session.send("response.create", response=response)


class AnswerTest(unittest.TestCase):
    def test_speech_is_answered_in_speech_and_its_words(self):
        with Session(server) as session:
            session.update(**PUSH_TO_TALK)
            ask_aloud(session, recording("goforward.raw"), max_output_tokens=150)
            response = session.wait_response()
            self.assertIn(response.status, ("completed", "incomplete"))
            self.assertGreater(response.audio_ms, 500)
            self.assertGreater((levels(response.audio) > 1).mean(), 0.2, "the answer is not silence")
            self.assertEqual(response.transcript, response.items[0]["content"][0]["transcript"])
            usage = response.object["usage"]
            heard_ms = len(recording("goforward.raw")) / 24
            self.assertAlmostEqual(usage["input_token_details"]["audio_tokens"], heard_ms / 80, delta=2)
            self.assertGreater(usage["output_token_details"]["audio_tokens"], 10)

    def test_a_text_answer_has_no_sound(self):
        with Session(server) as session:
            response = session.response_to("Hello", output_modalities=["text"], max_output_tokens=40)
            self.assertFalse([event for event in response.events if "audio" in event["type"]])
            self.assertEqual(response.items[0]["content"], [{"type": "output_text", "text": response.text}])

    def test_the_turn_detector_starts_and_ends_turns(self):
        with Session(server) as session:
            session.update(max_output_tokens=100)
            mark = len(session.events)
            session.speak(recording("goforward.raw"))
            session.wait_response()
            kinds = [kind for kind in session.types(mark) if kind.startswith("input_audio_buffer.")]
            self.assertEqual(kinds, ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                                     "input_audio_buffer.committed"])

    def test_what_was_said_is_transcribed_when_asked_for(self):
        with Session(server) as session:
            session.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
            session.append(recording("goforward.raw"))
            session.send("input_audio_buffer.commit")
            item_id = session.wait("input_audio_buffer.committed")["item_id"]
            heard = session.wait("conversation.item.input_audio_transcription.completed")
            self.assertEqual(heard["item_id"], item_id)

    def test_half_a_minute_of_speech_is_heard_in_two_pieces(self):
        speech = np.concatenate([recording("goforward.raw")] * 20)[: 28 * 24000]
        with Session(server) as session:
            session.update(**PUSH_TO_TALK)
            ask_aloud(session, speech, output_modalities=["text"], max_output_tokens=5)
            usage = session.wait_response().object["usage"]
            self.assertAlmostEqual(usage["input_token_details"]["audio_tokens"], 313 + 38, delta=2)

    def test_every_voice_of_the_bundle_speaks_and_others_are_refused(self):
        with Session(server) as session:
            names = [voice["name"] for voice in json.loads(server.get("/v1/models"))["data"][0]["voices"]]
            self.assertGreaterEqual(len(names), 2)
            sounds = []
            for name in names[:2]:
                response = session.response_to("Hello", audio={"output": {"voice": name}}, max_output_tokens=100)
                self.assertGreater(response.audio_ms, 0)
                sounds.append(response.audio)
            length = min(map(len, sounds))
            self.assertFalse(np.array_equal(sounds[0][:length], sounds[1][:length]))

    def test_a_second_turn_reads_only_what_is_new(self):
        with Session(server) as session:
            session.response_to("Hello", max_output_tokens=60)
            response = session.response_to("And again", max_output_tokens=60)
            details = response.object["usage"]["input_token_details"]
            self.assertGreater(details["cached_tokens"], 40)


class InterruptionTest(unittest.TestCase):
    def test_talking_over_the_answer_cancels_it(self):
        with Session(endless) as session:
            session.say("Tell me a story")
            session.send("response.create", response=LONG)
            session.wait("response.output_audio.delta")
            session.speak(say("Stop, please stop now."), pause_ms=100)
            session.wait("input_audio_buffer.speech_started")
            response = session.wait_response()
            self.assertEqual(response.status, "cancelled")
            self.assertEqual(response.details, {"type": "cancelled", "reason": "turn_detected"})

    def test_cancelling_closes_all_that_is_open_and_nothing_follows(self):
        with Session(endless) as session:
            session.say("Tell me a story")
            session.send("response.create", response=LONG)
            session.wait("response.output_audio.delta")
            session.send("response.cancel")
            response = session.wait_response()
            self.assertEqual(response.status, "cancelled")
            for kind in ("response.output_audio.done", "response.output_audio_transcript.done", "response.output_item.done"):
                self.assertEqual(len(response.of(kind)), 1, kind)
            self.assertIn(session.response_to("Hello", max_output_tokens=20).status, ("completed", "incomplete"))

    def test_a_truncated_answer_is_remembered_as_far_as_it_was_heard(self):
        with Session(endless) as session:
            response = session.response_to("Tell me a story", max_output_tokens=300)
            self.assertGreater(response.audio_ms, 8000)
            item_id = response.items[0]["id"]
            whole = session.response_to("Go on", output_modalities=["text"], max_output_tokens=5)
            session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=2000)
            self.assertEqual(session.wait("conversation.item.truncated")["audio_end_ms"], 2000)
            cut = session.response_to("Go on", output_modalities=["text"], max_output_tokens=5)
            self.assertLess(cut.object["usage"]["input_tokens"], whole.object["usage"]["input_tokens"])


class TogetherTest(unittest.TestCase):
    def test_eight_sessions_speak_at_once_and_none_hears_another(self):
        alone, together = {}, {}

        def talk(number, into):
            with Session(server) as session:
                session.update(**PUSH_TO_TALK)
                speech = recording("goforward.raw")[: (number + 4) * 4800]
                ask_aloud(session, speech, output_modalities=["text"], max_output_tokens=30)
                first = session.wait_response().text
                spoken = session.response_to("Go on", max_output_tokens=120)
                into[number] = (first, spoken.audio_ms > 0)

        for number in range(2):
            talk(number, alone)
        threads = [threading.Thread(target=talk, args=(number, together)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(together), list(range(8)))
        self.assertTrue(all(spoke for _, spoke in together.values()))


if __name__ == "__main__":
    unittest.main()
