"""Decode speed of the language model: one session against llama.cpp, and eight sessions that share each step."""
import re

from .arithmetic import Spread, in_turn, pair_ratios
from .bench import Bench
from .figures import Failed, Outcome
from .processes import run

PROMPT, TOKENS = 64, 128  # the same on both sides
TOGETHER = 8
LIMIT_S = 240
# "decode     8 at once    10.20 ms a step   median    10.31      775.9 tokens/s   processor    20.13 ms"
LINE = re.compile(r"^decode\s+(\d+) at once.* ([\d.]+) tokens/s\b", re.MULTILINE)


def decode_speeds(bench: Bench, *sessions: int) -> list[float]:
    """Tokens a second of all sessions together by the median step, one number for each count of sessions."""
    output = run([bench.program("decode_bench"), bench.bundle() / "brain", "--threads", bench.threads, "--context", PROMPT,
                  "--runs", TOKENS, "--batches", ",".join(map(str, sessions))], LIMIT_S)
    found = {int(count): float(speed) for count, speed in LINE.findall(output)}
    if set(found) != set(sessions):
        raise Failed(f"decode_bench was asked for {sessions} sessions at once and reported {sorted(found)}")
    return [found[count] for count in sessions]


def measure_decode(bench: Bench) -> list[Outcome]:
    """The figure decode."""
    bench.program("decode_bench")
    peer = bench.peer()
    pairs = in_turn(lambda: decode_speeds(bench, 1), lambda: peer.decode(PROMPT, TOKENS, 1, LIMIT_S), 2 if bench.quick else 7,
                    swap=False)
    ours, theirs = ([value for pair in pairs for value in pair[side]] for side in (0, 1))
    return [outcome_of(bench, "decode", pair_ratios(pairs), {"parley": ours, "llama.cpp": theirs})]


def measure_decode_together(bench: Bench) -> list[Outcome]:
    """The figure decode_together: both counts by the same process, since it makes no other difference between them."""
    runs = [decode_speeds(bench, 1, TOGETHER) for _ in range(2 if bench.quick else 7)]
    one, many = ([run[place] for run in runs] for place in (0, 1))
    ratios = [together / alone for alone, together in runs]
    return [outcome_of(bench, "decode_together", ratios, {"one session": one, f"{TOGETHER} sessions": many})]


def outcome_of(bench: Bench, name: str, ratios: list[float], speeds: dict[str, list[float]]) -> Outcome:
    told = ", ".join(f"{who} {Spread.of(values).middle:.0f} tokens/s ({min(values):.0f} .. {max(values):.0f})"
                     for who, values in speeds.items())
    bench.say(told)
    return Outcome(name, samples=ratios, beside={"tokens_per_s": speeds}, notes=[told])
