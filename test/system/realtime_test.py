#!/usr/bin/env python3
"""Conformance cases of the protocol over a real socket with the real model, in JSON mode and, for N2, in native mode."""

import unittest

import numpy as np

from support.opus import Decoder
from support.server import Server
from support.session import Session
from support.speech import levels, recording, say, words

TRANSCRIBED = {"audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"},
                                   "turn_detection": {"type": "server_vad", "prefix_padding_ms": 300}}}}
PUSH_TO_TALK = {"audio": {"input": {"turn_detection": None}}}
QUESTION = "What is the capital of France?"


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    server.__exit__()


def onset_ms(pcm):
    """Where a clip begins to be loud, ms."""
    loud = levels(pcm) > 0.1 * levels(pcm).max()
    return int(np.argmax(loud)) * 20


class TurnTest(unittest.TestCase):
    def test_T1_speech_in_real_time_is_one_turn_told_in_order(self):
        speech = recording("goforward.raw")
        with Session(server) as session:
            session.update(**TRANSCRIBED)
            mark = len(session.events)
            session.speak(speech, in_real_time=True)
            response = session.wait_response()
            session.settle()

            kinds = session.types(mark)
            expected = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
                        "conversation.item.added", "conversation.item.done", "response.created", "rate_limits.updated",
                        "response.output_item.added", "conversation.item.added", "response.content_part.added"]
            told = [kind for kind in kinds if "input_audio_transcription" not in kind]
            self.assertEqual(told[: len(expected)], expected)
            self.assertEqual(told.count("input_audio_buffer.speech_started"), 1)
            of_input = [event for event in session.events[mark:] if event["type"].startswith("input_audio_buffer.")]
            self.assertEqual(len({event["item_id"] for event in of_input}), 1)
            start = of_input[0]["audio_start_ms"]
            self.assertLessEqual(abs(start - (200 + onset_ms(speech) - 300)), 60)
            self.assertEqual(response.status, "completed")
            self.assertEqual(response.transcript, response.items[0]["content"][0]["transcript"])

    def test_T3_talking_over_the_answer_cancels_it(self):
        with Session(server) as session:
            session.say("Tell me a very long story about a ship, its captain, and the sea.")
            session.send("response.create", response={"instructions": "Tell a long story in many sentences."})
            session.wait("response.output_audio.delta")
            session.speak(say("Stop, please stop now."), pause_ms=100)
            started = session.wait("input_audio_buffer.speech_started")
            response = session.wait_response()
            self.assertEqual(response.status, "cancelled", "the story was too short to be talked over")
            self.assertEqual(response.details, {"type": "cancelled", "reason": "turn_detected"})
            self.assertEqual(response.items[0]["status"], "incomplete")
            self.assertLess(session.events.index(started), session.events.index(response.of("response.output_audio.done")[0]))

    def test_T7_a_transcript_comes_when_it_is_asked_for_and_never_otherwise(self):
        speech = recording("goforward.raw")
        with Session(server) as session:
            session.update(**PUSH_TO_TALK)
            session.append(speech)
            session.send("input_audio_buffer.commit")
            session.wait("conversation.item.done")
            session.send("response.create", response={"max_output_tokens": 10})
            session.wait_response()
            session.settle()
            self.assertFalse([kind for kind in session.types() if "input_audio_transcription" in kind])

            session.update(audio={"input": {"transcription": {"model": "whisper-1", "language": "en"}}})
            session.append(speech)
            session.send("input_audio_buffer.commit")
            item_id = session.wait("input_audio_buffer.committed")["item_id"]
            heard = session.wait("conversation.item.input_audio_transcription.completed")
            self.assertEqual(heard["item_id"], item_id)
            self.assertEqual(heard["usage"]["type"], "duration")
            self.assertAlmostEqual(heard["usage"]["seconds"], len(speech) / 24000, delta=0.05)
            self.assertLessEqual({"forward", "meters"}, set(words(heard["transcript"].replace("metres", "meters"))))

    def test_T8_push_to_talk_gives_an_answer_and_no_events_of_a_detector(self):
        with Session(server) as session:
            session.update(**PUSH_TO_TALK)
            session.send("input_audio_buffer.clear")
            session.wait("input_audio_buffer.cleared")
            session.speak(say(QUESTION), pause_ms=100)
            session.send("input_audio_buffer.commit")
            session.wait("conversation.item.done")
            session.send("response.create")
            response = session.wait_response()
            self.assertEqual(response.status, "completed")
            self.assertGreater(response.audio_ms, 300)
            self.assertFalse([kind for kind in session.types() if "speech_" in kind])

    def test_N2_opus_packets_give_the_turn_that_json_gives(self):
        speech = recording("librivox/sense_and_sensibility_01_austen_64kb-0930.wav")
        transcripts = []
        for native in (False, True):
            with Session(server, native=native) as session:
                session.update(**TRANSCRIBED)
                mark = len(session.events)
                session.speak(speech)
                response = session.wait_response()
                heard = session.all("conversation.item.input_audio_transcription.completed") or [
                    session.wait("conversation.item.input_audio_transcription.completed")]
                transcripts.append(words(heard[0]["transcript"]))
                turn = [kind for kind in session.types(mark) if kind.startswith("input_audio_buffer.")]
                self.assertEqual(turn, ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                                        "input_audio_buffer.committed"])
                if native:
                    self.check_stream(session, response)
        self.assertGreater(len(transcripts[0]), 4)
        self.assertEqual(transcripts[0], transcripts[1])

    def check_stream(self, session, response):
        """N8: the answer came as packets of one announced stream, and nothing of it as JSON."""
        self.assertFalse(response.of("response.output_audio.delta"))
        (started,) = session.all("native.output_stream.started")
        (done,) = session.all("native.output_stream.done")
        self.assertTrue(session.frames)
        self.assertLess(session.arrivals.index(started), session.arrivals.index(session.frames[0]))
        self.assertEqual({frame.stream for frame in session.frames}, {started["stream"]})
        self.assertEqual([frame.seq for frame in session.frames], list(range(len(session.frames))))
        self.assertEqual([frame.end for frame in session.frames], [False] * (len(session.frames) - 1) + [True])
        self.assertEqual(done["frames"], len(session.frames))
        decoder = Decoder()
        pcm = np.concatenate([decoder.decode(frame.payload) for frame in session.frames if frame.payload])
        self.assertAlmostEqual(len(pcm) / 24, done["duration_ms"], delta=60)
        self.assertGreater((levels(pcm) > 300).mean(), 0.3, "the answer can be heard")


class ResponseTest(unittest.TestCase):
    def test_R4_cancelling_closes_all_that_is_open_and_nothing_follows(self):
        with Session(server) as session:
            session.say("Tell me a very long story about a mountain and its people.")
            session.send("response.create", response={"instructions": "Tell a long story in many sentences."})
            session.wait("response.output_audio.delta")
            session.send("response.cancel")
            response = session.wait_response()
            self.assertEqual(response.status, "cancelled", "the story was too short to be cancelled")
            self.assertEqual(response.details, {"type": "cancelled", "reason": "client_cancelled"})
            for kind in ("response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
                         "response.output_item.done"):
                self.assertEqual(len(response.of(kind)), 1, kind)
            self.assertEqual(response.items[0]["status"], "incomplete")
            # A whole further answer is the time in which something of the first one could still come; close() looks.
            self.assertEqual(session.response_to("Say yes.").status, "completed")

    def test_R5_a_text_response_has_text_events_alone(self):
        with Session(server) as session:
            response = session.response_to("Name three fruits.", output_modalities=["text"], max_output_tokens=40)
            self.assertTrue(response.text.strip())
            self.assertEqual(response.items[0]["content"], [{"type": "output_text", "text": response.text}])
            self.assertEqual(response.of("response.content_part.added")[0]["part"], {"type": "text", "text": ""})
            self.assertFalse([event for event in response.events if "audio" in event["type"]])

    def test_R7_an_out_of_band_response_runs_beside_the_active_one(self):
        with Session(server) as session:
            session.say("Tell me a long story about a river.")
            session.send("response.create", response={"instructions": "Tell a long story in many sentences."})
            first = session.wait("response.created")["response"]["id"]
            session.wait("response.output_audio.delta")
            session.send("response.create", response={
                "conversation": "none", "output_modalities": ["text"], "metadata": {"about": "sums"}, "max_output_tokens": 12,
                "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is one and one?"}]}]})
            beside = session.wait_response(where=lambda event: event["response"]["id"] != first)
            self.assertIsNone(beside.object["conversation_id"])
            self.assertEqual(beside.object["metadata"], {"about": "sums"})
            items = {item["id"] for item in beside.items}
            self.assertFalse([event for event in session.events
                              if event["type"].startswith("conversation.item") and event["item"]["id"] in items])
            session.send("response.cancel", response_id=first)
            session.settle()

    def test_tool_choice_none_gives_a_message_whatever_tools_there_are(self):
        tool = {"type": "function", "name": "get_time", "description": "The time", "parameters": {"type": "object", "properties": {}}}
        with Session(server) as session:
            session.update(tools=[tool], output_modalities=["text"])
            response = session.response_to("What time is it?", tool_choice="none", max_output_tokens=30)
            self.assertEqual([item["type"] for item in response.items], ["message"])

    def test_one_session_never_hears_another(self):
        with Session(server) as one, Session(server) as other:
            one.say("My secret word is pineapple.")
            other.say("My secret word is umbrella.")
            for session in (one, other):
                session.send("response.create", response={"output_modalities": ["text"], "max_output_tokens": 30})
            texts = [session.wait_response().text.lower() for session in (one, other)]
            self.assertNotIn("umbrella", texts[0])
            self.assertNotIn("pineapple", texts[1])


class ItemTest(unittest.TestCase):
    def test_I10_a_truncated_answer_is_remembered_as_far_as_it_was_heard(self):
        with Session(server) as session:
            response = session.response_to("Tell me about the sun in three sentences.")
            self.assertGreater(response.audio_ms, 1500, "the answer was too short to be cut")
            item_id = response.items[0]["id"]
            session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=800)
            self.assertEqual(session.wait("conversation.item.truncated")["audio_end_ms"], 800)
            session.send("conversation.item.retrieve", item_id=item_id)
            kept = session.wait("conversation.item.retrieved")["item"]["content"][0]["transcript"]
            self.assertTrue(response.transcript.startswith(kept))
            self.assertLess(len(kept), len(response.transcript))
            # What follows is answered from less: fewer tokens were read than of the whole answer.
            again = session.response_to("Go on.", output_modalities=["text"], max_output_tokens=20)
            self.assertIn(again.status, ("completed", "incomplete"))
            session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=20_000)
            self.assertIn("already shorter", session.wait("error")["error"]["message"])


if __name__ == "__main__":
    unittest.main()
