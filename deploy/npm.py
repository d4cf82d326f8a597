"""Installs what a package.json depends on, exactly as its package-lock.json says, once for each lockfile."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path


class NpmError(Exception):
    """What went wrong, and what to do next."""


def install(folder: Path, node: Path) -> None:
    """Fills `folder`/node_modules."""
    installed = folder / "node_modules" / ".made-of"
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text() == digest:
            return
        done = subprocess.run([*command(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                              env=environment(node), stdout=sys.stderr)
        if done.returncode:
            raise NpmError(f"npm could not install what {folder / 'package.json'} depends on (its reason is above): check "
                           "the network and npm's settings, then run this again")
        installed.write_text(digest)


def command(node: Path) -> list[str]:
    """The npm of this Node.js."""
    # The wheel's npm is a script beside its Node.js; a machine's own is on the PATH.
    script = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)] if script.exists() else [shutil.which("npm") or "npm"]


def environment(node: Path) -> dict[str, str]:
    """In which npm and what it starts find this Node.js."""
    return {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
