"""Whether a port is free, and who has it."""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .settings import MeshError, Port

# Ports that nobody else gets who needs any: the system gives its own (from 32768 on, on Linux) to every connection that is made,
# the tests in Rust choose from 10000 on, and a mesh has none of these unless it is told to. Their first says whose a block is.
BLOCKS = range(7_000, 8_000, 20)


def check_free(ports: dict[str, Port]) -> None:
    """Says all that is wrong at once, before a build is waited for."""
    taken = []
    for name, port in ports.items():
        if problem := why_not(port.number):
            taken.append(f"port {port.number} ({name}) {problem}: {port.variable} moves it")
    if taken:
        example = next(port for port in ports.values() if why_not(port.number))
        raise MeshError("\n       ".join([
            *taken,
            "stop what has it (`deploy/just down` there, if it is another mesh), or choose another port, for example",
            f"    {example.variable}={free_port()} deploy/just up",
        ]))


def why_not(port: int) -> str | None:
    with socket.socket() as probe:
        # Connections that are still closing must not count; on some systems another listener then does not either.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                return "is for root alone"
            return f"is taken by {owner(port) or 'a process of another user'}"
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return f"is taken by {owner(port) or 'a process of another user'}"
    return None


def free_port() -> int:
    """One that is still free when a mesh is started on it, or started again, and that this process has not got before."""
    return next(_own_ports)


def _ports_of_our_own() -> Iterator[int]:
    for first in random.sample(BLOCKS, len(BLOCKS)):
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", first))
        except OSError:
            guard.close()
            continue
        _guards.append(guard)
        yield from (port for port in range(first + 1, first + BLOCKS.step) if why_not(port) is None)
    raise MeshError(f"no port from {BLOCKS.start} to {BLOCKS.stop - 1} is free")


# As long as this process runs nobody else who asks here gets ports of the same blocks.
_guards: list[socket.socket] = []
_own_ports = _ports_of_our_own()


def owner(port: int) -> str | None:
    return owner_by_proc(port) if Path("/proc/net/tcp").exists() else owner_by_lsof(port)


def owner_by_proc(port: int) -> str | None:
    sockets = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            listening, local_port = fields[3] == "0A", int(fields[1].rpartition(":")[2], 16)
            if listening and local_port == port:
                sockets.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(descriptor) in sockets for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # it ended meanwhile, or belongs to another user
    return None


def owner_by_lsof(port: int) -> str | None:
    if not shutil.which("lsof"):
        return None
    listed = subprocess.run(["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"], capture_output=True, text=True)
    fields = {line[0]: line[1:] for line in listed.stdout.splitlines() if line}
    return f"{fields['c']} (pid {fields['p']})" if {"p", "c"} <= fields.keys() else None
