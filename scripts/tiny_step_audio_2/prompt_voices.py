"""Short recordings of nobody: harmonics over a moving fundamental, in syllables, with a little noise."""
import wave

import numpy as np

RATE = 24000
VOICES = (("default_female", 210.0, 2.6), ("default_male", 115.0, 2.2), ("bright", 300.0, 3.0))  # name, Hz, seconds
SYLLABLES_A_SECOND = 3.5
HARMONICS = 24
LOUDNESS = 0.25


def write(folder, random):
    folder.mkdir(parents=True, exist_ok=True)
    for name, pitch, seconds in VOICES:
        samples = np.clip(np.round(sound(random, pitch, seconds) * 32767), -32768, 32767).astype("<i2")
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())


def sound(random, pitch, seconds):
    time = np.arange(int(seconds * RATE)) / RATE
    melody = pitch * (1 + 0.12 * np.sin(2 * np.pi * (0.6 * time + random.uniform())) - 0.05 * time)
    phase = 2 * np.pi * np.cumsum(melody) / RATE
    syllable = np.floor(time * SYLLABLES_A_SECOND).astype(int)
    formants = random.uniform((300, 900, 2200), (800, 2000, 3200), (syllable[-1] + 1, 3))[syllable]
    voiced = np.zeros_like(time)
    for harmonic in range(1, HARMONICS + 1):
        hertz = melody * harmonic
        gain = (1 / (1 + ((hertz[:, None] - formants) / 180) ** 2)).sum(1) + 0.02
        voiced += np.where(hertz < RATE / 2.2, gain / harmonic ** 0.5, 0) * np.sin(harmonic * phase)
    envelope = np.sin(np.pi * (time * SYLLABLES_A_SECOND % 1)) ** 0.5
    mixed = voiced / np.abs(voiced).max() * envelope + 0.01 * random.standard_normal(len(time))
    return LOUDNESS * mixed
