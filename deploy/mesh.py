#!/usr/bin/env python3
"""Runs the whole mesh on this machine. Everything it writes is in .mesh/, or in MESH_FOLDER."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from localmesh import backup, control, supervisor
from localmesh.settings import BINARIES, MeshError
from tools import ToolError


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy/mesh.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run NATS, the three services and the gateway until Ctrl-C")
    up.add_argument("--release", action="store_true", help="build and run the optimised binaries")
    commands.add_parser("down", help="stop a mesh that runs in another terminal")
    commands.add_parser("reset", help="stop the mesh and delete its databases, streams and keys")
    commands.add_parser("status", help="say what runs, where, and whether it is ready")
    instance = commands.add_parser("instance", help="add an instance of a service to the running mesh")
    instance.add_argument("service", choices=BINARIES)
    commands.add_parser("ledger", help="print the trial balance of the running mesh's payments")
    commands.add_parser("reconcile", help="compare the running mesh's orders with the providers' records")
    saved = commands.add_parser("backup", help="write all that the running mesh keeps into a new folder")
    saved.add_argument("folder", type=Path)
    restored = commands.add_parser("restore", help="fill an empty mesh that does not run from such a folder")
    restored.add_argument("folder", type=Path)
    admin = commands.add_parser("admin", help="give a user of the running mesh admin authority")
    admin.add_argument("user", help="the user's id, as GET /v1/users/me tells it")
    commands.add_parser("ctl", help="run meshctl on the running mesh, with the words that follow", add_help=False)
    # Options among the words are for meshctl.
    asked, words = parser.parse_known_args()
    if words and asked.command != "ctl":
        parser.error(f"unrecognized arguments: {' '.join(words)}")

    # A log line may hold what the terminal's encoding cannot show.
    sys.stdout.reconfigure(errors="replace")
    sys.stderr.reconfigure(errors="replace")
    try:
        if asked.command == "up":
            return supervisor.up(release=asked.release)
        if asked.command == "ctl":
            return control.ctl(sys.argv[2:])
        if asked.command == "backup":
            return backup.backup(asked.folder.absolute())
        if asked.command == "restore":
            return backup.restore(asked.folder.absolute())
        if asked.command == "instance":
            return control.instance(asked.service)
        if asked.command in ("ledger", "reconcile"):
            return control.ask("payment-svc", asked.command)
        if asked.command == "admin":
            return control.admin(asked.user)
        return {"down": control.down, "reset": control.reset, "status": control.status}[asked.command]()
    except (MeshError, ToolError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
