#!/usr/bin/env python3
"""Checks what the mesh is deployed with: deploy/compose.yaml and the overlays in deploy/kubernetes.

    python3 deploy/manifests.py check           schemas, variables, secrets, limits and rendered manifests
    python3 deploy/manifests.py render          writes deploy/kubernetes/rendered/ anew
    python3 deploy/manifests.py test            shows that the checks find what is wrong
    python3 deploy/manifests.py environments    what each process is started with, as JSON

Needs Python 3.11; kubectl renders, and the wheels of deploy/manifests/requirements.txt know the schemas. Both are fetched.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tools

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    if arguments not in (["check"], ["render"], ["test"], ["environments"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        python = tools.path("kubernetes-validate").parent / "python"
        kubectl = tools.path("kubectl")
    except tools.ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    command = [python, "-m", "manifests", str(kubectl), *arguments]
    if arguments == ["test"]:
        command = [python, "-m", "manifests.tests"]
    return subprocess.run(command, cwd=ROOT / "deploy").returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
