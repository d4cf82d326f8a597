"""`backup` and `restore`: everything that a mesh on this machine keeps, taken while it runs.

Streams come first and databases after them, so that no database lacks what a consumer has acknowledged. What was published in
between is in the databases alone: a restore marks it as not published, the relays publish it again, and whoever has applied
it already knows its id. Of the databases those of callers come first, so that what they were told by others is there, such as a
token that was held for a message.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import tools

from . import control, ports
from .jetstream import JetStream
from .settings import (CERTS, DATA, KEYS, MESH, ROOT, SERVICES, STREAMS, MeshError, get, nats_password_file,
                       nats_passwords)

# Who is there now is not who was there then.
PASSING = {"KV_mesh"}
NATS_PATIENCE = 15


def backup(folder: Path) -> int:
    state = control.running_mesh()
    if folder.exists():
        raise MeshError(f"{folder} is there already: name a new folder")
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}")
    # Keys are in it, and what people said.
    scratch.mkdir(parents=True, mode=0o700)
    try:
        (scratch / "began").write_text(f"{time.time_ns() // 1000}\n")
        with contextlib.closing(JetStream(state.ports["nats-server"], nats_password_file("operator").read_text())) as broker:
            for stream in broker.streams():
                if stream not in PASSING:
                    broker.save(stream, scratch / "streams" / stream)
        (scratch / "data").mkdir()
        for service in reversed(SERVICES):
            with contextlib.closing(sqlite3.connect(DATA / f"{service}.db", timeout=10)) as database:
                database.execute("VACUUM INTO ?", [str(scratch / "data" / f"{service}.db")])
        for place in (DATA / "sandbox.jsonl",):
            if place.exists():
                shutil.copy2(place, scratch / "data")
        for place in (KEYS, CERTS, MESH / "images"):
            if place.exists():
                shutil.copytree(place, scratch / place.name)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{folder} holds the databases, streams, images and keys; `deploy/just restore {folder}` brings them back")
    return 0


def restore(folder: Path) -> int:
    if not (folder / "began").exists():
        raise MeshError(f"{folder} is no backup: `deploy/just backup FOLDER` makes one")
    with control.only_supervisor():
        for place in (DATA, STREAMS, KEYS):
            if place.exists() and any(place.iterdir()):
                raise MeshError(f"{place} is not empty: `deploy/just reset` deletes what is there, or MESH_FOLDER names "
                                "another place")
        for name in ("data", "keys", "certs", "images"):
            if (folder / name).exists():
                shutil.copytree(folder / name, MESH / name, dirs_exist_ok=True)
        began = int((folder / "began").read_text())
        for service in SERVICES:
            with contextlib.closing(sqlite3.connect(DATA / f"{service}.db")) as database, database:
                database.execute("UPDATE outbox SET published_at = NULL WHERE published_at >= ?", [began])
        STREAMS.mkdir(parents=True, exist_ok=True)
        with nats_server() as broker:
            for stream in sorted((folder / "streams").iterdir()):
                broker.load(stream.name, stream)
    print(f"restored into {MESH}: `deploy/just up` runs it")
    return 0


@contextlib.contextmanager
def nats_server() -> Iterator[JetStream]:
    """A server on the mesh's streams that nobody else knows of."""
    port, monitor = ports.free_port(), ports.free_port()
    server = subprocess.Popen(
        [tools.path("nats-server"), "--config", ROOT / "deploy" / "nats" / "local.conf", "--port", str(port),
         "--http_port", str(monitor), "--store_dir", STREAMS],
        env={**os.environ, **nats_passwords()}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + NATS_PATIENCE
        while not (answer := get(f"http://127.0.0.1:{monitor}/healthz")) or answer[0] != 200:
            if server.poll() is not None or time.monotonic() > deadline:
                raise MeshError("nats-server does not start: run `deploy/just up` to see why")
            time.sleep(0.05)
        with contextlib.closing(JetStream(port, nats_password_file("operator").read_text())) as broker:
            yield broker
    finally:
        server.terminate()
        server.wait()
