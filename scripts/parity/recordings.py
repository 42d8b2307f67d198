"""Recordings and noise that both the maker of golden data and its readers make anew, instead of committing megabytes.

A recording is made in integers alone, so that every machine and every numpy makes the same bytes: a voice-like buzz of six
harmonics whose pitch wanders, in syllables, over a floor of noise. Noise is numpy's frozen RandomState. Needs numpy only.
"""
import pathlib
import wave

import numpy as np

HARMONICS = 6
FULL_TURN = 1 << 32  # of a phase
SINE_PEAK = 1 << 15


def recording(seed: int, seconds: float, rate_hz: int, channels: int = 1) -> np.ndarray:
    """Samples [n, channels], int16. Channels differ in pitch and noise, so that mixing them up is heard."""
    return np.stack([voice(seed + 1000 * channel, round(seconds * rate_hz), rate_hz) for channel in range(channels)], axis=1)


def voice(seed: int, count: int, rate_hz: int) -> np.ndarray:
    """One channel, int16 [count]."""
    place = np.arange(count, dtype=np.int64)
    wander = triangle(place, period=max(1, rate_hz * 7 // 10), peak=40)
    drift = triangle(place + rate_hz * (seed % 5), period=rate_hz * 3, peak=35)
    pitch_hz = 95 + 20 * (seed % 4) + wander + drift
    phase = np.cumsum(pitch_hz * (FULL_TURN // rate_hz))
    buzz = sum(sine(phase * harmonic) // harmonic for harmonic in range(1, HARMONICS + 1))
    loudness = triangle(place + rate_hz * (seed % 3) // 7, period=max(1, rate_hz * 23 // 100), peak=256)  # syllables
    spoken = buzz * loudness // 256 // 5
    return (spoken + hiss(seed, count) // 64).astype(np.int16)  # at most 32768 * 2.45 / 5 + 512


def triangle(place: np.ndarray, period: int, peak: int) -> np.ndarray:
    """0 to `peak` and back over a period."""
    along = place % period
    return 2 * peak * np.minimum(along, period - along) // period


def sine(phase: np.ndarray) -> np.ndarray:
    """Near enough to a sine: a parabola a half turn, at most SINE_PEAK."""
    along = ((phase % FULL_TURN) >> 16) - SINE_PEAK
    return along * (SINE_PEAK - np.abs(along)) >> 13


def hiss(seed: int, count: int) -> np.ndarray:
    """White, uniform over the 16-bit integers: splitmix64 of the sample's place."""
    with np.errstate(over="ignore"):
        mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed << 32)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(48)).astype(np.int64) - 32768


def write_recording(path: pathlib.Path, seed: int, seconds: float, rate_hz: int, channels: int = 1) -> None:
    samples = recording(seed, seconds, rate_hz, channels)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(samples.astype("<i2").tobytes())


def noise(seed: int, *shape: int) -> np.ndarray:
    """Unit-variance noise, float32."""
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def samples_of(values: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """Every so-manieth value of a flattened tensor, at most `most` of them, and how many are passed over each time: an odd
    count that no usual extent is a multiple of, so that every row and column has some."""
    flat = np.ascontiguousarray(values).reshape(-1)
    stride = 1
    if flat.size > most:
        stride = -(-flat.size // most)
        while any(stride % prime == 0 for prime in (2, 3, 5, 7)):
            stride += 1
    return flat[::stride].copy(), stride
