#!/usr/bin/env python3
"""Fetches what the benchmark's peers need, and prints where it is: Node.js on the first line, Envoy on the second.

Both are the pinned ones, whatever the machine has, so that figures of two machines are of the same programs.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

import npm  # noqa: E402
import tools  # noqa: E402


def main() -> int:
    try:
        node, envoy = tools.pinned("node"), tools.pinned("envoy")
        npm.install(HERE / "fastify", node)
    except (tools.ToolError, npm.NpmError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(node.absolute(), envoy.absolute(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
