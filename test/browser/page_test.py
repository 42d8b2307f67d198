"""The page in a real browser against a real server, a spoken WAV as the microphone.

    page_test.py [--hears-words] SERVER COMMAND...

--hears-words: the server's model understands speech, so the words that were said must appear. Without it (a scripted
model) a transcript of any words will do.
"""
import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

from chromium import Chromium
from served import Server
from spoken import write_spoken

SKIPPED = 77  # what ctest takes for "not run here"
OPTIONS = None

QUESTION = "How far away is the moon?"
LONG_REQUEST = ("Tell me a long story about a sailor who crossed the sea to look for an island that was on none of his maps, "
                "and about the people whom he met on his way there and on his way back home.")
ITEMS = "__test.items"
STATE = "({phases: __test.phases, problem: __test.problem, items: __test.items, heard: __test.heard})"
SAID = f"{ITEMS}.map(({{id, text}}) => [id, text])"
RATE_HZ = 48000


def said_by(role):
    return f"{ITEMS}.filter((item) => item.role === '{role}' && item.text)"


def events(kind):
    return f"__test.events.filter(({{type}}) => type === '{kind}')"


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="parley-page-")
        folder = pathlib.Path(cls.folder.name)
        write_spoken(folder / "question.wav", QUESTION)
        write_spoken(folder / "interruption.wav", "Stop. That is enough for now, thank you.")
        cls.server = Server(OPTIONS.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def page(self, microphone, query="", server=None, browser=None):
        if not browser:
            browser = Chromium(f"{self.folder.name}/{microphone}.wav")
            self.addCleanup(browser.close)
        page = browser.open(f"{(server or self.server).url}/?test=1&raw=1{query}")
        page.wait("window.__test", 10)
        return page

    def until(self, page, condition, seconds=30):
        return page.wait(condition, seconds, STATE)

    def type(self, page, text):
        page.evaluate(f"document.getElementById('text').value = {text!r};"
                      "document.getElementById('typing').requestSubmit()")

    # Phases may pass faster than one can look, so each that was shown is looked for in the record.
    def until_shown(self, page, *phases, seconds=30):
        order = " > ".join(phases)
        return self.until(page, f"__test.phases.map(({{phase}}) => phase).join(' > ').includes('{order}')", seconds)

    def check_spoken_turn(self, query, codec):
        page = self.page("question", query)
        page.press("talk")
        self.until_shown(page, "connecting", "listening")
        self.assertEqual(page.evaluate("__test.codecs"), {"input": codec, "output": codec})
        self.until_shown(page, "listening", "hearing", "thinking", "speaking", "listening", seconds=60)
        said = self.until(page, f"{said_by('user')}[0]?.text")
        if OPTIONS.hears_words:
            self.assertRegex(said.lower(), "how far.*moon")
        self.assertTrue(page.evaluate(f"{said_by('assistant')}[0].text"))
        heard = page.evaluate("__test.heard")
        self.assertGreater(heard["samples"], RATE_HZ / 4, "samples above silence at the output")
        self.assertGreater((heard["energy"] / heard["samples"]) ** 0.5, 0.01, "RMS of what was heard")
        self.assertIsNone(page.evaluate("__test.problem"))
        self.assertRegex(page.evaluate("document.getElementById('latency').textContent"), r"^\d+\.\d\d s$")

    def test_speech_is_transcribed_and_answered_aloud_in_opus(self):
        self.check_spoken_turn("", "opus")

    def test_speech_is_transcribed_and_answered_aloud_in_pcm_without_opus(self):
        self.check_spoken_turn("&codec=pcm16", "pcm16")

    def test_talking_over_the_answer_stops_it_and_cuts_its_transcript(self):
        page = self.page("interruption")
        self.type(page, LONG_REQUEST)
        self.until_shown(page, "thinking", "speaking")
        page.press("talk")  # the microphone opens, and 1.5 s later somebody speaks into it
        self.until_shown(page, "speaking", "hearing", "thinking", "speaking")
        hearing, answering = page.evaluate(
            "['hearing', 'speaking'].map((phase) => __test.phases.findLast((shown) => shown.phase === phase).heard)")
        self.assertLess(answering - hearing, RATE_HZ / 10, "samples heard between the interruption and the next answer")
        done = page.evaluate(f"{events('response.done')}[0].response")
        self.assertEqual((done["status"], done["status_details"]["reason"]), ("cancelled", "turn_detected"))
        written = page.evaluate(f"{events('response.output_audio_transcript.done')}[0]")
        cut = page.evaluate(f"{ITEMS}.find((item) => item.id === '{written['item_id']}')")
        self.assertTrue(cut["cut"])
        self.assertLess(len(cut["text"]), len(written["transcript"]), "what stays of the answer is what was heard")
        self.assertEqual(page.evaluate(f"{events('conversation.item.truncated')}.length"), 1)

    def test_the_stop_button_stops_the_answer_and_nothing_else(self):
        page = self.page("question")
        self.type(page, LONG_REQUEST)
        self.until_shown(page, "thinking", "speaking")
        page.press("stop")
        self.until_shown(page, "speaking", "ready")
        self.until(page, f"{events('conversation.item.truncated')}.length === 1")
        self.assertEqual(page.evaluate(f"{events('response.done')}[0].response.status_details.reason"), "client_cancelled")
        self.type(page, "Say hello.")
        self.until_shown(page, "ready", "thinking", "speaking")

    def test_typed_text_is_answered_aloud_without_a_microphone(self):
        page = self.page("question")
        self.type(page, "Say hello.")
        self.until_shown(page, "connecting", "ready")
        self.until_shown(page, "thinking", "speaking", "ready", seconds=60)
        self.assertEqual(page.evaluate(f"{said_by('user')}[0].text"), "Say hello.")
        self.assertGreater(page.evaluate("__test.heard.samples"), RATE_HZ / 10)
        self.assertEqual(page.evaluate("document.getElementById('talk').innerText.trim()"), "Start talking")

    def test_a_blocked_microphone_is_explained_and_typing_goes_on(self):
        page = self.page("question")
        page.evaluate("navigator.mediaDevices.getUserMedia = () =>"
                      " Promise.reject(new DOMException('denied', 'NotAllowedError'))")
        page.press("talk")
        self.until_shown(page, "connecting", "ready")
        self.assertIn("microphone is blocked", page.evaluate("__test.problem"))
        self.type(page, "Say hello.")
        self.until_shown(page, "thinking", "speaking")

    def test_a_lost_connection_comes_back_with_what_was_said(self):
        page = self.page("question")
        self.type(page, "Say hello.")
        self.until_shown(page, "thinking", "speaking", "ready", seconds=60)
        before = page.evaluate(SAID)
        address = self.server.address
        self.server.stop()
        self.until_shown(page, "ready", "lost")
        self.assertIn("connection was lost", page.evaluate("__test.problem"))
        type(self).server = Server([address if word.endswith(":0") else word for word in OPTIONS.server])
        self.until_shown(page, "lost", "ready")
        self.assertIsNone(page.evaluate("__test.problem"))
        self.check_replayed(page, before)

    def test_another_voice_goes_on_with_the_conversation(self):
        page = self.page("question")
        page.wait("document.getElementById('voice').length > 1", 10)
        self.type(page, "Say hello.")
        self.until_shown(page, "thinking", "speaking", "ready", seconds=60)
        before = page.evaluate(SAID)
        voice = page.evaluate("{const picker = document.getElementById('voice'); picker.selectedIndex = 1;"
                              " picker.dispatchEvent(new Event('change')); picker.value}")
        self.until_shown(page, "speaking", "ready", "connecting", "ready")
        self.assertEqual(page.evaluate(f"{events('session.updated')}.at(-1).session.audio.output.voice"), voice)
        self.check_replayed(page, before)
        self.type(page, "Say it again.")
        self.until_shown(page, "connecting", "ready", "thinking", "speaking")

    def test_a_server_with_keys_asks_for_one_and_takes_up_what_was_typed(self):
        server = self.another_server("auth.keys=[\"open-sesame\"]")
        page = self.page("question", server=server)
        self.type(page, "Say hello.")
        for key in ("wrong", "cannot be sent", "open-sesame"):
            self.until(page, "document.getElementById('key_dialog').open && __test.problem?.includes('access key')")
            page.evaluate(f"document.getElementById('key_value').value = {key!r};"
                          "document.querySelector('#key_dialog [value=use]').click()")
        self.until_shown(page, "idle", "connecting", "ready", "thinking", "speaking")
        self.assertIsNone(page.evaluate("__test.problem"))

    def test_a_full_server_says_so(self):
        server = self.another_server("limits.sessions=1")
        page = self.page("question", server=server)
        self.type(page, "Say hello.")
        self.until_shown(page, "connecting", "ready")
        late = self.page("question", server=server, browser=page.browser)
        late.press("talk")
        self.until(late, "__test.problem?.includes('All places are taken')")
        self.assertEqual(late.evaluate("__test.phase"), "idle")

    def another_server(self, setting):
        server = Server([*OPTIONS.server, "--set", setting])
        self.addCleanup(server.stop)
        return server

    # What was said is still shown, and the new session was told: each of it came back as an item there.
    def check_replayed(self, page, before):
        self.assertEqual(page.evaluate(SAID), before)
        told = json.dumps([item_id for item_id, _ in before], separators=(",", ":"))
        echoed = f"{events('conversation.item.done')}.slice(-{len(before)}).map(({{item}}) => item.id)"
        self.until(page, f"JSON.stringify({echoed}) === {json.dumps(told)}")


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hears-words", action="store_true")
    parser.add_argument("--only", action="append", help="a test's name, or part of one")
    parser.add_argument("server", nargs=argparse.REMAINDER)
    OPTIONS = parser.parse_args()
    if not shutil.which("chromium") and not shutil.which("google-chrome"):
        print("skipped: there is no Chromium on this machine")
        sys.exit(SKIPPED)
    selected = [argument for pattern in OPTIONS.only or [] for argument in ("-k", pattern)]
    unittest.main(argv=[sys.argv[0], "-v", *selected])


if __name__ == "__main__":
    main()
