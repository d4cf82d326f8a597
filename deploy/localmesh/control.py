"""What is done from another terminal: `down`, `reset`, `status`, `instance`, `admin`.

Who runs is known by locks and not by process ids, which may by now belong to
something else: the supervisor holds a lock on mesh.pid for as long as it lives, and
so does every further instance on its file in instances/.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from .settings import (BINARIES, CERTS, DATA, KEYS, MESH, STATE, STREAMS, MeshError, State, environment, get,
                       metrics_of, nats_password_file, readiness)

PID_FILE = MESH / "mesh.pid"
INSTANCES = MESH / "instances"

# The supervisor gives each of its three stages ten seconds.
PATIENCE = 40
INSTANCE_PATIENCE = 10


def claim(place: Path) -> int | None:
    """Puts this process's id into the file and keeps it locked. None when somebody has it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
    # `status` holds a lock too, for a moment, while it looks who has one.
    deadline = time.monotonic() + 0.2
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(0.01)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def holder(place: Path) -> int | None:
    """Who has the file locked. A file that nobody locks is left over from a crash."""
    try:
        with open(place) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def down() -> int:
    stopped = stop_supervisor()
    stopped |= stop_instances()
    print("stopped" if stopped else "no mesh is running")
    return 0


def reset() -> int:
    stop_supervisor()
    stop_instances()
    if not MESH.exists():
        print("there is nothing to delete")
        return 0
    lock = claim(PID_FILE)
    if lock is None:
        raise MeshError("another mesh has started meanwhile: run `deploy/just reset` again")
    # What the mesh wrote, and nothing else: MESH_FOLDER may name a folder with other things in it.
    for place in (DATA, STREAMS, KEYS, CERTS, INSTANCES):
        shutil.rmtree(place, ignore_errors=True)
    for place in (STATE, PID_FILE):
        place.unlink(missing_ok=True)
    os.close(lock)
    with contextlib.suppress(OSError):
        MESH.rmdir()
    print(f"emptied {MESH}: the next `deploy/just up` starts with empty databases, no streams and new keys")
    return 0


def stop_supervisor() -> bool:
    pid = holder(PID_FILE)
    if pid is None:
        return False
    print(f"stopping the mesh (pid {pid})", flush=True)
    send(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while holder(PID_FILE) == pid:
        if time.monotonic() > deadline:
            raise MeshError(f"the mesh (pid {pid}) is still running after {PATIENCE} s: see what its terminal says, "
                            f"or end it with `kill -9 {pid}`, which ends its services too")
        time.sleep(0.05)
    return True


def stop_instances() -> bool:
    """Ends the further instances, which are nobody's children, as they would end on Ctrl-C."""
    files = list(INSTANCES.glob("*")) if INSTANCES.exists() else []
    running = {file: pid for file in files if (pid := holder(file))}
    for pid in running.values():
        send(pid, signal.SIGTERM)
    deadline = time.monotonic() + INSTANCE_PATIENCE
    for file, pid in running.items():
        while holder(file) == pid and time.monotonic() < deadline:
            time.sleep(0.05)
        if holder(file) == pid:
            print(f"{file.name} did not stop within {INSTANCE_PATIENCE} s: killed", file=sys.stderr)
            send(pid, signal.SIGKILL)
    for file in files:
        file.unlink(missing_ok=True)
    return bool(running)


def send(pid: int, signal_number: int) -> None:
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise MeshError(f"the mesh (pid {pid}) is run by another user: stop it as that user") from None


def running_mesh() -> State:
    state = State.load()
    pid = holder(PID_FILE)
    if pid is None:
        raise MeshError("no mesh is running: start one with `deploy/just up`")
    if state is None or state.pid != pid:
        raise MeshError("the mesh is still being built: try again when `deploy/just up` says that it is ready")
    return state


def status() -> int:
    state = running_mesh()
    print(f"{'mesh':<22} pid {state.pid}")
    probed = {metrics_of(binary) for binary in BINARIES}
    for name, port in state.ports.items():
        said = f"  {health_at(port)}" if name in probed else ""
        print(f"{name:<22} 127.0.0.1:{port}{said}")
    for file in sorted(INSTANCES.glob("*")) if INSTANCES.exists() else ():
        if pid := holder(file):
            print(f"{'one more':<22} {file.name.rpartition('.')[0]} (pid {pid})")
    said = health_at(state.ports["gateway"])
    print(f"{said}; `deploy/just ctl status` says more")
    return 0 if said == "ready" else 1


def health_at(port: int) -> str:
    """What /readyz says there, in a line."""
    answer = get(f"http://127.0.0.1:{port}/readyz")
    if not answer:
        return "does not answer"
    status, reasons = readiness(answer[1])
    return f"{status}: {', '.join(reasons)}" if reasons else status


def instance(service: str) -> int:
    state = running_mesh()
    binary = Path(state.binaries) / service
    if not binary.exists():
        raise MeshError(f"{binary} is missing: stop the mesh and start it again, which builds it")
    place = INSTANCES / f"{service}.{os.getpid()}"
    lock = claim(place)
    if lock is None:
        raise MeshError(f"{place} is locked by another process: run this again")
    # The lock has to outlive this program, which becomes the service below.
    os.set_inheritable(lock, True)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(f"one more {service} joins the mesh; Ctrl-C stops it", flush=True)
    os.execve(binary, [service], environment(service, state, 0, colour))


def admin(user: str) -> int:
    """Gives a user of the running mesh admin authority."""
    return ask("gateway", "grant-admin", user)


def ask(binary: str, *words: str) -> int:
    """Runs a command of a binary as a part of the running mesh."""
    state = running_mesh()
    return subprocess.run([Path(state.binaries) / binary, *words], env=environment(binary, state, 0, False)).returncode


def ctl(words: list[str]) -> int:
    """Becomes meshctl, as the user of the broker that people are."""
    state = running_mesh()
    binary = Path(state.binaries) / "meshctl"
    if not binary.exists():
        raise MeshError(f"{binary} is missing: stop the mesh and start it again, which builds it")
    env = {**os.environ, "NATS_URL": state.url("nats-server", "nats"), "NATS_USER": "operator",
           "NATS_PASSWORD_FILE": str(nats_password_file("operator"))}
    # One that the shell has is for another broker.
    env.pop("NATS_PASSWORD", None)
    os.execve(binary, ["meshctl", *words], env)


@contextlib.contextmanager
def only_supervisor():
    """Holds mesh.pid for as long as the mesh runs."""
    lock = claim(PID_FILE)
    if lock is None:
        raise MeshError(f"the mesh is already running (pid {holder(PID_FILE)}): stop it with `deploy/just down`, "
                        "or add to it with `deploy/just instance SERVICE`")
    try:
        yield
    finally:
        STATE.unlink(missing_ok=True)
        os.close(lock)
