"""Speech to talk to a server with: recordings of people (Debian's pocketsphinx-testdata) and espeak-ng. PCM is int16, mono."""

import io
import re
import subprocess
import wave
from pathlib import Path

import numpy as np

RECORDINGS = Path("/usr/share/pocketsphinx/test/data")


def resample(pcm, rate, to_rate):
    """The whole clip at another rate, by cutting or extending its spectrum."""
    if rate == to_rate:
        return pcm
    count = len(pcm) * to_rate // rate
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    bins = np.zeros(count // 2 + 1, complex)
    kept = min(len(bins), len(spectrum))
    bins[:kept] = spectrum[:kept]
    return np.clip(np.fft.irfft(bins, count) * count / len(pcm), -32768, 32767).astype(np.int16)


def read_wav(source, to_rate):
    with wave.open(source) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2, "a mono recording of 16 bits"
        return resample(np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate(), to_rate)


def recording(name, rate=24000):
    """One of the package's recordings: .raw files are 16 kHz."""
    path = RECORDINGS / name
    if name.endswith(".raw"):
        return resample(np.frombuffer(path.read_bytes(), np.int16), 16000, rate)
    return read_wav(str(path), rate)


def say(text, rate=24000):
    """espeak-ng reads the text, not too fast."""
    # its header gives no length when it writes to a pipe
    out = subprocess.run(["espeak-ng", "-s", "140", "--stdout", text], capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(out)) as file:
        source_rate = file.getframerate()
    return resample(np.frombuffer(out[44 : 44 + (len(out) - 44) // 2 * 2], np.int16), source_rate, rate)


def silence(ms, rate=24000):
    return np.zeros(rate * ms // 1000, np.int16)


def words(text):
    return re.findall(r"[a-z0-9']+", text.lower())


def levels(pcm, rate=24000, window_ms=20):
    """Root mean square of each window."""
    window = rate * window_ms // 1000
    whole = pcm[: len(pcm) // window * window].astype(np.float64).reshape(-1, window)
    return np.sqrt((whole**2).mean(axis=1))
