#!/usr/bin/env python3
"""Prints what a binary is made of, as CycloneDX JSON: `python3 deploy/sbom.py BINARY`.

cargo-auditable has put the list into the binary's section `.dep-v0`: compressed JSON, as
https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md describes it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path


def crates(binary: Path) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        section = Path(folder) / "section"
        subprocess.run(["objcopy", "--dump-section", f".dep-v0={section}", binary, Path(folder) / "copy"], check=True)
        return json.loads(zlib.decompress(section.read_bytes()))["packages"]


def bom(binary: Path) -> dict:
    packages = crates(binary)
    components = []
    for package in packages:
        component = {"type": "library", "name": package["name"], "version": package["version"],
                     "purl": f"pkg:cargo/{package['name']}@{package['version']}"}
        # What only helps to build is not in the binary.
        component["scope"] = "excluded" if package.get("kind") == "build" else "required"
        components.append(component)
    root = next(package for package in packages if package.get("root"))
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"type": "application", "name": root["name"], "version": root["version"]}},
        "components": [component for component in components if component["name"] != root["name"]],
    }


if __name__ == "__main__":
    print(json.dumps(bom(Path(sys.argv[1])), indent=2))
