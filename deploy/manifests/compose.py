"""deploy/compose.yaml."""

from __future__ import annotations

import json
from importlib.metadata import distribution

import jsonschema
import yaml

from .checks import DEPLOY, PROCESSES, Process

# Does one thing once: it needs neither limits nor a health check.
ONCE = {"nats-volumes"}


def load() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def binary(service: dict) -> str | None:
    target = service.get("build", {}).get("target")
    return target if target in PROCESSES else None


def processes() -> list[Process]:
    found = []
    for name, service in load()["services"].items():
        if process := binary(service):
            files = [f"/run/secrets/{secret}" for secret in service["secrets"]]
            environment = {key: str(value) for key, value in service["environment"].items()}
            found.append(Process(f"compose {name}", process, environment, files))
    return found


def problems() -> list[str]:
    composed = load()
    # The schema of the compose specification, as that wheel ships it. Its program is not installed.
    wheel = distribution("check-jsonschema")
    schema = json.loads(wheel.read_text("../check_jsonschema/builtin_schemas/vendor/compose-spec.json"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    found = [f"compose: {error.json_path}: {error.message}" for error in validator.iter_errors(composed)]
    for kind in ("configs", "secrets"):
        used = {entry if isinstance(entry, str) else entry["source"]
                for service in composed["services"].values() for entry in service.get(kind, [])}
        found += [f"compose: {kind}: {name} is not declared" for name in used - composed[kind].keys()]
        found += [f"compose: {kind}: nobody uses {name}" for name in composed[kind].keys() - used]
    found += [f"compose: {entry['file']} is not there" for entry in composed["configs"].values()
              if not (DEPLOY / entry["file"]).is_file()]
    for name, service in composed["services"].items():
        found += [f"compose: {name}: {problem}" for problem in hardening(name, service)]
        if binary(service):
            found += [f"compose: {name}: {problem}" for problem in ours(name, service)]
    return found


def hardening(name: str, service: dict) -> list[str]:
    found = []
    if service.get("read_only") is not True:
        found.append("its root can be written")
    if service.get("cap_drop") != ["ALL"]:
        found.append("it keeps capabilities")
    if name not in ONCE:
        if "limits" not in service.get("deploy", {}).get("resources", {}):
            found.append("it has no limits")
        if not binary(service) and "healthcheck" not in service:
            found.append("nobody knows its health")
    return found


def ours(name: str, service: dict) -> list[str]:
    found = []
    limit = float(service["environment"]["SHUTDOWN_LIMIT"])
    if float(service["stop_grace_period"].removesuffix("s")) < limit + 2:
        found.append("it is killed before SHUTDOWN_LIMIT is over")
    if name != "sandbox" and service["deploy"]["replicas"] < 2:
        found.append("there is only one")
    waiting = [entry["condition"] for entry in service["depends_on"].values()]
    if set(waiting) != {"service_healthy"}:
        found.append("it does not wait until what it needs is healthy")
    return found
