"""The table and the JSON."""
import json
import pathlib
import textwrap

from .arithmetic import Spread
from .figures import BY_NAME, Outcome

WIDTH = 100


def number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def row_of(outcome: Outcome) -> tuple[str, str, str, str, str]:
    figure = BY_NAME[outcome.name]
    if outcome.value is None:
        return outcome.name, str(figure.goal), "-", "", "skipped" if outcome.skipped else "FAILED"
    spread = ""
    if len(outcome.samples) > 1:
        found = Spread.of(outcome.samples)
        spread = f"{number(found.least)} .. {number(found.most)} ({found.count})"
    return (outcome.name, str(figure.goal), f"{number(outcome.value)} {figure.goal.unit}".strip(), spread,
            "reached" if outcome.reached else "missed")


def table(outcomes: list[Outcome]) -> str:
    heading = ("figure", "goal", "measured", "min .. max (n)", "")
    rows = [heading, *map(row_of, outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heading))]
    lines = []
    for row, outcome in zip(rows, [None, *outcomes]):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if outcome is None:
            lines.append("  ".join("-" * width for width in widths).rstrip())
            continue
        remarks = [BY_NAME[outcome.name].meaning, *outcome.notes, outcome.skipped or "", outcome.failed or ""]
        lines += textwrap.wrap("; ".join(filter(None, remarks)), WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def machine_lines(machine: dict, versions: dict) -> str:
    load = " ".join(f"{value:.2f}" for value in machine["load_before"])
    lines = [f"machine   {machine['cpu']}, {machine['cores']} cores of which {len(machine['cores_used'])} are used,"
             f" {machine['memory_gib']} GiB, Linux {machine['kernel']}",
             f"versions  {', '.join(f'{name} {version}' for name, version in versions.items() if version)}",
             f"load      {load} (1, 5, 15 minutes) before the run"]
    if machine["load_before"][0] > 0.25 * len(machine["cores_used"]):
        lines.append("          something else was running: expect noise, and read the spread")
        lines.append("          the peer, whose threads spin, suffers most: ratios to it look better than they are")
    if machine["niceness"] > 0:
        lines.append(f"          the bench ran with niceness {machine['niceness']}: anything else went first")
    return "\n".join(lines)


def as_json(outcomes: list[Outcome], machine: dict, versions: dict, settings: dict) -> str:
    return json.dumps({"machine": machine, "versions": versions, "settings": settings,
                       "figures": [outcome.as_json() for outcome in outcomes]}, indent=1)


def write_json(text: str, path: pathlib.Path) -> None:
    """Complete or not at all: a script that waits for it must not read half."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text + "\n")
    unfinished.rename(path)
