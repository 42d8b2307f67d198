"""Whole conversations over the socket, by the load client: the wait after a turn, how many talk at once, and the memory
of a server that has been talking."""
import math
from collections.abc import Callable, Iterator

from .arithmetic import largest_passing, median
from .bench import Bench
from .figures import Failed, Outcome
from .processes import json_lines, memory_kib, run, serving

FIRST_AUDIO_LIMIT_MS, UNDERRUN_LIMIT_MS = 1500, 100
TURN_LIMIT_S = 45  # a clip, the answer to it, and waiting
CALLERS_APART_S = 1  # callers do not begin all at once; their later turns fall as they fall
SOME_NOT_SERVED = 3  # exit status of parley load: a session was refused or failed; the report says how many
FIRST_TRIED, STEP, MOST = 12, 4, 32  # conversations at once


def serve_command(bench: Bench) -> list:
    return [bench.parley(), "serve", "--listen", "127.0.0.1:0", "--model", bench.bundle(),
            "--threads", bench.threads]


def load(bench: Bench, url: str, sessions: int, turns: int) -> dict:
    """The load client's report of `sessions` dialogues of `turns` turns each."""
    clips = [argument for clip in bench.clips for argument in ("--wav", clip)]
    limit_s = turns * TURN_LIMIT_S + sessions * CALLERS_APART_S + 30
    command = [bench.parley(), "load", url, "--sessions", sessions, "--turns", turns, "--stagger", CALLERS_APART_S, *clips, "--json", "--timeout", limit_s]
    reports = json_lines(run(command, limit_s + 30, good=(0, SOME_NOT_SERVED)))
    if not reports:
        raise Failed("parley load reported nothing")
    return reports[-1]


def reading(report: dict, *path: str, of_nothing: float | None = None) -> float:
    """A number in the load client's report; `of_nothing` where it had nothing to make it from."""
    value = report
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise Failed(f"parley load reports no {'.'.join(path)}; what it reports is {', '.join(report)}")
        value = value[name]
    if value is None and of_nothing is not None:
        return of_nothing
    if not isinstance(value, (int, float)):
        raise Failed(f"parley load reports {'.'.join(path)} as {value!r}; expected a number: did no turn get an answer?")
    return value


def measure_live(bench: Bench, wanted: set[str]) -> Iterator[Outcome]:
    """The figures turn_end, resident and conversations, on one server in this order; turn_end is what makes it warm."""
    with serving(serve_command(bench), bench.folder / "server.log") as (server, url):
        started_kib = memory_kib(server.pid)
        if wanted & {"turn_end", "resident"}:
            warm_kib = []  # after each run
            yield turn_end(bench, url, lambda: warm_kib.append(memory_kib(server.pid)))
            yield resident(started_kib, warm_kib)
        if "conversations" in wanted:
            yield conversations(bench, url, lambda: memory_kib(server.pid))


def turn_end(bench: Bench, url: str, after_run: Callable[[], None]) -> Outcome:
    rounds, turns = (1, 2) if bench.quick else (3, len(bench.clips))
    reports = []
    for _ in range(rounds):
        reports.append(load(bench, url, 1, turns))
        after_run()
    samples = [reading(report, "turn_end_to_first_audio_ms", "p50") for report in reports]
    speech = [reading(report, "speech_end_to_first_audio_ms", "p50") for report in reports]
    bench.say(f"one conversation: first audio {samples[-1]:.0f} ms after the turn's end, {speech[-1]:.0f} ms after the speech's")
    return Outcome("turn_end", samples=samples, beside={"load": reports},
                   notes=[f"{turns} turns a run; {median(speech):.0f} ms after the end of speech itself"])


def resident(before: dict[str, int], warm: list[dict[str, int]]) -> Outcome:
    gib = {name: kib / 2**20 for name, kib in warm[-1].items()}
    notes = ["private {RssAnon:.2f}, mapped files {RssFile:.2f}, highest ever {VmHWM:.2f} GiB".format(**gib)]
    return Outcome("resident", samples=[run["VmRSS"] / 2**20 for run in warm],
                   beside={"before_first_turn_kib": before, "warm_kib": warm}, notes=notes)


def conversations(bench: Bench, url: str, memory: Callable[[], dict[str, int]]) -> Outcome:
    """The load client runs on the same cores and takes its share of them."""
    trials = {}

    def passes(count: int) -> bool:
        report = trials[count] = load(bench, url, count, 1 if bench.quick else 3)
        verdict = complaints(report, count)
        bench.say(f"{count} conversations at once: {'; '.join(verdict) if verdict else 'good'}")
        return not verdict

    found = largest_passing(passes, FIRST_TRIED, STEP, FIRST_TRIED if bench.quick else MOST)
    tried = sorted(trials)
    notes = [f"tried {', '.join(map(str, tried))}", "the load client shares the cores"]
    for count in tried:
        if count > found:
            notes.append(f"at {count}: {'; '.join(complaints(trials[count], count))}")
            break
    if found and found == max(tried):
        notes.insert(0, "all that were tried passed: more may be possible")
    peak = memory()["VmHWM"] / 2**20
    notes.append(f"highest resident memory {peak:.2f} GiB")
    return Outcome("conversations", value=found, beside={"trials": trials, "peak_gib": peak}, notes=notes)


def complaints(report: dict, sessions: int) -> list[str]:
    """What keeps a load from passing; empty if it passes."""
    first_audio = reading(report, "speech_end_to_first_audio_ms", "p95", of_nothing=math.inf)
    underrun = reading(report, "longest_underrun_ms", "p95", of_nothing=0)
    found = []
    if first_audio > FIRST_AUDIO_LIMIT_MS:
        found.append(f"p95 first audio {first_audio:.0f} ms")
    if underrun > UNDERRUN_LIMIT_MS:
        found.append(f"p95 longest underrun {underrun:.0f} ms")
    if (served := reading(report, "sessions_served")) < sessions:
        found.append(f"{served} of {sessions} sessions served")
    if (answered := reading(report, "turns_answered")) < (asked := reading(report, "turns")):
        found.append(f"{answered} of {asked} turns answered")
    for name in ("errors", "turns_without_audio", "lost_packets", "crossed_packets"):
        if count := reading(report, name):
            found.append(f"{count} {name.replace('_', ' ')}")
    return found
