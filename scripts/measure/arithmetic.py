"""The arithmetic of the bench: percentiles, pairs, goals, and the search for the largest load that still passes."""
import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence


def percentile(values: Iterable[float], percent: float) -> float:
    """Between the two nearest ranks, in proportion: the median of an even count is the mean of the middle two."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("a percentile of nothing was asked for; expected at least one value")
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values: Iterable[float]) -> float:
    return percentile(values, 50)


@dataclasses.dataclass(frozen=True)
class Spread:
    """How far apart repeated measurements lie; what is reported is the middle."""

    least: float
    middle: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(min(values), median(values), max(values), len(values))


def pair_ratios(pairs: Iterable[tuple[Sequence[float], Sequence[float]]]) -> list[float]:
    """Median by median, one ratio a pair. The two sides of a pair were measured right after each other, so that what
    the machine did meanwhile weighs on both."""
    return [median(ours) / median(theirs) for ours, theirs in pairs]


@dataclasses.dataclass(frozen=True)
class Goal:
    sign: str  # "<=" or ">="
    bound: float
    unit: str = ""

    def reached(self, value: float) -> bool:
        return value <= self.bound if self.sign == "<=" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g} {self.unit}".strip()


def in_turn(first: Callable[[], object], second: Callable[[], object], rounds: int, swap: bool) -> list[tuple]:
    """Measures A B A B ..., or B A B A ... if swapped; the pairs come back as (A, B) either way."""
    pairs = []
    for _ in range(rounds):
        if swap:
            theirs = second()
            pairs.append((first(), theirs))
        else:
            ours = first()
            pairs.append((ours, second()))
    return pairs


def largest_passing(passes: Callable[[int], bool], start: int, step: int, most: int) -> int:
    """The largest count that passes, to half a step; 0 if none does. Where a count passes, smaller ones are taken to
    pass too. Tries `start`, then goes up or down by steps until the answer changes, then the middle of the last step:
    at most (most - start) / step + 2 trials upward, start / step + 1 downward."""
    passed, failed = 0, None
    count = start
    while 0 < count <= most:
        if passes(count):
            passed = count
            if failed is not None:
                break
            count += step
        else:
            failed = count
            if passed:
                break
            count -= step
    if failed is not None and (failed - passed) // 2 >= 1:
        middle = (passed + failed) // 2
        if passes(middle):
            passed = middle
    return passed
