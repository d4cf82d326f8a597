"""Run by deploy/manifests.py, with the wheels that it needs."""

from __future__ import annotations

import json
import sys

from . import charts, checks, compose, kubernetes


def main(kubectl: str, command: str) -> int:
    overlays = {name: kubernetes.render(kubectl, name) for name in kubernetes.OVERLAYS}
    if command == "render":
        for name, text in overlays.items():
            kubernetes.rendered(name).write_text(text)
        return 0
    containers = compose.processes() + [
        process for name, text in overlays.items() for process in kubernetes.processes(name, text)]
    if command == "environments":
        json.dump([vars(process) for process in containers], sys.stdout, indent=2)
        return 0
    problems = compose.problems() + checks.variables(containers)
    for name, text in overlays.items():
        problems += kubernetes.problems(name, text)
    problems += charts.problems(*charts.load(), overlays["production"])
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        print(f"{len(containers)} processes and {len(overlays)} overlays are as they should be")
    return 1 if problems else 0


sys.exit(main(*sys.argv[1:]))
