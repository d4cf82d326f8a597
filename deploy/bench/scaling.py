#!/usr/bin/env python3
"""Says how many processes, databases, streams and brokers 10 thousand to 100 million users take, by what an operation was
measured to cost, and how that stands a day, a burst, a lost node and users who are not average. docs/scaling.md says what it
assumes.

    scaling.py              prints the tables
    scaling.py --write      writes them into docs/scaling.md
    scaling.py --check      says whether those there are of these figures; ends with 1 if not

Needs Python 3.11 and nothing else.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from capacity import report
from capacity.figures import Figures, FiguresError

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = ROOT / "docs" / "performance" / "all.json"
PAGE = ROOT / "docs" / "scaling.md"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="deploy/just scaling", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, default=FIGURES, metavar="FILE",
                        help="what `deploy/just bench all` wrote (default: docs/performance/all.json)")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="in place of docs/scaling.md")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="write the tables into the page")
    what.add_argument("--check", action="store_true", help="compare the tables of the page")
    asked = parser.parse_args(arguments)
    try:
        tables = report.text(Figures.load(asked.figures))
        if not (asked.write or asked.check):
            print(tables)
            return 0
        page = asked.page.read_text()
        wanted = report.replaced(page, tables)
    except (FiguresError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if asked.write:
        asked.page.write_text(wanted)
    elif page != wanted:
        print(f"error: the tables of {asked.page} are not of {asked.figures}: `deploy/just scaling --write`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
