#!/usr/bin/env python3
"""Rehearses a disaster: a mesh of its own, a conversation and a purchase, a backup while people go on talking, the end of
that mesh, and a restore into an empty one. Ends with 1 when anything that was there at the backup is not there again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from localmesh import ports
from localmesh.person import Person, require, settle
from localmesh.processes import Watchdog
from localmesh.settings import PORTS, ROOT, MeshError, get, says_ready
from tools import ToolError

READY_PATIENCE = 300
STOP_PATIENCE = 40


class Mesh:
    """A mesh of its own: its folder, on ports that are free."""

    def __init__(self, folder: Path) -> None:
        free = {variable: ports.free_port() for _, variable, _ in PORTS}
        self.url = f"http://127.0.0.1:{free['GATEWAY_PORT']}"
        self.log = folder.with_suffix(".log")
        self._env = {**os.environ, "MESH_FOLDER": str(folder), "NO_COLOR": "1",
                     **{variable: str(port) for variable, port in free.items()}}

    def do(self, *words: str) -> str:
        """Runs `deploy/mesh.py` on it."""
        done = subprocess.run([sys.executable, ROOT / "deploy" / "mesh.py", *words], env=self._env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise MeshError(f"mesh.py {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        watchdog = Watchdog()
        with open(self.log, "w") as output:
            process = subprocess.Popen([sys.executable, ROOT / "deploy" / "mesh.py", "up"], env=self._env,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        watchdog.watch(process.pid)
        try:
            deadline = time.monotonic() + READY_PATIENCE
            while (answer := get(f"{self.url}/readyz")) is None or not says_ready(answer[1]):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise MeshError(f"the mesh does not start; its log ends with\n{self.log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_PATIENCE)
            watchdog.close()


def rehearse(folder: Path) -> None:
    first, second = Mesh(folder / "first"), Mesh(folder / "second")
    with first.running():
        person = Person(first.url)
        person.say("요즘 회사 일 때문에 잠을 잘 못 자요.")
        order = person.buy()
        # It comes by an event.
        settle(lambda: person.tokens()["purchased"] == 100, "the purchase has not come through")
        before = person.heard()
        ended = threading.Event()
        others = threading.Thread(target=talk_until, args=(first.url, ended))
        others.start()
        try:
            first.do("backup", str(folder / "backup"))
        finally:
            ended.set()
            others.join()
    shutil.rmtree(folder / "first")

    second.do("restore", str(folder / "backup"))
    with second.running():
        person.url = second.url
        require(person.heard() == before, "the conversation is another one")
        require(person.ask("GET", order)["order"]["state"] == "ORDER_STATE_PAID", "the order is not paid")
        require(person.tokens()["purchased"] == 100, "the tokens that were bought are gone, or there twice")
        balance = second.do("ledger")
        require("KRW" in balance and not unbalanced(balance), f"the ledger does not balance:\n{balance}")
        found = json.loads(second.do("ctl", "--json", "events", "find", "--stream", "PAYMENTS"))
        paid = [event for event in found["events"] if event["subject"].startswith("payments.order.paid.")]
        # What was published while the backup was made is published again, and is no second event.
        require(len(paid) == 1, f"the stream holds the payment {len(paid)} times")
        letters = json.loads(second.do("ctl", "--json", "dlq", "list"))
        require(not letters, f"what came again could not be applied: {letters}")
        person.say("다시 만나서 반가워요.")
        settle(lambda: len(person.heard()) == len(before) + 2, "nobody answers")
    print("everything that was there at the backup is there again")


def talk_until(url: str, ended: threading.Event) -> None:
    """Other people, who go on while the backup is made."""
    while not ended.is_set():
        other = Person(url)
        other.say("안녕하세요.")


def unbalanced(balance: str) -> list[list[str]]:
    """Units whose debits and credits differ, in what `payment-svc ledger` prints."""
    return [line for line in map(str.split, balance.splitlines()) if line[1:2] == ["sum"] and line[-1] != "0"]


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="mesh-rehearsal-"))
    try:
        rehearse(folder)
    except (MeshError, ToolError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
