"""The program's commands as a shell runs them, to their end."""

import json
import subprocess
import wave

from support.server import PROGRAM
from support.speech import RECORDINGS

LIMIT_S = 120  # of one command, on a machine that has other things to do


def parley(*words, status=0, **options):
    """The finished command, which must have ended with `status`."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL,
                          **options)
    if done.returncode != status:
        raise AssertionError(f"parley {' '.join(map(str, words))} ended with {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
    return done


def parley_json(*words, **options):
    return json.loads(parley(*words, "--json", **options).stdout)


def go_forward(folder):
    """A file in `folder`: a person says "go forward ten meters"."""
    path = folder / "go_forward.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes((RECORDINGS / "goforward.raw").read_bytes())
    return path
