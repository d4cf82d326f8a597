"""Ports, places and the environment of each binary."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent.parent
# Everything that a mesh writes. MESH_FOLDER lets a second one run beside the first, given ports of its own.
MESH = Path(os.environ.get("MESH_FOLDER") or ROOT / ".mesh").absolute()
DATA = MESH / "data"
STREAMS = MESH / "nats"
KEYS = MESH / "keys"
CERTS = MESH / "certs"
STATE = MESH / "mesh.json"

# Whoever is called comes before its callers.
SERVICES = ("user-svc", "counseling-svc", "payment-svc")
BINARIES = (*SERVICES, "gateway")
# Of the broker: one a process, one for the console in the gateway, and one for people.
NATS_USERS = (*BINARIES, "console", "operator")


class MeshError(Exception):
    """What went wrong, and what to do next."""


@dataclass(frozen=True)
class Port:
    number: int
    variable: str


def metrics_of(binary: str) -> str:
    """The name, among the ports, of where a process serves its metrics and how it is."""
    return f"{binary} metrics"


# What listens, the variable that moves it, and where it is otherwise.
PORTS = (
    ("gateway", "GATEWAY_PORT", 8080),
    ("user-svc", "USER_SVC_PORT", 50051),
    ("counseling-svc", "COUNSELING_SVC_PORT", 50052),
    ("payment-svc", "PAYMENT_SVC_PORT", 50053),
    ("payment sandbox", "SANDBOX_PORT", 8090),
    ("nats-server", "NATS_PORT", 4222),
    ("NATS monitoring", "NATS_MONITOR_PORT", 8222),
    *((metrics_of(binary), f"{variable}_METRICS_PORT", default) for binary, variable, default in (
        ("gateway", "GATEWAY", 9464),
        ("user-svc", "USER_SVC", 9465),
        ("counseling-svc", "COUNSELING_SVC", 9466),
        ("payment-svc", "PAYMENT_SVC", 9467),
    )),
)


def ports_from_environment() -> dict[str, Port]:
    ports: dict[str, Port] = {}
    for name, variable, default in PORTS:
        text = os.environ.get(variable) or str(default)
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
            raise MeshError(f"{variable} is {text!r}: set it to a port number from 1 to 65535, or unset it")
        for other, port in ports.items():
            if port.number == int(text):
                raise MeshError(f"{variable} gives {name} port {text}, which {other} has: "
                                f"set {variable} or {port.variable} to another port")
        ports[name] = Port(int(text), variable)
    return ports


@dataclass(frozen=True)
class State:
    """What other terminals need to know of a running mesh."""

    pid: int
    binaries: str
    ports: dict[str, int]

    @staticmethod
    def load() -> State | None:
        try:
            return State(**json.loads(STATE.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self) -> None:
        scratch = STATE.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(self), indent=2) + "\n")
        scratch.replace(STATE)

    def url(self, name: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.ports[name]}"


def environment(binary: str, state: State, listen_port: int, colour: bool) -> dict[str, str]:
    """The user's environment, with what joins a binary to this mesh."""
    values = {
        **os.environ,
        "LOG_FORMAT": os.environ.get("LOG_FORMAT", "pretty"),
        "NATS_URL": state.url("nats-server", "nats"),
        "NATS_USER": binary,
        "NATS_PASSWORD_FILE": str(nats_password_file(binary)),
        "LISTEN_ADDR": f"127.0.0.1:{listen_port}",
        # A further instance takes a free port, which its log names.
        "METRICS_ADDR": f"127.0.0.1:{state.ports[metrics_of(binary)] if listen_port else 0}",
    }
    # The binaries write into a pipe, so they cannot see for themselves whether a person reads along.
    values.update({"CLICOLOR_FORCE": "1"} if colour else {"NO_COLOR": "1"})
    if (CERTS / "ca.pem").exists():
        values.update(MESH_TLS_CA=str(CERTS / "ca.pem"), MESH_TLS_CERT=str(CERTS / f"{binary}.pem"),
                      MESH_TLS_KEY=str(CERTS / f"{binary}-key.pem"))
    if binary == "gateway":
        values.setdefault("IMAGE_FOLDER", str(MESH / "images"))
        values.update(SESSION_KEY_FILE=str(KEYS / "session.key"), DEVELOPMENT="true",
                      MESH_SIGNING_KEY_FILE=str(KEYS / "mesh-signing.pem"),
                      CONSOLE_NATS_USER="console", CONSOLE_NATS_PASSWORD_FILE=str(nats_password_file("console")))
    else:
        values.update(MESH_VERIFYING_KEYS_FILE=str(KEYS / "mesh-verifying.pem"),
                      DATABASE_URL=f"sqlite://{quote(str(DATA / binary))}.db?mode=rwc")
    if binary == "payment-svc":
        values.update(DEVELOPMENT="true", SANDBOX_KEY_FILE=str(KEYS / "sandbox.key"),
                      SANDBOX_NOTICE_SECRET_FILE=str(KEYS / "sandbox-notices.key"))
        sandbox = state.url("payment sandbox")
        if listen_port:
            values.update(SANDBOX_ADDR=sandbox.removeprefix("http://"), SANDBOX_JOURNAL=str(DATA / "sandbox.jsonl"),
                          SANDBOX_NOTICE_URL=state.url("gateway") + "/v1/payments/notices/sandbox")
        else:
            # A further instance, or a question: the sandbox runs in the first one.
            values.update(SANDBOX_URL=sandbox)
    return values


def nats_password_file(user: str) -> Path:
    return KEYS / f"nats-{user}.password"


def nats_passwords() -> dict[str, str]:
    """The variables from which nats-server takes the passwords of its users."""
    return {f"NATS_{user.replace('-', '_').upper()}_PASSWORD": nats_password_file(user).read_text()
            for user in NATS_USERS}


def ensure_secret(place: Path, value: str) -> None:
    if not place.exists():
        scratch = place.with_name(f".{place.name}.{os.getpid()}")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(value)
        scratch.replace(place)


def ensure_keys(binaries: Path) -> None:
    """Development keys, made once: tokens given out yesterday stay good until `reset`."""
    KEYS.mkdir(parents=True, exist_ok=True)
    for key in ("session.key", "sandbox.key", "sandbox-notices.key"):
        ensure_secret(KEYS / key, secrets.token_urlsafe(32))
    for user in NATS_USERS:
        # With a letter first, or nats-server takes it for a number.
        ensure_secret(nats_password_file(user), f"p{secrets.token_hex(24)}")
    signing, verifying = KEYS / "mesh-signing.pem", KEYS / "mesh-verifying.pem"
    if not (signing.exists() and verifying.exists()):
        # Half a pair is of no use.
        signing.unlink(missing_ok=True)
        made = subprocess.run([binaries / "gateway", "make-mesh-keys", signing, verifying])
        if made.returncode:
            raise MeshError(f"no keys in {KEYS} (the reason is above): correct that, then run this again")


def binaries_folder(release: bool) -> Path:
    if not shutil.which("cargo"):
        raise MeshError("cargo is missing: install Rust, then run this again")
    asked = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"],
                           cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if asked.returncode:
        raise MeshError("cargo cannot read the workspace (its reason is above): correct that, then run this again")
    return Path(json.loads(asked.stdout)["target_directory"]) / ("release" if release else "debug")


def readiness(body: str) -> tuple[str, list[str]]:
    """The status in what /readyz answers, and its reasons."""
    try:
        told = json.loads(body)
        return str(told["status"]), [str(reason) for reason in told["reasons"]]
    except (ValueError, KeyError, TypeError):
        return "unknown", [body.strip()]


def says_ready(body: str) -> bool:
    return readiness(body)[0] == "ready"


def get(url: str) -> tuple[int, str] | None:
    """Status and body, or nothing when nobody answers. Never through a proxy."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(host, timeout=1)
    try:
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
