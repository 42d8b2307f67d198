"""What the figures were measured on: they mean nothing without it."""
import os
import pathlib
import platform
import re
import resource
import subprocess


def keep_to_cores(count: int) -> list[int]:
    """Binds the bench, and so all that it starts, to the first `count` cores it may use."""
    cores = sorted(os.sched_getaffinity(0))[:count]
    os.sched_setaffinity(0, cores)
    return cores


def raise_file_limit() -> int:
    """Open files, and so sockets, that the bench and each program it starts may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def describe(cores: list[int]) -> dict:
    cpu = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {"cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(), "cores_used": cores,
            "memory_gib": round(int(memory.group(1)) / 2**20, 1), "kernel": platform.release(),
            "niceness": os.nice(0), "load_before": [round(load, 2) for load in os.getloadavg()]}


def first_line_of(command: list) -> str | None:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.strip().splitlines()
    return lines[0] if answer.returncode == 0 and lines else None
