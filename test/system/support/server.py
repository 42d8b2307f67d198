"""The program, started for one test file on a free port of the loopback address, and stopped by its own process id."""

import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("PARLEY_PROGRAM", ROOT / "build/release/parley"))


class Server:
    """`with Server("--set", "key=value") as server:`; it listens when the constructor returns."""

    def __init__(self, *options, start_s=120):
        self.log_file = tempfile.NamedTemporaryFile("w+", prefix="parley-log-", suffix=".txt")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", *options], cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log_file)
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.url = self._listening(time.monotonic() + start_s)

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _listening(self, deadline):
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                self.kill()
                raise AssertionError(f"the server does not listen in time; it says:\n{self.log()}") from None
            if line is None:
                raise AssertionError(f"the server ended with {self.process.wait()}; it says:\n{self.log()}")
            if "listening on http" in line:
                return line.split("listening on ")[1].split()[0]

    @property
    def websocket(self):
        return self.url.replace("http", "ws", 1) + "/v1/realtime"

    def get(self, path, timeout=10):
        """The body of a GET request as text; raises for any status but 200."""
        with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:
            return answer.read().decode()

    def resident_mb(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the process has no resident memory")

    def alive(self):
        return self.process.poll() is None

    def log(self):
        return Path(self.log_file.name).read_text()

    def terminate(self, timeout=30):
        """SIGTERM; the exit status."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()
        self.log_file.close()
