"""What is known of our processes, and what holds wherever they run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
PROCESSES = ("gateway", "user-svc", "counseling-svc", "payment-svc")
# Read by the log, not by the configuration.
ELSEWHERE = {"RUST_LOG"}


@dataclass
class Process:
    """One of ours, as it is started somewhere."""

    where: str
    name: str
    environment: dict[str, str] = field(default_factory=dict)
    # Its files: where they are in the container.
    files: list[str] = field(default_factory=list)


def reference() -> dict[str, tuple[str, set[str]]]:
    """The variables in docs/configuration.md: the kind of each, and who reads it."""
    known: dict[str, tuple[str, set[str]]] = {}
    readers: set[str] = set()
    for line in (DEPLOY.parent / "docs" / "configuration.md").read_text().splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
            readers = set(PROCESSES) if title == "Every process" else set(re.split(r", | and ", title))
        elif row := re.match(r"\| `([A-Z0-9_]+)` \| ([^|]+) \|", line):
            known[row[1]] = (row[2].strip(), readers)
    return known


def variables(processes: list[Process]) -> list[str]:
    """Variables that nobody reads, and secrets that are not files."""
    known = reference()
    problems = []
    for process in processes:
        at = f"{process.where}: {process.name}"
        for name, value in process.environment.items():
            plain = name.removesuffix("_FILE")
            kind, _ = known.get(plain, ("", set()))
            is_file = name.endswith("_FILE") and kind == "secret"
            if name in ELSEWHERE or name == "POD_IP":
                continue
            if plain not in known or (plain != name and not is_file):
                problems.append(f"{at}: {name} is not in docs/configuration.md")
            elif kind == "secret" and not is_file:
                problems.append(f"{at}: {name} is a secret in the environment: give {name}_FILE")
            elif (is_file or value.startswith("/run/secrets/")) and value not in process.files:
                problems.append(f"{at}: {name} names {value}, which is not mounted")
    return problems
