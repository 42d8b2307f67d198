"""A headless Chromium, driven over the DevTools protocol by a pair of pipes: no port, no driver program, no package.

    with Chromium(microphone="/tmp/spoken.wav") as browser:
        page = browser.open("http://127.0.0.1:8080/")
        page.wait("document.querySelector('#talk')", seconds=5)
        page.press("talk")
"""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


class Failed(AssertionError):
    """The page did not do what was waited for, or threw."""


class Chromium:
    """One browser process with a profile of its own, gone with it. `microphone` is a WAV that is played once."""

    def __init__(self, microphone=None, flags=()):
        program = shutil.which("chromium") or shutil.which("google-chrome")
        if not program:
            raise FileNotFoundError("chromium is not installed: apt-get install chromium")
        self.profile = tempfile.TemporaryDirectory(prefix="parley-chromium-", ignore_cleanup_errors=True)
        command = [program, *FLAGS, *flags, f"--user-data-dir={self.profile.name}", "--remote-debugging-pipe"]
        if microphone:
            command.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
        theirs_in, self.to_browser = os.pipe()
        self.from_browser, theirs_out = os.pipe()
        self.process = run_with_pipes(command + ["about:blank"], theirs_in, theirs_out, self.profile.name)
        self.unread = b""
        self.answers = {}
        self.last_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.call("Browser.close", seconds=5)
            self.process.wait(10)
        except (OSError, Failed, subprocess.TimeoutExpired):
            self.process.kill()  # the whole browser ends with its first process
            self.process.wait()
        finally:
            os.close(self.to_browser)
            os.close(self.from_browser)
            self.profile.cleanup()

    def open(self, url, width=1280, height=800):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        page.size(width, height)
        page.call("Page.enable")
        page.call("Page.navigate", url=url)
        page.wait("document.readyState === 'complete'", seconds=20)
        return page

    def call(self, method, session=None, seconds=30, **params):
        """Sends a command and waits for its result; events that come meanwhile are not kept."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            answer = self.receive(deadline, method)
            if answer.get("id") != self.last_id:
                continue
            if "error" in answer:
                raise Failed(f"{method}: {answer['error']['message']}")
            return answer["result"]

    def receive(self, deadline, awaited):
        while b"\0" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.from_browser], [], [], left)[0]:
                raise Failed(f"Chromium gave no answer to {awaited} in time")
            piece = os.read(self.from_browser, 1 << 20)
            if not piece:
                raise Failed(f"Chromium ended (exit {self.process.wait()}) before it answered {awaited}")
            self.unread += piece
        message, _, self.unread = self.unread.partition(b"\0")
        return json.loads(message)


class Page:
    def __init__(self, browser, session):
        self.browser = browser
        self.session = session

    def call(self, method, **params):
        return self.browser.call(method, session=self.session, **params)

    def evaluate(self, expression):
        """The value of a JavaScript expression (a promise's value is awaited), as if in a click's handler."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True,
                           userGesture=True)
        if "exceptionDetails" in result:
            thrown = result["exceptionDetails"]
            raise Failed(thrown.get("exception", {}).get("description", thrown["text"]))
        return result["result"].get("value")

    def wait(self, expression, seconds, state=None):
        """Waits until the expression is true and returns its value; `state` is shown where it never is."""
        deadline = time.monotonic() + seconds
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                shown = f"; {state} is {json.dumps(self.evaluate(state))}" if state else ""
                raise Failed(f"not true within {seconds} s: {expression}{shown}")
            time.sleep(0.03)

    def press(self, element_id):
        self.evaluate(f"document.getElementById({json.dumps(element_id)}).click()")

    def size(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                  mobile=width < 600)

    def colours(self, scheme):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


def run_with_pipes(command, theirs_in, theirs_out, home):
    """Chromium takes commands from its descriptor 3 and answers on 4."""
    # high numbers, so that neither is overwritten before it has been moved
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (theirs_in, theirs_out)]
    shell = ["bash", "-c", f'exec "$@" 3<&{high[0]} 4>&{high[1]}', "bash"]
    with open(os.path.join(home, "log"), "wb") as log:
        process = subprocess.Popen(shell + command, pass_fds=high, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for fd in (theirs_in, theirs_out, *high):
        os.close(fd)
    return process
