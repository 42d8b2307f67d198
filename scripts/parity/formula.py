"""Numbers that the reference and the tests compute alike, in place of weights too large for the repository.

The other side is test/engine/models/step_audio_2/formula_weights.hpp; both give the same bits.
"""

import math

import numpy


def splitmix64(state: numpy.ndarray) -> numpy.ndarray:
    """The first number of each SplitMix64 generator (Steele, Lea & Flood 2014) that starts at `state`, uint64."""
    with numpy.errstate(over="ignore"):
        state = state + numpy.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return state ^ (state >> numpy.uint64(31))


def values(seed: int, shape: tuple[int, ...], scale: float) -> numpy.ndarray:
    """float32 values number 0, 1, ... of `seed`, evenly distributed over [-scale, scale), in row-major order."""
    index = numpy.arange(math.prod(shape), dtype=numpy.uint64)
    bits = splitmix64((numpy.uint64(seed) << numpy.uint64(32)) + index) >> numpy.uint64(40)
    unit = bits.astype(numpy.float32) / numpy.float32(2**23) - numpy.float32(1)
    return (unit * numpy.float32(scale)).reshape(shape)
