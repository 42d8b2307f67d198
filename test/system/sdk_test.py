#!/usr/bin/env python3
"""K1: the unmodified `openai` package holds conversations with the server, as its own documentation shows.

Every event must be of the SDK's class for it and pass that class's validation, which the SDK itself skips."""

import base64
import json
import unittest

import numpy as np
from openai import OpenAI

from support.server import Server
from support.speech import levels, say, silence, words

# What the SDK makes of each event that we send.
CLASSES = {
    "session.created": "SessionCreatedEvent",
    "session.updated": "SessionUpdatedEvent",
    "conversation.item.added": "ConversationItemAdded",
    "conversation.item.done": "ConversationItemDone",
    "conversation.item.truncated": "ConversationItemTruncatedEvent",
    "conversation.item.retrieved": "ConversationItemRetrievedEvent",
    "conversation.item.input_audio_transcription.delta": "ConversationItemInputAudioTranscriptionDeltaEvent",
    "conversation.item.input_audio_transcription.completed": "ConversationItemInputAudioTranscriptionCompletedEvent",
    "input_audio_buffer.speech_started": "InputAudioBufferSpeechStartedEvent",
    "input_audio_buffer.speech_stopped": "InputAudioBufferSpeechStoppedEvent",
    "input_audio_buffer.committed": "InputAudioBufferCommittedEvent",
    "input_audio_buffer.cleared": "InputAudioBufferClearedEvent",
    "response.created": "ResponseCreatedEvent",
    "response.done": "ResponseDoneEvent",
    "response.output_item.added": "ResponseOutputItemAddedEvent",
    "response.output_item.done": "ResponseOutputItemDoneEvent",
    "response.content_part.added": "ResponseContentPartAddedEvent",
    "response.content_part.done": "ResponseContentPartDoneEvent",
    "response.output_audio.delta": "ResponseAudioDeltaEvent",
    "response.output_audio.done": "ResponseAudioDoneEvent",
    "response.output_audio_transcript.delta": "ResponseAudioTranscriptDeltaEvent",
    "response.output_audio_transcript.done": "ResponseAudioTranscriptDoneEvent",
    "response.output_text.delta": "ResponseTextDeltaEvent",
    "response.output_text.done": "ResponseTextDoneEvent",
    "response.function_call_arguments.delta": "ResponseFunctionCallArgumentsDeltaEvent",
    "response.function_call_arguments.done": "ResponseFunctionCallArgumentsDoneEvent",
    "rate_limits.updated": "RateLimitsUpdatedEvent",
    "error": "RealtimeErrorEvent",
}

WEATHER = {"type": "function", "name": "get_weather", "description": "The weather in a city",
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def setUpModule():
    global server, client
    server = Server()
    client = OpenAI(base_url=f"{server.url}/v1", api_key="placeholder")


def tearDownModule():
    server.__exit__()


class SdkTest(unittest.TestCase):
    def setUp(self):
        self.connection = client.realtime.connect(model="gpt-realtime").enter()
        self.addCleanup(self.connection.close)
        self.next("session.created")

    # ---- what an application does

    def next(self, *kinds):
        """Iterates until an event of one of those types; each one on the way is checked."""
        for event in self.connection:
            self.assertEqual(type(event).__name__, CLASSES.get(event.type), event)
            type(event).model_validate(json.loads(event.to_json()))
            if event.type == "error" and "error" not in kinds:
                self.fail(f"while waiting for {kinds}: {event.error.message}")
            self.gather(event)
            if event.type in kinds:
                return event
        self.fail(f"the connection ended while waiting for {kinds}")

    def gather(self, event):
        if event.type == "response.created":
            self.audio, self.transcript, self.text = b"", "", ""
        elif event.type == "response.output_audio.delta":
            self.audio += base64.b64decode(event.delta)
        elif event.type == "response.output_audio_transcript.delta":
            self.transcript += event.delta
        elif event.type == "response.output_text.delta":
            self.text += event.delta

    def speak(self, text, pause_ms=900):
        pcm = np.concatenate([silence(200), say(text), silence(pause_ms)])
        for start in range(0, len(pcm), 2400):
            self.connection.input_audio_buffer.append(audio=base64.b64encode(pcm[start : start + 2400].tobytes()).decode())

    def type_in(self, text):
        self.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
        return self.next("conversation.item.done").item

    def check_spoken_answer(self, response):
        self.assertEqual(response.status, "completed", response.status_details)
        (item,) = response.output
        self.assertEqual((item.type, item.role, item.status), ("message", "assistant", "completed"))
        self.assertEqual(item.content[0].transcript, self.transcript)
        self.assertTrue(words(self.transcript), "the answer has words")
        pcm = np.frombuffer(self.audio, np.int16)
        ms_a_word = len(pcm) / 24 / len(words(self.transcript))
        self.assertTrue(120 < ms_a_word < 1200, f"{ms_a_word:.0f} ms a word of '{self.transcript}'")
        self.assertGreater((levels(pcm) > 300).mean(), 0.3, "the answer can be heard")
        self.assertGreater(response.usage.output_tokens, 0)

    # ---- the cases

    def test_a_spoken_turn_and_then_a_typed_one(self):
        self.connection.session.update(session={
            "type": "realtime", "instructions": "You are a helpful assistant. Answer in one short sentence.",
            "audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"},
                                "turn_detection": {"type": "server_vad", "silence_duration_ms": 500}},
                      "output": {"voice": "alloy"}}})
        session = self.next("session.updated").session
        self.assertEqual(session.audio.input.turn_detection.type, "server_vad")

        self.speak("What is the capital of France?")
        started = self.next("input_audio_buffer.speech_started")
        self.assertEqual(self.next("input_audio_buffer.speech_stopped").item_id, started.item_id)
        self.assertEqual(self.next("input_audio_buffer.committed").item_id, started.item_id)
        # The transcript may come before the answer's end or after it.
        both = ("conversation.item.input_audio_transcription.completed", "response.done")
        heard, done = sorted((self.next(*both), self.next(*both)), key=lambda event: event.type)
        self.assertEqual(heard.item_id, started.item_id)
        self.assertIn("france", words(heard.transcript))
        self.check_spoken_answer(done.response)

        self.type_in("And what is the capital of Italy?")
        self.connection.response.create()
        self.check_spoken_answer(self.next("response.done").response)

    def test_push_to_talk(self):
        self.connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        self.assertIsNone(self.next("session.updated").session.audio.input.turn_detection)
        self.speak("Good morning, how are you today?", pause_ms=100)
        self.connection.input_audio_buffer.commit()
        item = self.next("conversation.item.done").item
        self.assertEqual(item.content[0].type, "input_audio")
        self.connection.response.create()
        self.check_spoken_answer(self.next("response.done").response)

    def test_answers_as_text(self):
        self.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        self.next("session.updated")
        self.type_in("Name one colour.")
        self.connection.response.create(response={"max_output_tokens": 30})
        response = self.next("response.done").response
        self.assertIn(response.status, ("completed", "incomplete"))
        self.assertEqual(response.output[0].content[0].text, self.text)
        self.assertEqual(self.audio, b"")
        self.assertTrue(self.text.strip())

    def test_a_tool_that_must_be_called(self):
        self.connection.session.update(session={
            "type": "realtime", "output_modalities": ["text"], "tools": [WEATHER], "tool_choice": "auto"})
        self.assertEqual(self.next("session.updated").session.tools[0].name, "get_weather")
        self.type_in("What is the weather in Paris?")
        self.connection.response.create(response={"tool_choice": {"type": "function", "name": "get_weather"},
                                                  "max_output_tokens": 60})
        response = self.next("response.done").response
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:  # a model without tool calls says something instead
            self.assertIn(response.status, ("completed", "incomplete"))
            return
        self.assertEqual(calls[0].name, "get_weather")
        self.connection.conversation.item.create(item={
            "type": "function_call_output", "call_id": calls[0].call_id, "output": json.dumps({"degrees": 21})})
        self.next("conversation.item.done")
        self.connection.response.create(response={"tool_choice": "none", "max_output_tokens": 60})
        self.assertTrue(self.next("response.done").response.output)

    def test_a_call_and_its_output_in_the_history_are_answered(self):
        for item in ({"type": "function_call", "name": "get_weather", "call_id": "call_1", "arguments": '{"city":"Paris"}'},
                     {"type": "function_call_output", "call_id": "call_1", "output": '{"degrees":21}'}):
            self.connection.conversation.item.create(item=item)
            self.assertEqual(self.next("conversation.item.done").item.type, item["type"])
        self.connection.response.create(response={"output_modalities": ["text"], "max_output_tokens": 40})
        self.assertIn(self.next("response.done").response.status, ("completed", "incomplete"))
        self.assertTrue(self.text.strip())

    def test_an_out_of_band_response_leaves_the_conversation_alone(self):
        self.type_in("My name is Ada.")
        self.connection.response.create(response={
            "conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "colours"}, "max_output_tokens": 30,
            "input": [{"type": "message", "role": "user",
                       "content": [{"type": "input_text", "text": "Is the sky blue? Answer yes or no."}]}]})
        response = self.next("response.done").response
        self.assertIsNone(response.conversation_id)
        self.assertEqual(response.metadata, {"topic": "colours"})
        self.connection.conversation.item.retrieve(item_id=response.output[0].id)
        self.assertEqual(self.next("error").error.code, "item_retrieve_invalid_item_id")

    def test_talking_over_the_answer_and_truncating_it(self):
        self.connection.session.update(session={
            "type": "realtime", "instructions": "Tell long stories.",
            "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}}})
        self.next("session.updated")
        self.type_in("Tell me a long story about a dragon, a castle, and the people who live there.")
        self.connection.response.create()
        item_id = self.next("response.output_audio.delta").item_id
        self.speak("Stop it, please stop.", pause_ms=100)
        self.next("input_audio_buffer.speech_started")
        response = self.next("response.done").response
        received_ms = len(self.audio) // 48
        if response.status == "cancelled":  # a short story may have been over
            self.assertEqual(response.status_details.reason, "turn_detected")
        self.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=min(500, received_ms))
        self.assertEqual(self.next("conversation.item.truncated").audio_end_ms, min(500, received_ms))


if __name__ == "__main__":
    unittest.main()
