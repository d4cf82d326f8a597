#!/usr/bin/env python3
"""Makes examples/hearlers.postman_collection.json of examples/openapi.json; Postman, Bruno and Insomnia read it.

    python3 examples/collection.py            writes it
    python3 examples/collection.py --check    ends with 1 when it is not current

A folder a tag, a request an operation, with the examples of the document as bodies and parameters. `base` is where the
gateway is and `token` an access token: "initiate" keeps the one that it gets.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE / "openapi.json"
COLLECTION = HERE / "hearlers.postman_collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
# What a guest gets is what the other requests send.
KEEP_TOKEN = ["pm.collectionVariables.set('token', pm.response.json().data.accessToken);"]


def collection(document: dict) -> dict:
    folders: dict[str, list[dict]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = operation.get("tags", ["other"])[0]
            folders.setdefault(f"{tag} for admins" if path.startswith("/v1/admin/") else tag, []).append(
                request(path, method, operation))
    return {
        "info": {"name": document["info"]["title"], "description": document["info"]["description"], "schema": SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": "base", "value": "http://127.0.0.1:8080"}, {"key": "token", "value": ""}],
        "item": [{"name": name, "item": requests} for name, requests in sorted(folders.items())],
    }


def request(path: str, method: str, operation: dict) -> dict:
    parameters = operation.get("parameters", [])
    of = {place: [parameter for parameter in parameters if parameter["in"] == place] for place in ("path", "query", "header")}
    parts = [re.sub(r"^\{(.*)\}$", r":\1", part) for part in path.strip("/").split("/")]
    headers = [entry(parameter, "key") for parameter in of["header"]]
    made = {
        "name": operation["operationId"],
        "request": {
            "method": method.upper(),
            "description": operation.get("summary", ""),
            "header": headers,
            "url": {
                "raw": "{{base}}/" + "/".join(parts),
                "host": ["{{base}}"],
                "path": parts,
                "variable": [entry(parameter, "key") for parameter in of["path"]],
                # Those that may be left out are there, switched off.
                "query": [{**entry(parameter, "key"), "disabled": not parameter.get("required", False)}
                          for parameter in of["query"]],
            },
        },
    }
    content = operation.get("requestBody", {}).get("content", {})
    if body := content.get("application/json"):
        headers.append({"key": "Content-Type", "value": "application/json"})
        text = json.dumps(body.get("example"), indent=2, ensure_ascii=False)
        made["request"]["body"] = {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    elif content:
        made["request"]["body"] = {"mode": "file"}
    if operation["operationId"] == "initiate":
        made["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": KEEP_TOKEN}}]
    return made


def entry(parameter: dict, key: str) -> dict:
    # A key that is used twice is a repeat, so each sending gets a new one.
    value = "{{$guid}}" if parameter["name"] == "Idempotency-Key" else str(parameter.get("example", ""))
    return {key: parameter["name"], "value": value, "description": parameter.get("description", "")}


def main(arguments: list[str]) -> int:
    text = json.dumps(collection(json.loads(DOCUMENT.read_text())), indent=2, ensure_ascii=False) + "\n"
    if arguments != ["--check"]:
        COLLECTION.write_text(text)
        return 0
    if not COLLECTION.exists() or COLLECTION.read_text() != text:
        print(f"error: {COLLECTION.name} is not current: run `deploy/just api-reference`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
