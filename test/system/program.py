"""The program under test, its first argument on the command line, and speech to give it."""
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import unittest
import wave

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release/parley").resolve()
RECORDINGS = pathlib.Path("/usr/share/pocketsphinx/test/data")  # Debian's pocketsphinx-testdata
LIMIT_S = 120  # of one command, on a machine that has other things to do


def parley(*words, status=0, **options) -> subprocess.CompletedProcess:
    """Runs a command to its end, which must be `status`."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=LIMIT_S, **options)
    if done.returncode != status:
        raise AssertionError(f"parley {' '.join(map(str, words))} ended with {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
    return done


def parley_json(*words, **options):
    return json.loads(parley(*words, "--json", **options).stdout)


def recording(folder: pathlib.Path) -> pathlib.Path:
    """A person who says "go forward ten meters", as a WAV."""
    path = folder / "go_forward.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes((RECORDINGS / "goforward.raw").read_bytes())
    return path


@contextlib.contextmanager
def serving(*words):
    """`parley serve` on a free port: the address it prints. Ends by SIGTERM, and must end well."""
    server = subprocess.Popen([PROGRAM, "serve", "--listen", "127.0.0.1:0", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        if not line.startswith("listening on http://127.0.0.1:"):
            server.kill()
            raise AssertionError(f"parley serve printed {line!r}\n{server.stderr.read()}")
        yield line.split()[-1]
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=LIMIT_S)
        if server.returncode != 0:
            raise AssertionError(f"after SIGTERM parley serve ended with {server.returncode}\n{errors}")
    finally:
        if server.poll() is None:
            server.kill()
            server.communicate()


def main() -> None:
    unittest.main(verbosity=2)
