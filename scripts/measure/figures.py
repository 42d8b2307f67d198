"""The figures that the bench reports, in the order of its table, with their goals; and what a measurement says."""
import dataclasses

from .arithmetic import Goal, Spread


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str  # what --only takes
    meaning: str
    goal: Goal


FIGURES = [
    Figure("first_audio", "first audio, whole utterance at hand, Parley / peer", Goal("<=", 0.6)),
    Figure("recognition", "speech recognition alone, Parley / faster-whisper int8", Goal("<=", 0.8)),
    Figure("decode", "decode tokens per second, one session, Parley / llama.cpp Q4_1", Goal(">=", 1.2)),
    Figure("decode_together", "decode tokens per second, 8 sessions together / one", Goal(">=", 3)),
    Figure("turn_end", "end of turn declared to first audio packet over the socket, p50", Goal("<=", 150, "ms")),
    Figure("conversations", "conversations at once, p95 first audio <= 1.5 s, p95 underrun <= 100 ms", Goal(">=", 12)),
    Figure("busy", "first audio with two busy neighbours / alone", Goal("<=", 3)),
    Figure("idle_sessions", "idle sessions in one process, all of them answering", Goal(">=", 5000)),
    Figure("idle_memory", "memory of an idle session", Goal("<=", 32, "KiB")),
    Figure("resident", "resident memory of serve with the starter, warm", Goal("<=", 1.0, "GiB")),
    Figure("step_audio_hear", "Step-Audio 2, encoder and adaptor on 10 s of speech, float32, Parley / PyTorch", Goal("<=", 0.9)),
    Figure("step_audio_decode", "Step-Audio 2, a step of 4 layers at 512 tokens, bfloat16, Parley / transformers", Goal("<=", 0.9)),
    Figure("step_audio_decode_together", "Step-Audio 2, the same, tokens per second, 8 together / one", Goal(">=", 4)),
    Figure("step_audio_speak", "Step-Audio 2, flow and vocoder, a steady chunk of 25+3 tokens, float32, Parley / PyTorch",
           Goal("<=", 0.7)),
    Figure("step_audio_long", "Step-Audio 2, time and memory of chunk 200 of a stream / chunk 5", Goal("<=", 1.05)),
    Figure("step_audio_load", "Step-Audio 2, peak memory of loading a bundle / its size", Goal("<=", 1.1)),
]
BY_NAME = {figure.name: figure for figure in FIGURES}


class Skipped(Exception):
    """Something that a figure needs is not there; the sentence says what, and how to get it."""


class Failed(Exception):
    """A figure could not be measured though everything it needs was there."""


@dataclasses.dataclass
class Outcome:
    """What came of one figure. `samples` are repeated measurements of the figure itself; `value` is their median
    unless the figure is made otherwise."""

    name: str
    samples: list[float] = dataclasses.field(default_factory=list)
    value: float | None = None
    beside: dict = dataclasses.field(default_factory=dict)  # what it was made from, for the JSON
    notes: list[str] = dataclasses.field(default_factory=list)
    skipped: str | None = None
    failed: str | None = None

    def __post_init__(self) -> None:
        if self.value is None and self.samples:
            self.value = Spread.of(self.samples).middle

    @property
    def reached(self) -> bool | None:
        return None if self.value is None else BY_NAME[self.name].goal.reached(self.value)

    def as_json(self) -> dict:
        figure = BY_NAME[self.name]
        entry = {"figure": self.name, "meaning": figure.meaning, "goal": str(figure.goal), "value": self.value,
                 "unit": figure.goal.unit, "reached": self.reached}
        if self.samples:
            entry["spread"] = dataclasses.asdict(Spread.of(self.samples))
            entry["samples"] = self.samples
        optional = {"beside": self.beside, "notes": self.notes, "skipped": self.skipped, "failed": self.failed}
        return entry | {key: value for key, value in optional.items() if value}
