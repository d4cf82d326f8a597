#!/usr/bin/env python3
"""Rehearses deploy/compose.yaml where there is no engine: the broker's cluster, PostgreSQL and every replica as processes on
this machine, with the environment, secrets and configuration files that containers get. Addresses alone are others: each
replica has one of the loopback network. Then somebody talks and buys, and all is stopped as an engine would.

Needs Linux, openssl and psql, and the binaries of target/debug (`cargo build --workspace --bins`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import tools  # noqa: E402
from localmesh import ports  # noqa: E402
from localmesh.person import Person, require, settle  # noqa: E402
from localmesh.settings import ROOT, SERVICES, MeshError, binaries_folder, get  # noqa: E402

NODES = ("nats-1", "nats-2", "nats-3")
PATIENCE = 60
# stop_grace_period
GRACE = 12
NOBODY = 65534


class Rehearsal:
    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self.binaries = folder, binaries
        self.secrets = folder / "secrets"
        self.processes: dict[str, subprocess.Popen] = {}
        self.monitors: dict[str, int] = {}

    def start(self, name: str, command: list, env: dict[str, str], **more: object) -> None:
        with open(self.folder / f"{name}.log", "w") as log:
            self.processes[name] = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, **more)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-2000:]

    def broker(self) -> str:
        """Three nodes; the answer is NATS_URL."""
        server = tools.path("nats-server")
        clients, routes = [{node: ports.free_port() for node in NODES} for _ in range(2)]
        self.monitors = {node: ports.free_port() for node in NODES}
        for node in NODES:
            home = self.folder / node
            home.mkdir()
            shutil.copy(self.secrets / "nats-users.conf", home / "users.conf")
            text = (HERE / "nats.conf").read_text().replace("/run/secrets", str(self.secrets)).replace('"/data"', f'"{home}/data"')
            for everywhere, port in (("0.0.0.0:4222", clients), ("0.0.0.0:8222", self.monitors), ("0.0.0.0:6222", routes)):
                require(everywhere in text, f"nats.conf does not listen on {everywhere}")
                text = text.replace(everywhere, f"127.0.0.1:{port[node]}")
            for other in NODES:
                text = text.replace(f"tls://{other}:6222", f"tls://localhost:{routes[other]}")
            (home / "nats.conf").write_text(text)
            self.start(node, [server, "--config", home / "nats.conf"], {**os.environ, "NATS_NAME": node})
        for node, monitor in self.monitors.items():
            self.wait(lambda: get(f"http://127.0.0.1:{monitor}/healthz") == (200, '{"status":"ok"}'), node)
        return ",".join(f"tls://localhost:{clients[node]}" for node in NODES)

    def database(self) -> int:
        """PostgreSQL, with the databases that the image's script makes; the answer is its port."""
        programs, port = tools.path("postgres"), ports.free_port()
        home = self.folder / "postgres"
        home.mkdir()
        password = self.folder / "postgres.password"
        shutil.copy(self.secrets / "postgres.password", password)
        # PostgreSQL does not run as root.
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if other:
            os.chown(home, NOBODY, NOBODY)
            password.chmod(0o644)
        subprocess.run([programs / "initdb", "--username=postgres", "--auth-host=scram-sha-256", "--auth-local=trust",
                        f"--pwfile={password}", "--no-sync", "--pgdata", home / "data"], check=True, cwd=home,
                       stdout=subprocess.DEVNULL, **other)
        self.start("postgres", [programs / "postgres", "-D", home / "data", "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1",
                                "-c", f"unix_socket_directories={home}", "-c", "fsync=off"], {**os.environ}, cwd=home, **other)
        script = (HERE / "postgres-init.sh").read_text().replace("/run/secrets", str(self.secrets))
        env = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGPASSWORD": password.read_text()}
        ask = ["psql", "--username", "postgres", "--command", "SELECT 1"]
        self.wait(lambda: subprocess.run(ask, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0,
                  "postgres")
        subprocess.run(["sh", "-c", script], env=env, check=True, stdout=subprocess.DEVNULL)
        for service in SERVICES:
            url = self.secrets / f"{service}-database.url"
            url.write_text(url.read_text().replace("@postgres:5432", f"@127.0.0.1:{port}"))
        return port

    def replicas(self, nats_url: str) -> dict[str, dict[str, str]]:
        """What each replica is started with."""
        told = subprocess.run([sys.executable, ROOT / "deploy" / "manifests.py", "environments"], check=True,
                              stdout=subprocess.PIPE, text=True)
        composed = [process for process in json.loads(told.stdout) if process["where"].startswith("compose ")]
        found: dict[str, dict[str, str]] = {}
        for process in composed:
            service = process["where"].removeprefix("compose ")
            for number in range(1, 2 if service == "sandbox" else 3):
                found[f"{service}-{number}"] = {**process["environment"], "": process["name"]}
        address = {name: f"127.0.1.{number}" for number, name in enumerate(found, start=1)}
        for name, environment in found.items():
            for variable, value in environment.items():
                for old, new in (("0.0.0.0", address[name]), ("sandbox.localhost", address["sandbox-1"]),
                                 ("edge:8080", f"{address['gateway-1']}:8080"), ("/run/secrets", str(self.secrets)),
                                 ("/var/lib/hearlers", str(self.folder / "data"))):
                    value = value.replace(old, new)
                environment[variable] = value
            environment["NATS_URL"] = nats_url
        return found

    def run(self) -> None:
        subprocess.run(["sh", HERE / "secrets.sh", self.secrets], check=True, stdout=subprocess.DEVNULL)
        (self.folder / "data").mkdir()
        self.database()
        replicas = self.replicas(self.broker())
        # As depends_on says: the gateways once the services are well.
        for names in ([name for name in replicas if not name.startswith("gateway")],
                      [name for name in replicas if name.startswith("gateway")]):
            for name in names:
                environment = dict(replicas[name])
                self.start(name, [self.binaries / environment.pop("")], {"PATH": os.environ["PATH"], **environment})
            for name in names:
                self.wait(lambda: self.is_well(name, replicas[name]), name)
        self.use(replicas)
        self.stop([name for name in replicas if name.startswith("gateway")])
        self.stop([name for name in replicas if not name.startswith("gateway")])

    def is_well(self, name: str, environment: dict[str, str]) -> bool:
        """The image's HEALTHCHECK."""
        check = [self.binaries / environment[""], "healthcheck"]
        return subprocess.run(check, env={"METRICS_ADDR": environment["METRICS_ADDR"]}, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def use(self, replicas: dict[str, dict[str, str]]) -> None:
        first, second = (f"http://{replicas[name]['LISTEN_ADDR']}" for name in ("gateway-1", "gateway-2"))
        for url in (first, second):
            settle(lambda: '"status":"ready"' in (get(f"{url}/readyz") or (0, ""))[1], f"{url} does not become ready")
        person = Person(first)
        person.say("요즘 회사 일 때문에 잠을 잘 못 자요.")
        person.buy()
        settle(lambda: person.tokens()["purchased"] == 100, "the purchase has not come through")
        # The other gateway knows the same.
        heard, person.url = person.heard(), second
        require(person.heard() == heard and len(heard) >= 3, "the gateways tell different stories")
        told = json.loads(get(f"http://127.0.0.1:{self.monitors['nats-1']}/jsz?streams=1&config=1")[1])
        streams = [stream for account in told["account_details"] for stream in account["stream_detail"]]
        once = [stream["name"] for stream in streams if stream["config"]["num_replicas"] != 3]
        require(len(streams) >= 5 and not once, f"not kept three times: {once} of {len(streams)} streams")

    def stop(self, names: list[str]) -> None:
        for name in names:
            self.processes[name].terminate()
        for name in names:
            try:
                code = self.processes[name].wait(GRACE)
            except subprocess.TimeoutExpired:
                raise MeshError(f"{name} does not end within stop_grace_period:\n{self.log(name)}") from None
            require(code == 0, f"{name} ended with {code}:\n{self.log(name)}")

    def wait(self, condition: object, name: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                raise MeshError(f"{name} is not well:\n{self.log(name)}")
            time.sleep(0.1)

    def end(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(OSError):
                process.kill()
            process.wait()


def main() -> int:
    missing = [program for program in ("openssl", "psql") if not shutil.which(program)]
    if sys.platform != "linux" or missing:
        print(f"skipped: this needs Linux, openssl and psql; missing: {', '.join(missing) or 'Linux'}")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="mesh-compose-"))
    folder.chmod(0o755)
    rehearsal = Rehearsal(folder, binaries_folder(release=False))
    try:
        rehearsal.run()
    except (MeshError, tools.ToolError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        rehearsal.end()
        shutil.rmtree(folder, ignore_errors=True)
    print("every replica of compose.yaml starts, works with the others and ends in time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
