#!/usr/bin/env python3
"""Runs a script of package.json with the Node.js of the machine, or the pinned one: `python3 examples/typescript/run.py smoke`.

What it depends on is installed first, exactly as package-lock.json says, once for each lockfile.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "deploy"))

import tools  # noqa: E402


def main(arguments: list[str]) -> int:
    try:
        node = tools.path("node")
    except tools.ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    # The wheel's npm is a script beside its Node.js; a machine's own is on the PATH.
    script = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = [str(node), str(script)] if script.exists() else [shutil.which("npm") or "npm"]
    env = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    with open(HERE / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if code := install(npm, env):
            return code
    return subprocess.run([*npm, "run", "--silent", *arguments], cwd=HERE, env=env).returncode


def install(npm: list[str], env: dict[str, str]) -> int:
    installed = HERE / "node_modules" / ".made-of"
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if installed.exists() and installed.read_text() == digest:
        return 0
    done = subprocess.run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, env=env, stdout=sys.stderr)
    if done.returncode == 0:
        installed.write_text(digest)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
