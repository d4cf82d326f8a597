"""The mesh that is fuzzed: one of its own, or a running one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localmesh import ports
from localmesh.processes import Watchdog
from localmesh.settings import PORTS, ROOT, MeshError, binaries_folder, get, says_ready
from localmesh.supervisor import build

from .api import Api

READY_PATIENCE = 60
STOP_PATIENCE = 40


@dataclass(frozen=True)
class Target:
    """What is fuzzed."""

    url: str
    session_key: str
    # Of a mesh of its own: its log, and user-svc's database.
    log: Path | None = None
    users: Path | None = None

    def admin(self, api: Api) -> Api:
        admin = api.admin(self.session_key)
        if self.users:
            # As it is for real admins, so that message tokens do not run out after seven.
            with contextlib.closing(sqlite3.connect(self.users, timeout=5)) as database, database:
                database.execute("UPDATE auth_users SET authority = 'AUTHORITY_ADMIN' WHERE user_id = ?",
                                 [admin.user_id()])
        return admin


@contextlib.contextmanager
def running_mesh(url: str, session_key: Path) -> Iterator[Target]:
    """A mesh that runs already."""
    try:
        key = session_key.read_text().strip()
    except OSError as error:
        raise MeshError(f"the session key cannot be read ({error}): name the file that holds the gateway's "
                        "SESSION_KEY with --session-key") from None
    yield Target(url.rstrip("/"), key)


@contextlib.contextmanager
def own_mesh(log: Path) -> Iterator[Target]:
    """Starts `deploy/mesh.py up` on free ports and in a temporary folder, and stops it at the end."""
    # Its output belongs on this terminal, not in the mesh's log.
    binaries_folder(release=False)
    build(release=False)
    folder = Path(tempfile.mkdtemp(prefix="mesh-fuzz-"))
    free = {variable: ports.free_port() for _, variable, _ in PORTS}
    env = {**os.environ, "MESH_FOLDER": str(folder), "NO_COLOR": "1",
           **{variable: str(port) for variable, port in free.items()}}
    url = f"http://127.0.0.1:{free['GATEWAY_PORT']}"
    watchdog = Watchdog()
    with open(log, "w") as output:
        mesh = subprocess.Popen([sys.executable, ROOT / "deploy" / "mesh.py", "up"], env=env, stdin=subprocess.DEVNULL,
                                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    watchdog.watch(mesh.pid)
    try:
        wait_until_ready(mesh, url, log)
        yield Target(url, (folder / "keys" / "session.key").read_text(), log, folder / "data" / "user-svc.db")
    finally:
        mesh.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            mesh.wait(STOP_PATIENCE)
        # Kills what is left of it.
        watchdog.close()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(mesh: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_PATIENCE
    while (answer := get(f"{url}/readyz")) is None or not says_ready(answer[1]):
        if mesh.poll() is not None or time.monotonic() > deadline:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise MeshError(f"the mesh did not get ready; the last lines of {log}:\n{last}")
        time.sleep(0.1)
