"""Idle sessions: how many one process holds, and what each costs."""
import asyncio
import base64
import os
import struct
from urllib.parse import urlsplit

from .bench import Bench
from .figures import Failed, Outcome, Skipped
from .live import serve_command
from .machine import raise_file_limit
from .processes import memory_kib, serving

AT_FIRST = 8  # sessions before anything is counted
AT_ONCE = 64  # handshakes in flight
HANDSHAKE_LIMIT_S = 10
SPARE_FILES = 100  # what a process has open besides its sessions
PING, PONG, CLOSE = 0x9, 0xA, 0x8


class IdleSession:
    """A WebSocket client that says nothing and answers pings."""

    def __init__(self) -> None:
        self.writer: asyncio.StreamWriter | None = None
        self.greeted, self.answered = asyncio.Event(), asyncio.Event()
        self.listening: asyncio.Task | None = None

    async def open(self, host: str, port: int) -> None:
        """Returns when the server has sent the session's first event."""
        reader, self.writer = await asyncio.open_connection(host, port, limit=2**16)
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write(f"GET /v1/realtime?native=1 HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                          f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                          "Authorization: Bearer none\r\n\r\n".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if " 101 " not in answer.split("\r\n", 1)[0]:
            raise Failed(f"the server answered an upgrade with {answer.splitlines()[0]}")
        self.listening = asyncio.create_task(self.listen(reader))
        await self.greeted.wait()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                first, length = await reader.readexactly(2)
                if length == 126:
                    length = struct.unpack("!H", await reader.readexactly(2))[0]
                elif length == 127:
                    length = struct.unpack("!Q", await reader.readexactly(8))[0]
                payload = await reader.readexactly(length)
                kind = first & 0x0F
                if kind == PING:
                    self.send(PONG, payload)
                elif kind == PONG:
                    self.answered.set()
                elif kind == CLOSE:
                    return
                else:
                    self.greeted.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the server closed; the session counts as lost, since it answers no ping

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Payloads of control frames are 125 bytes at most; the mask is zero, which leaves them as they are."""
        self.writer.write(bytes([0x80 | kind, 0x80 | len(payload), 0, 0, 0, 0]) + payload)

    async def is_alive(self) -> bool:
        self.answered.clear()
        try:
            self.send(PING)
            await asyncio.wait_for(self.answered.wait(), HANDSHAKE_LIMIT_S)
        except (TimeoutError, ConnectionError):
            return False
        return True

    def close(self) -> None:
        if self.listening:
            self.listening.cancel()
        if self.writer:
            self.writer.close()


async def hold(url: str, count: int, pid: int) -> dict:
    """Opens `count` sessions, asks each whether it is still there, and reads the server's memory with none of
    them, half of them, all of them."""
    address = urlsplit(url)
    gate = asyncio.Semaphore(AT_ONCE)
    sessions, reasons = [], []

    async def open_one() -> None:
        session = IdleSession()
        async with gate:
            try:
                await asyncio.wait_for(session.open(address.hostname, address.port), HANDSHAKE_LIMIT_S)
                sessions.append(session)
            except (OSError, TimeoutError, Failed, asyncio.IncompleteReadError) as reason:
                session.close()
                reasons.append(str(reason) or type(reason).__name__)

    readings = [{"sessions": 0} | memory_kib(pid)]
    try:
        for part in (count // 2, count - count // 2):
            await asyncio.gather(*(open_one() for _ in range(part)))
            alive = sum(await asyncio.gather(*(session.is_alive() for session in sessions)))
            readings.append({"sessions": alive} | memory_kib(pid))
    finally:
        for session in sessions:
            session.close()
    return {"asked": count, "held": alive, "memory": readings, "reason": reasons[0] if reasons else ""}


def memory_each(readings: list[dict], kind: str) -> float:
    """KiB a session, counted from no sessions and from half of them, whichever is more: the first ones may fit into
    memory that the server had used for something else and kept."""
    last = readings[-1]
    return max((last[kind] - one[kind]) / (last["sessions"] - one["sessions"])
               for one in readings[:-1] if one["sessions"] < last["sessions"])


def measure_idle(bench: Bench) -> list[Outcome]:
    """The figures idle_sessions and idle_memory. The server has taken and lost a few sessions before, so that what is
    counted is what a session costs and not what the first one brings about."""
    count = 2000 if bench.quick else 5000
    if raise_file_limit() < count + SPARE_FILES:
        raise Skipped(f"{count + SPARE_FILES} open files are needed and a process may have {raise_file_limit()} here; see ulimit -n")
    found = []
    for _ in range(1 if bench.quick else 2):
        with serving(serve_command(bench), bench.folder / "idle-server.log") as (server, url):
            asyncio.run(hold(url, AT_FIRST, server.pid))
            found.append(asyncio.run(hold(url, count, server.pid)))
        bench.say(f"{found[-1]['held']} of {count} idle sessions held")
    return outcomes_of(found)


def outcomes_of(found: list[dict]) -> list[Outcome]:
    if reason := next((run["reason"] or "none answered a ping" for run in found if not run["held"]), None):
        raise Failed(f"no session could be held: {reason}")
    notes = [f"{found[0]['asked']} were asked for"]
    notes += [f"{run['held']} held; first refusal: {run['reason'] or 'none, but some answered no ping'}"
              for run in found if run["held"] < run["asked"]]
    each = {kind: [memory_each(run["memory"], kind) for run in found] for kind in ("VmRSS", "RssAnon")}
    return [Outcome("idle_sessions", samples=[run["held"] for run in found], beside={"runs": found}, notes=notes),
            Outcome("idle_memory", samples=each["VmRSS"], beside=each,
                    notes=[f"private memory alone {max(each['RssAnon']):.1f} KiB", "without what the kernel holds for sockets"])]
