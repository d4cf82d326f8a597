"""The values of charts that others make, and what of ours they have to agree with."""

from __future__ import annotations

import yaml

from . import compose
from .checks import DEPLOY
from .kubernetes import documents


def load() -> tuple[dict, dict]:
    folder = DEPLOY / "kubernetes"
    broker = yaml.safe_load((folder / "nats-values.yaml").read_text())
    return broker, yaml.safe_load((folder / "prometheus-adapter.yaml").read_text())


def problems(broker: dict, adapter: dict, production: str) -> list[str]:
    found = []
    image, tag = compose.load()["services"]["nats-1"]["image"], broker["container"]["image"]["tag"]
    if not image.endswith(f":{tag}"):
        found.append(f"nats-values.yaml: the broker is {tag}, in compose {image}")
    # As the chart names the pods of a release `nats`.
    nodes = [f"tls://nats-{node}.nats-headless:4222" for node in range(broker["config"]["cluster"]["replicas"])]
    made = {rule["name"]["as"] for rule in adapter["rules"]["external"]}
    for document in documents(production):
        if document["kind"] == "ConfigMap" and "NATS_URL" in document["data"]:
            if document["data"]["NATS_URL"].split(",") != nodes:
                found.append(f"kubernetes production: NATS_URL is not {','.join(nodes)}, the nodes of nats-values.yaml")
        if document["kind"] == "HorizontalPodAutoscaler":
            asked = {entry["external"]["metric"]["name"] for entry in document["spec"]["metrics"] if "external" in entry}
            found += [f"kubernetes production: {document['metadata']['name']}: prometheus-adapter.yaml does not make {name}"
                      for name in sorted(asked - made)]
    return found
