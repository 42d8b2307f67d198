"""Says on a stream what is being done, by file and bytes; a long file about twice a second."""
import time

SECONDS_BETWEEN_LINES = 0.5


class Progress:
    def __init__(self, stream=None):
        self.stream, self.file, self.done, self.total, self.spoke = stream, "", 0, 0, 0.0

    def say(self, sentence):
        if self.stream is not None:
            print(sentence, file=self.stream, flush=True)
        self.spoke = time.monotonic()

    def start(self, file, total):
        self.file, self.done, self.total = file, 0, total
        self.say(f"{file}: {megabytes(total)}")

    def advance(self, count):
        self.done += count
        if self.done < self.total and time.monotonic() - self.spoke > SECONDS_BETWEEN_LINES:
            self.say(f"{self.file}: {megabytes(self.done)} of {megabytes(self.total)}")


def megabytes(count):
    return f"{count / 1e6:.1f} MB"
