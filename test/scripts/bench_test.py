"""scripts/bench: its arithmetic, and whole runs against pretended programs whose figures are known."""
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from measure import converse, idle, live, peer  # noqa: E402
from measure.arithmetic import Goal, Spread, in_turn, largest_passing, pair_ratios, percentile  # noqa: E402
from measure.figures import FIGURES, Failed, Outcome  # noqa: E402
from measure.processes import json_lines  # noqa: E402


class Arithmetic(unittest.TestCase):
    def test_a_percentile_lies_between_the_nearest_ranks(self):
        self.assertEqual(percentile([4, 1, 3, 2], 50), 2.5)
        self.assertEqual(percentile([10, 20, 30], 50), 20)
        self.assertEqual(percentile(range(101), 95), 95)
        self.assertEqual(percentile([7], 99), 7)
        self.assertAlmostEqual(percentile([0, 10], 95), 9.5)

    def test_a_percentile_of_nothing_is_an_error(self):
        with self.assertRaises(ValueError):
            percentile([], 50)

    def test_a_pair_is_the_ratio_of_its_own_medians(self):
        pairs = [([10, 30, 20], [40, 40, 400]), ([60, 60], [30, 30])]
        self.assertEqual(pair_ratios(pairs), [0.5, 2.0])

    def test_a_spread_keeps_the_extremes(self):
        self.assertEqual(Spread.of([5, 1, 9]), Spread(least=1, middle=5, most=9, count=3))

    def test_goals_hold_at_their_bound(self):
        self.assertTrue(Goal("<=", 0.6).reached(0.6))
        self.assertFalse(Goal("<=", 0.6).reached(0.61))
        self.assertTrue(Goal(">=", 12).reached(12))
        self.assertFalse(Goal(">=", 12).reached(11))
        self.assertEqual(str(Goal("<=", 150, "ms")), "<= 150 ms")

    def test_two_sides_are_measured_in_turn_and_paired(self):
        for swap, order in ((False, "abab"), (True, "baba")):
            done = []
            pairs = in_turn(lambda: done.append("a") or len(done), lambda: done.append("b") or -len(done), 2, swap)
            self.assertEqual("".join(done), order)
            self.assertTrue(all(ours > 0 > theirs for ours, theirs in pairs))

    def test_the_largest_passing_load_is_found_to_half_a_step(self):
        for capacity in range(0, 40):
            tried = []
            found = largest_passing(lambda count: tried.append(count) or count <= capacity, start=12, step=4, most=24)
            self.assertLessEqual(found, capacity)
            self.assertGreater(found, min(capacity, 24) - 2, f"of {capacity}, tried {tried}")
            self.assertEqual(len(tried), len(set(tried)))
            self.assertLessEqual(len(tried), 5)


class Outcomes(unittest.TestCase):
    def test_the_value_is_the_median_of_the_samples_and_is_held_against_the_goal(self):
        outcome = Outcome("first_audio", samples=[0.5, 0.9, 0.55])
        self.assertEqual(outcome.value, 0.55)
        self.assertTrue(outcome.reached)
        entry = outcome.as_json()
        self.assertEqual(entry["spread"], {"least": 0.5, "middle": 0.55, "most": 0.9, "count": 3})

    def test_what_was_not_measured_is_neither_reached_nor_missed(self):
        self.assertIsNone(Outcome("decode", skipped="no peer").reached)

    def test_lines_that_are_no_json_are_passed_over_and_broken_ones_are_told(self):
        self.assertEqual(json_lines('loading\n{"a": 1}\n\n{"a": 2}\n'), [{"a": 1}, {"a": 2}])
        with self.assertRaisesRegex(Failed, "this came"):
            json_lines('{"a": 1')

    def test_a_load_passes_only_without_late_audio_gaps_refusals_and_mixed_up_packets(self):
        good = {"sessions_served": 8, "turns": 16, "turns_answered": 16, "turns_without_audio": 0, "errors": 0,
                "lost_packets": 0, "crossed_packets": 0,
                "speech_end_to_first_audio_ms": {"p95": 1500}, "longest_underrun_ms": {"p95": 100}}
        self.assertEqual(live.complaints(good, 8), [])
        for change in ({"sessions_served": 7}, {"turns_answered": 15}, {"turns_without_audio": 1},
                       {"errors": 1}, {"lost_packets": 1}, {"crossed_packets": 1},
                       {"speech_end_to_first_audio_ms": {"p95": 1501}}, {"longest_underrun_ms": {"p95": 101}}):
            self.assertEqual(len(live.complaints(good | change, 8)), 1, change)
        with self.assertRaisesRegex(Failed, "longest_underrun_ms.p95"):
            live.complaints({key: value for key, value in good.items() if key != "longest_underrun_ms"}, 8)

    def test_a_load_that_nobody_answered_does_not_pass(self):
        report = {"sessions_served": 0, "turns": 8, "turns_answered": 0, "turns_without_audio": 0, "errors": 8, "lost_packets": 0,
                  "crossed_packets": 0, "speech_end_to_first_audio_ms": {"p95": None}, "longest_underrun_ms": {"p95": None}}
        self.assertIn("0 of 8 turns answered", live.complaints(report, 8))

    def test_a_clip_that_one_side_does_not_answer_compares_nothing(self):
        pairs = [("one", [{"ms": 50}], [{"ms": 100}]), ("two", [{"ms": 0}], [{"ms": 100}])]
        outcome = converse.paired_outcome("first_audio", "ms", pairs, {})
        self.assertEqual(outcome.samples, [0.5])
        self.assertIn("two is left out: Parley did not answer it", outcome.notes)
        with self.assertRaises(Failed):
            converse.paired_outcome("first_audio", "ms", pairs[1:], {})

    def test_memory_of_a_session_is_not_hidden_by_what_the_server_had_to_spare(self):
        readings = [{"sessions": 0, "VmRSS": 90_000}, {"sessions": 1000, "VmRSS": 90_000}, {"sessions": 2000, "VmRSS": 110_000}]
        self.assertEqual(idle.memory_each(readings, "VmRSS"), 20)
        readings[1]["VmRSS"] = 108_000
        self.assertEqual(idle.memory_each(readings, "VmRSS"), 10)

    def test_every_package_of_the_peer_is_pinned(self):
        self.assertTrue(all(line.count("==") == 1 for line in peer.pinned()))
        self.assertTrue(all(any(line.startswith(f"{name}==") for line in peer.pinned()) for name in peer.SHARED_PACKAGES))


class Runs(unittest.TestCase):
    """The whole command, with programs that answer at once."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.build = self.folder / "build"
        for name in ("parley", "test/bench/decode_bench", "test/bench/ear_bench", "test/bench/token2wav_bench", "../fake_peer"):
            self.pretend(self.build / name)
        (self.folder / "bundle.json").touch()
        # The peer's environment, as if it had been set up.
        environment = peer.environment(self.folder / "cache")
        (environment / "bin").mkdir(parents=True)
        (environment / "bin" / "python").write_text(  # its decode speed of llama.cpp is pretended too
            f'#!/bin/sh\ncase "$1" in *llama_decode.py) echo \'{{"tokens_per_s": 100}}\' ;;'
            f' *) exec {sys.executable} "$@" ;; esac\n')
        (environment / "bin" / "python").chmod(0o755)
        (environment / "complete").touch()
        self.wide = self.folder / "wide"
        self.wide.mkdir()
        with open(self.wide / "weights", "wb") as weights:
            weights.truncate(64 << 20)
        self.reference = self.folder / "reference_python"
        self.reference.write_text("#!/bin/sh\necho '{\"ms\": [99, 100, 170]}'\n")
        self.reference.chmod(0o755)

    def pretend(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{sys.executable}\n" + (ROOT / "test" / "scripts" / "fake_parley.py").read_text())
        path.chmod(0o755)

    def command(self, *arguments):
        return [sys.executable, ROOT / "scripts" / "bench", "--quick", "--build", self.build, "--peer", self.folder / "fake_peer",
                "--bundle", self.folder, "--step-audio-2", self.wide, "--threads", "1", *arguments]

    def environment(self, **fake):
        return os.environ | {"PARLEY_CACHE": str(self.folder / "cache"), "FAKE_PARLEY": json.dumps(fake),
                             "PARLEY_REFERENCE_PYTHON": str(self.reference)}

    def bench(self, *arguments, **fake):
        answer = subprocess.run(self.command("--json", self.folder / "out.json", *arguments), env=self.environment(**fake),
                                capture_output=True, text=True, timeout=100)
        self.assertIn(answer.returncode, (0, 1), answer.stderr)
        report = json.loads((self.folder / "out.json").read_text())
        return answer, {entry["figure"]: entry for entry in report["figures"]}

    def test_every_figure_is_measured_and_held_against_its_goal(self):
        answer, figures = self.bench()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(list(figures), [figure.name for figure in FIGURES])
        values = {name: entry["value"] for name, entry in figures.items()}
        self.assertEqual(values["first_audio"], 0.4)
        self.assertEqual(values["recognition"], 0.45)
        self.assertEqual(values["decode"], 1.5)
        self.assertEqual(values["decode_together"], 3.5)
        self.assertEqual(values["turn_end"], 42)
        self.assertEqual(values["conversations"], 12)
        self.assertEqual(values["busy"], 1)
        self.assertEqual(values["idle_sessions"], 2000)
        self.assertGreater(values["resident"], 0)
        self.assertEqual(values["step_audio_hear"], 0.8)
        self.assertEqual(values["step_audio_decode"], 0.8)
        self.assertEqual(values["step_audio_decode_together"], 5)
        self.assertEqual(values["step_audio_speak"], 0.8)
        self.assertEqual(values["step_audio_long"], 1.03)
        self.assertTrue(1 < values["step_audio_load"] < 3, values["step_audio_load"])
        for name in figures:
            self.assertIn(name, answer.stdout)
        self.assertFalse(figures["idle_sessions"]["reached"])
        self.assertTrue(figures["first_audio"]["reached"])

    def test_fewer_conversations_are_found_where_fewer_go_well(self):
        _, figures = self.bench("--only", "conversations", capacity=5)
        self.assertEqual(figures["conversations"]["value"], 4)
        self.assertIn("2100", " ".join(figures["conversations"]["notes"]))

    def test_what_cannot_be_measured_says_why_and_the_rest_goes_on(self):
        answer, figures = self.bench("--only", "turn_end", "--only", "busy", "--only", "first_audio", fails=["serve", "fake_peer"])
        self.assertEqual(answer.returncode, 1)
        self.assertIn("before it listened: serve: told to fail", figures["turn_end"]["failed"])
        self.assertIn("fake_peer: told to fail", figures["first_audio"]["failed"])

    def test_without_the_peer_its_figures_are_skipped(self):
        answer, figures = self.bench("--only", "first_audio", "--only", "busy", "--peer", "/nowhere/peer_pipeline.py")
        self.assertEqual(answer.returncode, 0)
        self.assertIn("--peer FILE", figures["first_audio"]["skipped"])
        self.assertEqual(figures["busy"]["value"], 1)
        self.assertIn("peer not measured", " ".join(figures["busy"]["notes"]))

    def test_without_the_reference_of_step_audio_2_its_figures_are_skipped_and_those_of_ours_alone_are_not(self):
        self.reference.unlink()
        _, figures = self.bench("--only", "step_audio_hear", "--only", "step_audio_speak", "--only", "step_audio_long",
                                "--only", "step_audio_decode_together")
        for name in ("step_audio_hear", "step_audio_speak"):
            self.assertIn("PARLEY_REFERENCE_PYTHON", figures[name]["skipped"])
        self.assertEqual(figures["step_audio_decode_together"]["value"], 5)
        self.assertEqual(figures["step_audio_long"]["value"], 1.03)

    def test_without_a_build_it_says_how_to_get_one(self):
        shutil.rmtree(self.build)
        _, figures = self.bench("--only", "turn_end")
        self.assertIn("./scripts/serve", figures["turn_end"]["skipped"])

    def test_stopping_it_stops_what_it_started_and_shows_what_it_has(self):
        # The load client is replaced by one that says who it is and then never ends.
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        script = (self.build / "parley").read_text().replace(
            "def load():", f"def load():\n    pathlib.Path({str(pipe)!r}).write_text(str(os.getpid()))\n    signal.pause()\n")
        (self.build / "parley").write_text(script)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        process = subprocess.Popen(self.command("--only", "decode_together", "--only", "turn_end"), env=self.environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            ready, _, _ = select.select([reader], [], [], 60)
            self.assertTrue(ready, "the load client was not started")
            pid = int(os.read(reader, 100))
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
        self.assertEqual(process.returncode, 130)
        self.assertIn("decode_together", output)
        self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())


if __name__ == "__main__":
    unittest.main()
