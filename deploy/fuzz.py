#!/usr/bin/env python3
"""Fuzzes the REST API by its OpenAPI document, as a guest and as an admin, for at most three minutes.

It starts a mesh of its own on free ports, with its data in a temporary folder, and uses a
running one instead when --url names it. Every request is made by schemathesis from the
document, with ids that the API has told; every answer has to be one that the document
describes, and none may be a 5xx.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

from fuzzing.api import Api, ApiError
from fuzzing.mesh import Target, own_mesh, running_mesh
from fuzzing.pool import Pool, crawl, populate
from localmesh.settings import KEYS, ROOT, MeshError
import tools

HERE = ROOT / "deploy" / "fuzzing"
REPORTS = ROOT / "target" / "fuzz-api"

# Of which the two runs have what the start of the mesh leaves.
LIMIT_SECONDS = 170
# What schemathesis may need to say what it found once its time is over.
WORDS_SECONDS = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy/just fuzz-api", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a running gateway, e.g. http://127.0.0.1:8080, in place of a mesh of its own")
    parser.add_argument("--session-key", type=Path, default=KEYS / "session.key", metavar="FILE",
                        help="the SESSION_KEY of that gateway, to sign an admin's token with (default: of `just up`)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="repeats a run")
    parser.add_argument("--seconds", type=int, default=75, help="for each of the two runs (default: 75)")
    asked = parser.parse_args()
    if not 5 <= asked.seconds <= 75:
        parser.error("--seconds must be from 5 to 75")

    sys.stdout.reconfigure(line_buffering=True, errors="replace")
    try:
        schemathesis = tools.path("schemathesis")
        shutil.rmtree(REPORTS, ignore_errors=True)
        REPORTS.mkdir(parents=True)
        target = running_mesh(asked.url, asked.session_key) if asked.url else own_mesh(REPORTS / "mesh.log")
        with target as mesh:
            return fuzz(mesh, schemathesis, asked.seed, asked.seconds)
    except (MeshError, ApiError, tools.ToolError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def fuzz(mesh: Target, schemathesis: Path, seed: int, seconds: int) -> int:
    began = time.monotonic()
    api = Api(mesh.url)
    document = api.document()
    roles = {"guest": api.guest(), "admin": mesh.admin(api)}
    found = []
    for role, caller in roles.items():
        populate(caller)
        pool = crawl(document, caller)
        left = min(seconds, int(LIMIT_SECONDS - (time.monotonic() - began)))
        print(f"\n==> {role}: {left} s, seed {seed}, with {pool}")
        if not run(schemathesis, caller, role, pool, seed, left):
            found.append(role)
        tell(statuses_of(role), document)
    if not found:
        print(f"\nnothing found (seed {seed})")
        return 0
    if mesh.log:
        complaints(mesh.log)
    print(f"\nfindings as {' and as '.join(found)}; each is above, with its curl line. To repeat them, in a mesh that "
          f"stays:\n  deploy/just up\n  deploy/just fuzz-api --url http://127.0.0.1:8080 --seed {seed}")
    return 1


def statuses_of(role: str) -> Path:
    return REPORTS / f"{role}-statuses.json"


def run(schemathesis: Path, caller: Api, role: str, pool: Pool, seed: int, seconds: int) -> bool:
    """One run of schemathesis; whether it found nothing."""
    ids, url = REPORTS / f"{role}-ids.json", caller.url
    ids.write_text(json.dumps(pool.records, indent=1))
    command = [schemathesis, "--config-file", HERE / "schemathesis.toml", "run", f"{url}/v3/api-docs", "--url", url,
               "--seed", str(seed), "--max-time", str(seconds), "--no-color"]
    env = {**os.environ, "FUZZ_TOKEN": caller.token, "FUZZ_IDS": str(ids), "FUZZ_STATUSES": str(statuses_of(role)),
           "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "PYTHONUTF8": "1", "COLUMNS": "120",
           "NO_PROXY": "127.0.0.1,localhost"}
    try:
        done = subprocess.run(command, cwd=REPORTS, env=env, timeout=seconds + WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"schemathesis did not end within {seconds + WORDS_SECONDS} s: an answer may be outstanding")
        return False
    return done.returncode == 0


def tell(statuses: Path, document: dict) -> None:
    """What was reached: a run in which every answer is a refusal proves little."""
    if not statuses.exists():
        return
    counted: dict[str, dict[str, int]] = json.loads(statuses.read_text())
    documented = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    total: dict[str, int] = {}
    for of_operation in counted.values():
        for status, count in of_operation.items():
            total[status] = total.get(status, 0) + count
    print("answers: " + ", ".join(f"{status} × {total[status]}" for status in sorted(total)))
    refused = sorted(name for name in documented if not any(status < "400" for status in counted.get(name, {})))
    if refused:
        print("never answered with success: " + ", ".join(refused))


def complaints(log: Path) -> None:
    lines = [line for line in log.read_text(errors="replace").splitlines() if " ERROR " in line]
    if lines:
        print(f"\nthe mesh's log ({log.relative_to(ROOT)}) has {len(lines)} errors, the first of them:")
        print("\n".join(f"  {line}" for line in lines[:20]))


if __name__ == "__main__":
    sys.exit(main())
