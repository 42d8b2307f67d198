"""The ordering guarantees of the protocol (2.1), held against a list of events as a client received them."""

from collections import defaultdict

_part_events = ("response.content_part.", "response.output_audio", "response.output_text")


def violations(events):
    """What is wrong, in words; empty when nothing is."""
    return _Checker(events).broken


class _Checker:
    def __init__(self, events):
        self.broken = []
        self.open_responses, self.ended = {}, set()
        self.added, self.done = set(), set()
        self.text = defaultdict(str)
        self.closed_audio = set()
        self.speaking = None
        ids = [event["event_id"] for event in events]
        self.require(len(ids) == len(set(ids)), "event ids are unique", "")
        for number, event in enumerate(events):
            kind = event["type"]
            self.require((kind == "session.created") == (number == 0), "session.created comes first and once", kind)
            self.check(kind, event)

    def require(self, holds, rule, kind):
        if not holds:
            self.broken.append(f"{kind}: {rule}")

    def check(self, kind, event):
        response_id, item_id = event.get("response_id"), event.get("item_id")
        if kind == "response.created":
            response = event["response"]
            if response["conversation_id"] is not None:
                active = [one for one, in_band in self.open_responses.items() if in_band]
                self.require(not active, "one response at a time", kind)
            self.open_responses[response["id"]] = response["conversation_id"] is not None
            return
        if kind == "response.done":
            response_id = event["response"]["id"]
            self.require(response_id in self.open_responses, "a response ends once, after it was created", kind)
            self.open_responses.pop(response_id, None)
            self.ended.add(response_id)
            for item in event["response"]["output"]:
                self.require(item["status"] != "in_progress", "items are final in response.done", kind)
            return
        if response_id is not None and kind.startswith("response."):
            self.require(response_id not in self.ended, "nothing of a response follows response.done", kind)
            self.require(response_id in self.open_responses, "a response is created before anything of it", kind)
        if kind.startswith(_part_events):
            self.check_part(kind, event, (item_id, event["content_index"]))
        if kind == "conversation.item.added":
            self.require(event["item"]["id"] not in self.added, "an item is added once", kind)
            self.added.add(event["item"]["id"])
        elif kind == "conversation.item.done":
            self.require(event["item"]["id"] in self.added - self.done, "an item is done once, after it was added", kind)
            self.done.add(event["item"]["id"])
        elif kind == "input_audio_buffer.speech_started":
            self.require(item_id not in self.added, "speech starts before its item exists", kind)
            self.speaking = item_id
        elif kind == "input_audio_buffer.speech_stopped":
            self.require(item_id == self.speaking, "the speech that stops is the one that started", kind)
        elif "input_audio_transcription" in kind:
            self.require(item_id in self.added, "a transcript follows its item", kind)

    def check_part(self, kind, event, part):
        if kind.endswith(("transcript.delta", "text.delta")):
            self.text[part] += event["delta"]
        elif kind.endswith("transcript.done"):
            self.require(self.text[part] == event["transcript"], "deltas add up to the transcript", kind)
            self.require(part in self.closed_audio, "audio is done before its transcript", kind)
        elif kind.endswith("output_text.done"):
            self.require(self.text[part] == event["text"], "deltas add up to the text", kind)
        elif kind == "response.output_audio.delta":
            self.require(part not in self.closed_audio, "no audio follows its done", kind)
        elif kind == "response.output_audio.done":
            self.closed_audio.add(part)
