"""Children, their log, and the watchdog that outlives the supervisor."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from queue import SimpleQueue

from .settings import ROOT

COLOURS = {"mesh": 1, "gateway": 36, "user-svc": 32, "counseling-svc": 35, "payment-svc": 33, "nats-server": 34}
WIDTH = max(map(len, COLOURS))

# Reads "+pid" and "-pid". Its input ends when the supervisor does, however that ended:
# what is then still running would hold the ports and the databases with nobody to stop it.
WATCHDOG = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class StopRequested(Exception):
    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number


class Exited(Exception):
    def __init__(self, child: Child) -> None:
        self.child = child


class Log:
    """One log for all: each line with the name of who wrote it."""

    def __init__(self, events: SimpleQueue) -> None:
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._events = events
        self._turn = threading.Lock()
        self._readable = True

    def line(self, name: str, text: str) -> None:
        label = f"{name:<{WIDTH}} |"
        self.write(f"{self.paint(label, COLOURS[name])} {text}\n")

    def paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour else text

    def write(self, text: str) -> None:
        with self._turn:
            if not self._readable:
                return
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except OSError:
                # The reader went away. Nobody can stop this mesh from there any more.
                self._readable = False
                sys.stdout = open(os.devnull, "w")
                self._events.put(StopRequested(signal.SIGHUP))


class Watchdog:
    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", WATCHDOG], stdin=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         text=True, start_new_session=True)

    def watch(self, pid: int) -> None:
        self._tell(f"+{pid}")

    def forget(self, pid: int) -> None:
        self._tell(f"-{pid}")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(f"{text}\n")
            self._process.stdin.flush()


class Child:
    """A process of the mesh. It puts `Exited` among the events when it ends."""

    def __init__(self, name: str, command: list[str | Path], env: dict[str, str], log: Log,
                 watchdog: Watchdog, events: SimpleQueue) -> None:
        self.name = name
        self.last_lines: deque[str] = deque(maxlen=20)
        # A session of its own: Ctrl-C reaches the supervisor alone, which stops the mesh in order.
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        watchdog.watch(self.pid)
        reader = threading.Thread(target=self._read, args=(log,), daemon=True)
        reader.start()
        threading.Thread(target=self._wait, args=(reader, watchdog, events), daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def ended_well(self) -> bool:
        return self._process.poll() == 0

    @property
    def ending(self) -> str:
        code = self._process.poll()
        if code is None:
            return "is running"
        return f"exited with code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)

    def _read(self, log: Log) -> None:
        for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.last_lines.append(line)
            log.line(self.name, line)

    def _wait(self, reader: threading.Thread, watchdog: Watchdog, events: SimpleQueue) -> None:
        self._process.wait()
        watchdog.forget(self.pid)
        # Its last words come before the news of its end.
        reader.join(timeout=1)
        events.put(Exited(self))
