"""Spoken WAVs for the fake microphone: 48 kHz, 16 bit, mono, with silence before and behind."""
import subprocess
import tempfile
import wave

import numpy

RATE_HZ = 48000


def write_spoken(path, text, before_s=1.5, behind_s=5.0):
    """What espeak-ng makes of the text, at half of full scale."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as made:
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", made.name, text], check=True)
        with wave.open(made.name) as wav:
            rate = wav.getframerate()
            speech = numpy.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(float)
    # a fake microphone need not be a good one: straight lines between the samples
    places = numpy.arange(0, len(speech) - 1, rate / RATE_HZ)
    speech = numpy.interp(places, numpy.arange(len(speech)), speech)
    speech *= 16384 / numpy.abs(speech).max()
    samples = numpy.concatenate([numpy.zeros(int(before_s * RATE_HZ)), speech, numpy.zeros(int(behind_s * RATE_HZ))])
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.astype("<i2").tobytes())
