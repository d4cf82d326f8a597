"""`up`: build, start, watch, stop."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import Empty, SimpleQueue

import tools

from . import control, ports
from .guide import guide
from .processes import Child, Exited, Log, StopRequested, Watchdog
from .settings import (BINARIES, DATA, ROOT, SERVICES, STREAMS, MeshError, State, binaries_folder, ensure_keys,
                       environment, get, nats_passwords, ports_from_environment, says_ready)

NATS_PATIENCE = 15
READY_PATIENCE = 60
STOP_PATIENCE = 10
POLL = 0.05

# One Ctrl-C may arrive twice: from the terminal, and passed on by the program that started this one.
ONE_KEY_PRESS = 0.3


def up(release: bool) -> int:
    on_stop(signal.default_int_handler)
    wanted = ports_from_environment()
    with control.only_supervisor():
        ports.check_free(wanted)
        folder = binaries_folder(release)
        nats_server = tools.path("nats-server")
        build(release)
        missing = [name for name in BINARIES if not (folder / name).exists()]
        if missing:
            raise MeshError(f"the build left no {', '.join(missing)} in {folder}: "
                            "unset CARGO_BUILD_TARGET if it is set, then run this again")
        for place in (DATA, STREAMS):
            place.mkdir(parents=True, exist_ok=True)
        ensure_keys(folder)
        state = State(os.getpid(), str(folder), {name: port.number for name, port in wanted.items()})
        state.save()
        return Supervisor(state, nats_server).run()


def on_stop(handler: Callable) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def build(release: bool) -> None:
    command = ["cargo", "build", "--workspace", "--bins", *(["--release"] if release else [])]
    cargo = subprocess.Popen(command, cwd=ROOT)
    try:
        code = cargo.wait()
    except KeyboardInterrupt:
        cargo.terminate()
        cargo.wait()
        raise
    if code:
        raise MeshError("the build failed (its reason is above): correct the code, then run this again")


class Supervisor:
    def __init__(self, state: State, nats_server: Path) -> None:
        self.state = state
        self.nats_server = nats_server
        self.events: SimpleQueue = SimpleQueue()
        self.log = Log(self.events)
        self.watchdog = Watchdog()
        self.children: dict[str, Child] = {}
        self.stop_asked_at = 0.0

    def run(self) -> int:
        on_stop(self.on_signal)
        code = 1
        try:
            self.start_everything()
            while True:
                self.watch()
        except StopRequested:
            code = 0
        except Exited as exited:
            self.explain(exited.child)
        except MeshError as error:
            self.say(f"error: {error}")
        finally:
            self.stop_everything()
            self.watchdog.close()
        return code

    def on_signal(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        if number != signal.SIGINT or now - self.stop_asked_at > ONE_KEY_PRESS:
            self.events.put(StopRequested(number))
        self.stop_asked_at = now

    def watch(self) -> None:
        try:
            self.next_event(timeout=None)
        except Exited as exited:
            if not (exited.child.ended_well and exited.child.name in BINARIES):
                raise
            # An operator drained it. Whoever runs a mesh for others starts a new instance then, and so does this.
            self.say(f"{exited.child.name} was drained; another one takes its place")
            self.start_binary(exited.child.name)

    def next_event(self, timeout: float | None) -> None:
        try:
            event = self.events.get(timeout=timeout)
        except Empty:
            return
        raise event

    def start_everything(self) -> None:
        started = time.monotonic()
        monitor = self.state.url("NATS monitoring")
        self.start("nats-server", [
            self.nats_server, "--config", ROOT / "deploy" / "nats" / "local.conf",
            "--port", str(self.state.ports["nats-server"]), "--http_port", str(self.state.ports["NATS monitoring"]),
            "--store_dir", STREAMS,
        ], {**os.environ, **nats_passwords()})
        self.wait_for(f"{monitor}/healthz", NATS_PATIENCE, "nats-server is not healthy", lambda _: True)
        for name in BINARIES:
            self.start_binary(name)
        # A gateway without a broker serves, but a mesh that starts has one.
        self.wait_for(self.state.url("gateway") + "/readyz", READY_PATIENCE, "the mesh is not ready", says_ready)
        self.log.write(guide(self.state, time.monotonic() - started))

    def start_binary(self, name: str) -> None:
        env = environment(name, self.state, self.state.ports[name], self.log.colour)
        self.start(name, [Path(self.state.binaries) / name], env)

    def start(self, name: str, command: list, env: dict[str, str]) -> None:
        self.children[name] = Child(name, command, env, self.log, self.watchdog, self.events)

    def wait_for(self, url: str, patience: float, complaint: str, is_enough: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + patience
        while True:
            answer = get(url)
            if answer and answer[0] == 200 and is_enough(answer[1]):
                return
            if time.monotonic() > deadline:
                reason = f"{url} answers {answer[0]} {answer[1].strip()}" if answer else f"{url} does not answer"
                raise MeshError(f"{complaint} after {patience:.0f} s: {reason}. Look in the log above for what is "
                                "missing; `RUST_LOG=debug deploy/just up` says more, `deploy/just reset` starts afresh")
            self.next_event(timeout=POLL)

    def explain(self, child: Child) -> None:
        lines = "\n".join(f"    {line}" for line in child.last_lines) or "    (nothing)"
        self.say(f"error: {child.name} {child.ending}, so the mesh stops. Its last lines:")
        self.log.write(f"{lines}\n")
        self.say("correct what they say and run `deploy/just up` again; `RUST_LOG=debug deploy/just up` says more, and "
                 "`deploy/just reset` deletes data that an older version of the code may have left")

    def stop_everything(self) -> None:
        """Whoever calls stops before who is called: the gateway, the services, then the server they publish to."""
        self.say("stopping; Ctrl-C again kills at once")
        try:
            self.stop(["gateway"])
            self.stop(SERVICES)
            control.stop_instances()
            self.stop(["nats-server"])
            self.say("stopped")
        except KilledAtOnce:
            self.say("killed")

    def stop(self, names: Iterable[str]) -> None:
        leaving = [self.children[name] for name in names if name in self.children]
        for child in leaving:
            child.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        while any(child.alive for child in leaving):
            try:
                self.next_event(timeout=max(0.0, deadline - time.monotonic()))
            except StopRequested as asked:
                if asked.signal_number == signal.SIGINT:
                    self.kill(list(self.children.values()))
                    raise KilledAtOnce from None
            except Exited:
                continue
            if time.monotonic() >= deadline:
                late = [child for child in leaving if child.alive]
                for child in late:
                    self.say(f"{child.name} did not stop within {STOP_PATIENCE} s: killed")
                self.kill(late)

    def kill(self, children: Iterable[Child]) -> None:
        for child in children:
            child.kill()
        while any(child.alive for child in children):
            time.sleep(0.01)

    def say(self, text: str) -> None:
        self.log.line("mesh", text)


class KilledAtOnce(Exception):
    """The second Ctrl-C."""
