"""What the benchmark wrote (`deploy/just bench all`), and the costs that follow from it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path


class FiguresError(Exception):
    """The file of figures lacks something, or is none."""


# What the benchmark calls each workload; a file may also have the short name.
WORKLOADS = {
    "read": "GET /v1/users/me",
    "list": "GET 50 messages of a counsel",
    "write": "a message that is answered",
    "sign_in": "POST /v1/auth/initiate",
    "churn": "GET /v1/users/me on a new connection",
    "events": "events that were all there at the beginning",
}
DIRECT = "GetUser called directly"
INSERTED = "one row inserted"


@dataclass(frozen=True)
class Figures:
    """A report of the benchmark."""

    commit: str
    date: str
    cores: int
    rows: list[dict]
    facts: list[dict]

    @classmethod
    def load(cls, path: Path) -> Figures:
        try:
            told = json.loads(path.read_text())
            return cls(told["commit"], told["date"], told["cores"], told["rows"], told["facts"])
        except OSError as error:
            raise FiguresError(f"{path}: {error.strerror}: `deploy/just bench all --out docs/performance` writes it") from None
        except (ValueError, KeyError, TypeError) as error:
            raise FiguresError(f"{path} is not a report of the benchmark: {error!r}") from None

    def of(self, workload: str) -> list[dict]:
        rows = [row for row in self.rows if row["workload"] in (workload, WORKLOADS[workload])]
        if not rows:
            raise FiguresError(f"the figures have no workload {workload!r} ({WORKLOADS[workload]!r})")
        return rows

    def row(self, workload: str, contender: str | None = None) -> dict:
        """A contender's; without a name the first one's, which is what the workload is about."""
        for row in self.of(workload):
            if contender in (None, row["contender"]):
                return row
        raise FiguresError(f"the workload {workload!r} has no contender {contender!r}")

    def fact(self, pattern: str) -> tuple[re.Match, float]:
        """The first whose name the pattern is found in."""
        for fact in self.facts:
            if found := re.search(pattern, fact["name"]):
                return found, fact["value"]
        raise FiguresError(f"the figures have no fact {pattern!r}")


@dataclass(frozen=True)
class Costs:
    """Microseconds of processor time, bytes, and rates."""

    # The gateway's share of a call that asks one service once.
    gateway: float
    read: float
    page: float
    # With all that follows: relay, consumers, understanding.
    message: float
    sign_in: float
    connection: float
    event: float
    feed_bytes: float
    # Events a second that one stream was seen to take.
    stream: float
    # Transactions a second that one SQLite file was seen to commit.
    sqlite: float

    @classmethod
    def of(cls, figures: Figures, commits_of_message: float) -> Costs:
        read = figures.row("read")["cpu"]
        count, full = figures.fact(r"(\d[\d,]*) feeds")
        _, idle = figures.fact(r"\bidle\b")
        rates = {row["contender"]: row["rate"] for row in figures.of("write")}
        return cls(
            # Called directly a service has more connections, which cost it something.
            gateway=max(1.0, read - figures.row("read", DIRECT)["cpu"]),
            read=read,
            page=figures.row("list")["cpu"],
            message=figures.row("write")["cpu"],
            sign_in=figures.row("sign_in")["cpu"],
            connection=max(0.0, figures.row("churn")["cpu"] - read),
            event=figures.row("events")["cpu"],
            feed_bytes=max(0.0, full - idle) * 2**20 / int(count[1].replace(",", "")),
            # Whichever way they were published, the stream took them.
            stream=max(row["rate"] for row in figures.of("events")),
            sqlite=rates.get(INSERTED, figures.row("write")["rate"] * commits_of_message),
        )
