"""Step-Audio 2 at official sizes with random weights, against the Python reference: hearing, one decode step, one chunk of
speech; and what a long stream of speech costs at its end against its start."""
import json
import pathlib

from . import wide_bundle
from .arithmetic import Spread, in_turn, median, pair_ratios
from .bench import Bench
from .figures import Failed, Outcome
from .processes import column, json_lines, run

REFERENCE = pathlib.Path(__file__).with_name("reference_step_audio_2.py")
LIMIT_S = 900  # a side; the reference makes its weights first
RUNS = 5  # timed by one process, after one that warms up
DECODE = ["--step-audio-2-layers", 4, "--context", 512, "--precision", "bfloat16", "--runs", RUNS]
TOGETHER = 8
LONG_STREAM = 200  # chunks
PROMPT_TOKENS = 100  # of the voice, on both sides


def rounds(bench: Bench) -> int:
    return 1 if bench.quick else 5


def timed(lines: list[dict]) -> list[float]:
    """The milliseconds of the one line that has them."""
    found = [line["ms"] for line in lines if "ms" in line]
    if len(found) != 1 or not found[0]:
        raise Failed(f'one line {{"ms": [...]}} was expected, with times, and this came: {lines}')
    return found[0]


def ours(bench: Bench, program: str, *options) -> list[dict]:
    return json_lines(run([bench.program(program), "--threads", bench.threads, *options], LIMIT_S))


def theirs(bench: Bench, what: str, *options) -> list[float]:
    return timed(json_lines(run([bench.reference(), REFERENCE, what, "--threads", bench.threads, "--runs", RUNS, *options], LIMIT_S)))


def compared(bench: Bench, name: str, what: str, program: str, options: list, reference_options: list) -> Outcome:
    """One process of each side in turn, ours first; what each took, and the ratio of a pair's medians."""
    bench.program(program)
    bench.reference()
    pairs = in_turn(lambda: timed(ours(bench, program, *options)), lambda: theirs(bench, what, *reference_options),
                    rounds(bench), swap=False)
    times = {who: [value for pair in pairs for value in pair[side]] for side, who in enumerate(("parley", "reference"))}
    told = ", ".join(f"{who} {Spread.of(values).middle:.0f} ms ({min(values):.0f} .. {max(values):.0f})" for who, values in times.items())
    bench.say(told)
    return Outcome(name, samples=pair_ratios(pairs), beside={"ms": times}, notes=[told])


def measure_hear(bench: Bench) -> list[Outcome]:
    """The figure step_audio_hear."""
    return [compared(bench, "step_audio_hear", "hear", "ear_bench", ["--dtype", "f32", "--repeat", RUNS], [])]


def measure_decode(bench: Bench) -> list[Outcome]:
    """The figure step_audio_decode."""
    return [compared(bench, "step_audio_decode", "decode", "decode_bench", [*DECODE, "--batches", 1], [])]


def measure_decode_together(bench: Bench) -> list[Outcome]:
    """The figure step_audio_decode_together: tokens a second, both counts by the same process."""
    steps: dict[int, list[float]] = {1: [], TOGETHER: []}
    for _ in range(rounds(bench)):
        lines = {line.get("batch"): line for line in ours(bench, "decode_bench", *DECODE, "--batches", f"1,{TOGETHER}")}
        for batch, found in steps.items():
            found.append(median(timed([lines[batch]] if batch in lines else [])))
    ratios = [TOGETHER * alone / together for alone, together in zip(steps[1], steps[TOGETHER])]
    told = f"a step of 1 takes {median(steps[1]):.0f} ms, of {TOGETHER} {median(steps[TOGETHER]):.0f} ms"
    return [Outcome("step_audio_decode_together", samples=ratios, beside={"ms": steps}, notes=[told])]


def measure_speak(bench: Bench) -> list[Outcome]:
    """The figure step_audio_speak."""
    voice = ["--prompt-tokens", PROMPT_TOKENS]
    return [compared(bench, "step_audio_speak", "speak", "token2wav_bench", ["--runs", RUNS, *voice], voice)]


def measure_long(bench: Bench) -> list[Outcome]:
    """The figure step_audio_long: time or memory, whichever grew more."""
    lines = [line for _ in range(rounds(bench))
             for line in ours(bench, "token2wav_bench", "--chunks", LONG_STREAM) if "chunk_200_ms" in line]
    if not lines:
        raise Failed(f"token2wav_bench --chunks {LONG_STREAM} was expected to report chunk_200_ms, and reported none")
    time = [line["chunk_200_ms"] / line["chunk_5_ms"] for line in lines]
    memory = [line["rss_200"] / line["rss_5"] for line in lines]
    told = f"time {median(time):.3f}, memory {median(memory):.3f}"
    return [Outcome("step_audio_long", samples=[max(pair) for pair in zip(time, memory)], beside={"lines": lines}, notes=[told])]


def measure_load(bench: Bench) -> list[Outcome]:
    """The figure step_audio_load: of `parley generate`, which loads the bundle and says one token."""
    program = bench.parley()
    bundle = bench.step_audio_2 or wide_bundle.make(bench.folder, bench.say)
    asked = bench.folder / "asked.json"
    asked.write_text(json.dumps({"messages": [{"role": "human", "content": "Hi"}, {"role": "assistant", "content": None}]}))
    command = [program, "generate", bundle, "--input", asked, "--greedy", "--max-new-tokens", 1, "--dtype", "bfloat16",
               "--out", bench.folder / "answered.json"]
    size = wide_bundle.size_of(bundle)
    peaks = [1024 * column(json_lines(run(wide_bundle.peak_command(command), LIMIT_S)), "peak_kib")[0] for _ in range(rounds(bench))]
    told = f"{median(peaks) / 2**30:.2f} GiB at most for a bundle of {size / 2**30:.2f} GiB"
    return [Outcome("step_audio_load", samples=[peak / size for peak in peaks], beside={"peak_bytes": peaks, "bundle_bytes": size},
                    notes=[told])]
