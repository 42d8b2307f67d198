"""A server for one test, on a free port of this machine."""
import re
import subprocess
import threading


class Server:
    """Starts `command`, which is to print "listening on http://HOST:PORT", and stops it with SIGTERM."""

    def __init__(self, command, seconds=120):
        self.lines = []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        overdue = threading.Timer(seconds, self.process.kill)
        overdue.start()
        try:
            self.url = self.await_address()
        finally:
            overdue.cancel()
        # what it prints later must not fill the pipe
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def await_address(self):
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"listening on (http://[^\s/]+)", line)
            if found:
                return found[1]
        raise RuntimeError(f"the server ended (exit {self.process.wait()}) before it listened:\n{''.join(self.lines)}")

    @property
    def address(self):
        return self.url.removeprefix("http://")

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.reader.join()
            self.process.stdout.close()
