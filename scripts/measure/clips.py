"""The recordings that are spoken to both sides: questions by a speech synthesizer, and people from Debian's test data."""
import dataclasses
import pathlib
import shutil
import subprocess
import wave

from .figures import Failed, Skipped

RECORDINGS = pathlib.Path("/usr/share/pocketsphinx/test/data")
LIBRIVOX = "librivox/sense_and_sensibility_01_austen_64kb"


@dataclasses.dataclass(frozen=True)
class Clip:
    name: str
    said: str = ""  # for espeak-ng to say
    voice: str = "en-us"
    recording: str = ""  # or a file under RECORDINGS: WAV, or raw 16 kHz 16-bit mono


# Questions and plain remarks of 1.5 to 5 s, as people put them to an assistant. A short run takes the first two.
CLIPS = [
    Clip("capital", said="What is the capital of France?"),
    Clip("dashwood", recording=f"{LIBRIVOX}-0880.wav"),
    Clip("week", said="How many days are there in a week, and which one comes first?", voice="en-gb"),
    Clip("forward", recording="goforward.raw"),
    Clip("fruits", said="Can you please name three kinds of fruit that grow on trees?"),
    Clip("amiable", recording=f"{LIBRIVOX}-0930.wav"),
]


def make_clips(folder: pathlib.Path, count: int) -> tuple[list[pathlib.Path], list[str]]:
    """The first `count` clips that can be had, as WAV files in `folder`, and a sentence for each that cannot."""
    made, missing = [], []
    for clip in CLIPS:
        if len(made) == count:
            break
        try:
            made.append(make(clip, folder / f"{clip.name}.wav"))
        except Skipped as reason:
            missing.append(f"clip {clip.name}: {reason}")
    return made, missing


def make(clip: Clip, path: pathlib.Path) -> pathlib.Path:
    if clip.said:
        return speak(clip, path)
    source = RECORDINGS / clip.recording
    if not source.is_file():
        raise Skipped("the package pocketsphinx-testdata is not installed")
    if source.suffix == ".wav":
        shutil.copyfile(source, path)
        return path
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(source.read_bytes())
    return path


def speak(clip: Clip, path: pathlib.Path) -> pathlib.Path:
    if not shutil.which("espeak-ng"):
        raise Skipped("espeak-ng is not installed")
    answer = subprocess.run(["espeak-ng", "-v", clip.voice, "-s", "150", "-w", path, clip.said], capture_output=True, text=True)
    if answer.returncode != 0:
        raise Failed(f"espeak-ng failed: {answer.stderr.strip()}")
    return path
