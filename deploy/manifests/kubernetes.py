"""The overlays in deploy/kubernetes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import kubernetes_validate
import yaml

from .checks import DEPLOY, PROCESSES, Process

OVERLAYS = ("dev", "production")
VERSION = "1.37"
# Seconds that a pod has at least, beside what it takes to end.
GRACE = 5


def rendered(overlay: str) -> Path:
    return DEPLOY / "kubernetes" / "rendered" / f"{overlay}.yaml"


def render(kubectl: str, overlay: str) -> str:
    done = subprocess.run([kubectl, "kustomize", f"kubernetes/overlays/{overlay}"], cwd=DEPLOY,
                          stdout=subprocess.PIPE, text=True, check=True)
    return f"# Made by `python3 deploy/manifests.py render` from overlays/{overlay}.\n{done.stdout}"


def documents(text: str) -> list[dict]:
    return [document for document in yaml.safe_load_all(text) if document]


def deployments(text: str) -> dict[str, dict]:
    return {document["metadata"]["name"]: document["spec"]["template"]["spec"] for document in documents(text)
            if document["kind"] == "Deployment"}


def processes(overlay: str, text: str) -> list[Process]:
    maps = {document["metadata"]["name"]: document["data"] for document in documents(text)
            if document["kind"] == "ConfigMap"}
    found = []
    for name, pod in deployments(text).items():
        container = pod["containers"][0]
        environment = {}
        for source in container.get("envFrom", []):
            environment.update(maps[source["configMapRef"]["name"]])
        for entry in container["env"]:
            # A value that comes from elsewhere is there; its text does not matter here.
            value = entry.get("value", "10.0.0.1")
            environment[entry["name"]] = value.replace("$(POD_IP)", "10.0.0.1")
        mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
        files = [value for value in environment.values() if any(value.startswith(f"{path}/") for path in mounted)]
        found.append(Process(f"kubernetes {overlay}", name, environment, files))
    return found


def problems(overlay: str, text: str) -> list[str]:
    found = []
    for document in documents(text):
        at = f"kubernetes {overlay}: {document['kind']} {document['metadata']['name']}"
        try:
            kubernetes_validate.validate(document, VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{at}: {error.message}")
    if sorted(deployments(text)) != sorted(PROCESSES):
        found.append(f"kubernetes {overlay}: the deployments are not our processes")
    for name, pod in deployments(text).items():
        found += [f"kubernetes {overlay}: {name}: {problem}" for problem in pod_problems(pod)]
    kept = rendered(overlay).read_text() if rendered(overlay).is_file() else ""
    # Not letter by letter: other versions of kubectl write the same otherwise.
    if documents(kept) != documents(text):
        found.append(f"kubernetes {overlay}: rendered/{overlay}.yaml is not current: run "
                     "`python3 deploy/manifests.py render`, and look at what differs")
    return found


def pod_problems(pod: dict) -> list[str]:
    container, found = pod["containers"][0], []
    values = {entry["name"]: entry.get("value") for entry in container["env"]}
    asleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if pod["terminationGracePeriodSeconds"] < asleep + float(values["SHUTDOWN_LIMIT"]) + GRACE:
        found.append("it is killed before preStop and SHUTDOWN_LIMIT are over")
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        if container[probe]["httpGet"] != {"path": path, "port": "metrics"}:
            found.append(f"its {probe} does not ask {path} at METRICS_ADDR")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    if not values["METRICS_ADDR"].endswith(f":{ports['metrics']}"):
        found.append("METRICS_ADDR is not the port of its probes")
    if not values["LISTEN_ADDR"].endswith(f":{ports.get('grpc', ports.get('http'))}"):
        found.append("LISTEN_ADDR is not its port")
    security = container["securityContext"]
    if not (pod["securityContext"]["runAsNonRoot"] and security["readOnlyRootFilesystem"]
            and security["capabilities"]["drop"] == ["ALL"] and not security["allowPrivilegeEscalation"]):
        found.append("it may do more than it needs")
    return found
