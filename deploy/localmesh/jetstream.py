"""Snapshots of streams by the JetStream API, over a connection of its own to nats-server.

What is asked and answered: https://docs.nats.io/reference/reference-protocols/nats_api_reference (STREAM.NAMES,
STREAM.SNAPSHOT, STREAM.RESTORE). A snapshot comes in chunks, each of which is acknowledged before more are sent; the way
back is the same the other way round. `nats stream backup` writes and reads the same two files.
"""

from __future__ import annotations

import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from .settings import MeshError

PATIENCE = 30
CHUNK = 128 * 1024


@dataclass
class Message:
    reply: str
    body: bytes


class JetStream:
    """As the user `operator`, who may do everything."""

    def __init__(self, port: int, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._input = self._socket.makefile("rb")
        self._inbox = f"_INBOX.operator.{secrets.token_hex(11)}"
        self._send(b"CONNECT " + json.dumps({
            "verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python",
            "version": "1", "name": "deploy/mesh.py", "user": "operator", "pass": password,
        }).encode() + b"\r\n")
        self._send(f"SUB {self._inbox}.* 1\r\n".encode())

    def close(self) -> None:
        self._input.close()
        self._socket.close()

    def streams(self) -> list[str]:
        names: list[str] = []
        while True:
            page = self.ask("$JS.API.STREAM.NAMES", {"offset": len(names)})
            names += page["streams"] or []
            if not page["streams"] or len(names) >= page["total"]:
                return sorted(names)

    def save(self, stream: str, folder: Path) -> None:
        """Writes the stream, with its consumers and how far they are, into the folder."""
        folder.mkdir(parents=True)
        told = self.ask(f"$JS.API.STREAM.SNAPSHOT.{stream}",
                        {"deliver_subject": f"{self._inbox}.chunk", "chunk_size": CHUNK})
        (folder / "backup.json").write_text(json.dumps({"config": told["config"], "state": told["state"]}))
        with open(folder / "stream.tar.s2", "wb") as file:
            # An empty one is the last.
            while (chunk := self._next()).body:
                file.write(chunk.body)
                if chunk.reply:
                    self._publish(chunk.reply, b"")

    def load(self, stream: str, folder: Path) -> None:
        """Makes the stream of what `save` has written. It must not be there."""
        told = self.ask(f"$JS.API.STREAM.RESTORE.{stream}", json.loads((folder / "backup.json").read_text()))
        with open(folder / "stream.tar.s2", "rb") as file:
            while chunk := file.read(CHUNK):
                self._publish(told["deliver_subject"], chunk, f"{self._inbox}.chunk")
                refuse_error(stream, self._next().body)
        self._publish(told["deliver_subject"], b"", f"{self._inbox}.chunk")
        refuse_error(stream, self._next().body)

    def ask(self, subject: str, question: dict) -> dict:
        self._publish(subject, json.dumps(question).encode(), f"{self._inbox}.answer")
        body = self._next().body
        if not body:
            raise MeshError("nats-server has no JetStream: look in its log for the reason")
        refuse_error(subject, body)
        return json.loads(body)

    def _publish(self, subject: str, body: bytes, reply: str = "") -> None:
        self._send(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def _next(self) -> Message:
        while True:
            line = self._input.readline()
            if not line:
                raise MeshError("nats-server has closed the connection: look in its log for the reason")
            word, *rest = line.decode().split()
            if word == "PING":
                self._send(b"PONG\r\n")
            elif word == "-ERR":
                raise MeshError(f"nats-server says {' '.join(rest)}")
            elif word in ("MSG", "HMSG"):
                # Subject, number of the subscription, perhaps where to answer, perhaps the size of headers, size.
                sizes = [int(rest.pop())] + ([int(rest.pop())] if word == "HMSG" else [0])
                data = self._input.read(sizes[0] + len(b"\r\n"))
                return Message(rest[2] if len(rest) > 2 else "", data[sizes[1]:sizes[0]])


def refuse_error(what: str, body: bytes) -> None:
    error = json.loads(body).get("error") if body else None
    if error:
        raise MeshError(f"{what}: {error.get('description', error)}")
