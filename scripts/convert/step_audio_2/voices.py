"""The voices of a bundle: short recordings that token2wav imitates, and what clients are told of them."""
import pathlib
import re
import shutil
import struct

import numpy as np

LONGEST = 30.0  # seconds: the speech tokenizer's window
SHORTEST = 0.5
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
PITCHES = ((95.0, "very low"), (145.0, "low"), (205.0, "medium"), (270.0, "high"))  # below so many Hz
FRAME, LOWEST_HZ, HIGHEST_HZ = 0.04, 60.0, 450.0
VOICED = 0.5  # of a frame's energy that repeats


def find(checkpoint, asked):
    """[(name, path)]. `asked`: NAME=FILE of --voice; else the recordings that came with the checkpoint."""
    if asked:
        voices = []
        for text in asked:
            name, equals, file = text.partition("=")
            if not equals or not name or not file:
                raise ValueError(f"--voice {text} should be NAME=FILE.wav")
            if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
                raise ValueError(f"--voice {text}: a voice's name is made of letters, digits, '_', '-' and '.'")
            voices.append((name, pathlib.Path(file)))
        repeated = {name for name, _ in voices if [other for other, _ in voices].count(name) > 1}
        if repeated:
            raise ValueError(f"--voice names {', '.join(sorted(repeated))} more than once")
        return voices
    for folder in (checkpoint / "assets", checkpoint / "token2wav", checkpoint.resolve().parent / "assets"):
        files = [file for file in sorted(folder.glob("*.wav")) if folder.parent == checkpoint or is_prompt(file)]
        if files:
            return sorted(((file.stem, file) for file in files), key=lambda voice: not is_prompt(voice[1]))
    return []


def is_prompt(file):
    """The model's repository keeps examples of all kinds in the folder of the two voices, which come first."""
    return file.stem.startswith("default_")


def describe(name, path):
    """The entry of voices.json. Raises ValueError where the recording cannot be a voice."""
    rate, samples = recording(path)
    seconds = len(samples) / rate
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"the voice {name}: {path} lasts {seconds:.2f} s; expected {SHORTEST} to {LONGEST:.0f} s")
    words = set(re.split(r"[^a-z]+", name.lower()))
    sex = "female" if words & {"female", "woman", "girl"} else "male" if words & {"male", "man", "boy"} else ""
    return {"name": name, "file": f"{name}.wav", "sex": sex, "age": "adult", "pitch": pitch(rate, samples), "mood": ""}


def copy(voices, folder):
    for name, path in voices:
        shutil.copyfile(path, folder / f"{name}.wav")


def recording(path):
    """(rate, first channel as floats) of a RIFF file of 16, 24 or 32 bits or floats."""
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"{path} is no WAV file")
    place, sound = 12, None
    kind = channels = rate = bits = 0
    while place + 8 <= len(data):
        name, size = data[place:place + 4], struct.unpack_from("<I", data, place + 4)[0]
        if name == b"fmt " and size >= 16:
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, place + 8)
            if kind == EXTENSIBLE and size >= 26:
                kind = struct.unpack_from("<H", data, place + 32)[0]
        elif name == b"data":
            sound = data[place + 8:place + 8 + size]
        place += 8 + size + size % 2
    if sound is None or not channels or not rate or (kind, bits) not in ((PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32)):
        raise ValueError(f"{path} is a WAV file of the kind {kind} with {bits} bits; expected 16, 24 or 32, or floats")
    width = bits // 8
    sound = np.frombuffer(sound[:len(sound) // (width * channels) * width * channels], np.uint8)
    frames = sound.reshape(-1, channels, width)[:, 0]
    if kind == FLOAT:
        return rate, np.ascontiguousarray(frames).view("<f4").reshape(-1)
    wide = np.zeros((len(frames), 4), np.uint8)
    wide[:, 4 - width:] = frames
    return rate, (wide.view("<i4").reshape(-1) / 2.0**31).astype(np.float32)


def pitch(rate, samples):
    """A word for the median of the fundamental frequency over voiced frames, by autocorrelation."""
    size, shortest, longest = int(FRAME * rate), int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ)
    found = []
    for begin in range(0, len(samples) - size, size):
        frame = samples[begin:begin + size] - samples[begin:begin + size].mean()
        repeats = np.fft.irfft(np.abs(np.fft.rfft(frame, 2 * size)) ** 2)[:longest]
        if repeats[0] <= 1e-4 * size:
            continue
        lag = shortest + int(np.argmax(repeats[shortest:]))
        if repeats[lag] > VOICED * repeats[0] * (size - lag) / size:
            found.append(rate / lag)
    if not found:
        return "medium"
    return next((word for limit, word in PITCHES if np.median(found) < limit), "very high")
