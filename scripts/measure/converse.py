"""First audio and speech recognition with the whole utterance at hand, side by side with the peer; and how both bear
neighbours who want the same cores."""
import pathlib
from collections.abc import Callable

from .arithmetic import Spread, in_turn, median, pair_ratios
from .bench import Bench
from .figures import Failed, Outcome, Skipped
from .processes import busy_neighbours, column, json_lines, run

# The peer's own, so that both have the same to do: the same language to hear, the same answer to give.
SAME_TASK = {"model.language": "en", "max_output_tokens": 80,
             "instructions": "You are a helpful voice assistant. Answer in one or two short spoken sentences."}
RUN_LIMIT_S = 60  # for one answer on cores that nobody else uses; loading takes less
BUSY_LIMIT_S = 240  # for a process with neighbours: the peer has been seen to take 30 s for what it does in 0.7 s


def parley_runs(bench: Bench, clip: pathlib.Path, runs: int, timeout_s: float) -> list[dict]:
    """One object a run, with the peer's keys, after a run that warms up and is not reported."""
    command = [bench.parley(), "converse", clip, "--json", "--runs", runs, "--threads", bench.threads,
               "--model", bench.bundle(), *(part for key, value in SAME_TASK.items() for part in ("--set", f"{key}={value}"))]
    lines = json_lines(run(command, timeout_s))
    if len(lines) != runs:
        raise Failed(f"parley converse was asked for {runs} runs and reported {len(lines)}")
    return lines


def measure_answers(bench: Bench) -> list[Outcome]:
    """The figures first_audio and recognition, from the same runs."""
    bench.parley()
    peer = bench.peer()
    runs, rounds = (2, 1) if bench.quick else (3, 2)
    pairs, words = [], []
    for place, clip in enumerate(bench.clips):
        limit_s = (runs + 2) * RUN_LIMIT_S
        for ours, theirs in in_turn(lambda: parley_runs(bench, clip, runs, limit_s),
                                    lambda: peer.converse(clip, runs, limit_s), rounds, swap=place % 2 == 1):
            pairs.append((clip.stem, ours, theirs))
            bench.say(f"{clip.stem}: first audio {middle(ours, 'first_audio_ms')} ms, peer {middle(theirs, 'first_audio_ms')};"
                      f" recognition {middle(ours, 'asr_ms')} ms, peer {middle(theirs, 'asr_ms')}")
        words.append({"clip": clip.stem} | {who: {key: lines[0].get(key) for key in ("heard", "said")}
                                            for who, lines in (("parley", ours), ("peer", theirs))})
    return [paired_outcome("first_audio", "first_audio_ms", pairs, {"words": words}),
            paired_outcome("recognition", "asr_ms", pairs, {})]


def middle(lines: list[dict], key: str) -> int:
    return round(median(column(lines, key)))


def paired_outcome(name: str, key: str, pairs: list, beside: dict) -> Outcome:
    """Of (clip, runs of Parley, runs of the peer). A clip that one side does not answer, which it reports as a time of 0,
    compares nothing."""
    answered, silent = [], set()
    for clip, ours, theirs in pairs:
        both = column(ours, key), column(theirs, key)
        if min(*both[0], *both[1]) > 0:
            answered.append(both)
        else:
            silent.add(f"{clip} is left out: {'Parley' if min(both[0]) <= 0 else 'the peer'} did not answer it")
    if not answered:
        raise Failed("; ".join(sorted(silent)))
    times = {"parley_ms": [value for ours, _ in answered for value in ours],
             "peer_ms": [value for _, theirs in answered for value in theirs]}
    told = f"parley {median(times['parley_ms']):.0f} ms, peer {median(times['peer_ms']):.0f} ms"
    return Outcome(name, samples=pair_ratios(answered), beside=times | beside, notes=[told, *sorted(silent)])


def measure_busy(bench: Bench) -> list[Outcome]:
    """The figure busy; the peer's own ratio stands beside it. Alone and busy are measured in turn."""
    bench.parley()
    clip, runs, rounds = bench.clips[0], 3, (1 if bench.quick else 3)
    samples, ours = slowdowns(bench, "parley", lambda count, limit_s: parley_runs(bench, clip, count, limit_s), runs, rounds)
    outcome = Outcome("busy", samples=samples, beside={"parley": ours},
                      notes=["parley {alone:.0f} -> {busy:.0f} ms".format(**ours)])
    try:
        peer = bench.peer()
        ratios, theirs = slowdowns(bench, "peer", lambda count, limit_s: peer.converse(clip, count, limit_s), 1,
                                   1 if bench.quick else 2)
        outcome.beside["peer"] = theirs | {"ratio": Spread.of(ratios).middle}
        outcome.notes.append("peer {alone:.0f} -> {busy:.0f} ms".format(**theirs))
    except (Skipped, Failed) as reason:  # the figure is Parley's own
        outcome.notes.append(f"peer not measured: {reason}")
    return [outcome]


def slowdowns(bench: Bench, who: str, answer: Callable[[int, float], list[dict]], runs: int,
              rounds: int) -> tuple[list[float], dict]:
    """Busy / alone for each round, and the medians in ms of both."""

    def first_audio(limit_s: float) -> list[float]:
        times = column(answer(runs, limit_s), "first_audio_ms")
        if min(times) <= 0:
            raise Failed(f"{who} did not answer")
        return times

    def alone() -> list[float]:
        return first_audio((runs + 2) * RUN_LIMIT_S)

    def busy() -> list[float]:
        with busy_neighbours(2, BUSY_LIMIT_S + 10):
            return first_audio(BUSY_LIMIT_S)

    pairs = in_turn(busy, alone, rounds, swap=True)
    medians = {"alone": median(value for _, quiet in pairs for value in quiet),
               "busy": median(value for loud, _ in pairs for value in loud)}
    bench.say("{who}: first audio {alone:.0f} ms alone, {busy:.0f} ms with two busy neighbours".format(who=who, **medians))
    return pair_ratios(pairs), medians
