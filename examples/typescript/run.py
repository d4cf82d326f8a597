#!/usr/bin/env python3
"""Runs a script of package.json with the Node.js of the machine, or the pinned one: `python3 examples/typescript/run.py smoke`.

What it depends on is installed first, exactly as package-lock.json says, once for each lockfile.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "deploy"))

import npm  # noqa: E402
import tools  # noqa: E402


def main(arguments: list[str]) -> int:
    try:
        node = tools.path("node")
        npm.install(HERE, node)
    except (tools.ToolError, npm.NpmError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return subprocess.run([*npm.command(node), "run", "--silent", *arguments], cwd=HERE,
                          env=npm.environment(node)).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
