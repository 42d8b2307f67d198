"""Starting and stopping the programs under measurement, each by its own process id, also when the bench is interrupted."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator, Mapping

from .figures import Failed

# Thread pools and BLAS libraries read these; what is measured runs as a user would start it, with none of them set.
TUNING = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "PYTHONPATH", "PYTHONHOME")

Settings = Mapping[str, str]  # environment variables on top of the clean environment
NO_SETTINGS: Settings = types.MappingProxyType({})


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(TUNING)}


def tied_to_us(command: list) -> list[str]:
    """The kernel ends the program if the bench is killed in a way that lets it clean up nothing."""
    setpriv = shutil.which("setpriv")
    return [*([setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []), *map(str, command)]


@contextlib.contextmanager
def started(command: list, settings: Settings = NO_SETTINGS, **options) -> Iterator[subprocess.Popen]:
    """A process in a session of its own: Ctrl-C reaches the bench alone, which then stops what it started."""
    try:
        process = subprocess.Popen(tied_to_us(command), stdin=subprocess.DEVNULL, env=clean_environment() | dict(settings),
                                   start_new_session=True, **options)
    except OSError as error:
        raise Failed(f"{command[0]} could not be started: {error.strerror}") from error
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen, patience_s: float = 20) -> None:
    """Ends the process and what it started in turn, such as the compilers of a build: they are a process group of their own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command: list, timeout_s: float, settings: Settings = NO_SETTINGS, good: tuple[int, ...] = (0,)) -> str:
    """What the program printed. It fails by an exit status that is not `good`, or by taking longer than `timeout_s`."""
    name = pathlib.Path(str(command[0])).name
    with started(command, settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as expired:
            raise Failed(f"{name} had not finished after {timeout_s:.0f} s") from expired
    if process.returncode not in good:
        lines = (errors.strip() or output.strip() or "it gave no reason").splitlines()
        raise Failed(f"{name} {' '.join(map(str, command[1:3]))} {end_of(process)}: {lines[-1][:300]}")
    return output


def end_of(process: subprocess.Popen) -> str:
    if process.returncode < 0:
        return f"was ended by {signal.Signals(-process.returncode).name}"
    return f"ended with status {process.returncode}"


def json_lines(output: str) -> list[dict]:
    """The lines that are JSON objects; programs may talk between them."""
    objects = []
    for line in output.splitlines():
        if line.startswith("{"):
            try:
                objects.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise Failed(f"a line of JSON was expected and this came: {line[:200]}") from error
    return objects


def column(lines: list[dict], key: str) -> list[float]:
    """One number of every line."""
    for line in lines:
        if not isinstance(line.get(key), (int, float)):
            raise Failed(f"a number under {key} was expected and this came: {json.dumps(line)[:200]}")
    return [line[key] for line in lines]


@contextlib.contextmanager
def serving(command: list, log: pathlib.Path, patience_s: float = 120) -> Iterator[tuple[subprocess.Popen, str]]:
    """A started server and its URL, http://127.0.0.1:PORT."""
    with open(log, "w") as output, started(command, stdout=output, stderr=subprocess.STDOUT) as process:
        yield process, wait_for_url(process, log, patience_s)
    if process.returncode not in (0, -signal.SIGTERM):
        raise Failed(f"the server {end_of(process)}: {last_line(log)}")


def wait_for_url(process: subprocess.Popen, log: pathlib.Path, patience_s: float) -> str:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := re.search(r"listening on (http://\S+:\d+)", log.read_text(errors="replace")):
            return found.group(1)
        if process.poll() is not None:
            raise Failed(f"the server {end_of(process)} before it listened: {last_line(log)}")
        time.sleep(0.05)
    raise Failed(f"the server did not listen within {patience_s:.0f} s: {last_line(log)}")


def last_line(log: pathlib.Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


SPIN = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"


@contextlib.contextmanager
def busy_neighbours(count: int, limit_s: float) -> Iterator[None]:
    """Processes that keep a core busy each, until the block ends or for `limit_s`, whichever is first."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(started([sys.executable, "-c", SPIN, limit_s]))
        yield


def memory_kib(pid: int) -> dict[str, int]:
    """Resident memory now (VmRSS) and at its highest (VmHWM), and its shares: private (RssAnon), mapped files (RssFile)."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(value) for name, value in re.findall(r"^(VmRSS|VmHWM|RssAnon|RssFile):\s+(\d+) kB$", status, re.MULTILINE)}
