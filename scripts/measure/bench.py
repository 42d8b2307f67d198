"""What every measurement is given: the programs, the clips, and where to work."""
import dataclasses
import pathlib
import time
from collections.abc import Callable

from .figures import Skipped
from .peer import Peer


@dataclasses.dataclass
class Bench:
    build: pathlib.Path  # build/release
    starter: pathlib.Path  # the starter bundle
    threads: int
    quick: bool
    clips: list[pathlib.Path]
    folder: pathlib.Path  # for the clips and the servers' logs
    make_peer: Callable[[], Peer]  # raises Skipped
    say: Callable[[str], None]
    reference_python: pathlib.Path | None = None  # one with the Python reference of Step-Audio 2
    step_audio_2: pathlib.Path | None = None  # a bundle to load; one is made if there is none
    prepared_peer: Peer | Skipped | None = None

    def parley(self) -> pathlib.Path:
        return self.program("parley")

    def program(self, name: str) -> pathlib.Path:
        for path in (self.build / name, self.build / "test" / "bench" / name):
            if path.is_file():
                return path
        raise Skipped(f"{self.build / name} is not built; run ./scripts/serve or ./scripts/test once, or name a build with --build")

    def bundle(self) -> pathlib.Path:
        if not (self.starter / "bundle.json").is_file():
            raise Skipped(f"{self.starter} is no bundle; ./scripts/setup fetches it")
        return self.starter

    def reference(self) -> pathlib.Path:
        if self.reference_python is None:
            raise Skipped("no Python with the reference of Step-Audio 2 is named: make the environment that"
                          " scripts/make_parity_data.py --help describes and name its Python by $PARLEY_REFERENCE_PYTHON")
        if not self.reference_python.is_file():
            raise Skipped(f"$PARLEY_REFERENCE_PYTHON names {self.reference_python}, which is not there")
        return self.reference_python

    def peer(self) -> Peer:
        """Made at its first use, since that may take minutes."""
        if self.prepared_peer is None:
            try:
                self.prepared_peer = self.make_peer()
            except Skipped as reason:
                self.prepared_peer = reason
        if isinstance(self.prepared_peer, Skipped):
            raise self.prepared_peer
        return self.prepared_peer


class Progress:
    """Lines of progress on stderr, with the seconds since the start."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write, self.since = write, time.monotonic()

    def __call__(self, line: str) -> None:
        self.write(f"[{time.monotonic() - self.since:4.0f}s] {line}")
