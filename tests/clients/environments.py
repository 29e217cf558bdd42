"""Each client's own environment: a virtual one of Python, or a folder of Node packages; made once, of what its lock names."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

LOCKS = Path(__file__).parent / "locks"
DESCRIPTION = ("requirement", "instead_of_dependencies", "built_with", "variables")
"""What in clients.toml says how an environment is made."""
INSTALL_SECONDS = 600.0
UNREACHABLE = re.compile(
    r"Retrying \(|NewConnectionError|Network is unreachable|npm (?:error|ERR!) code "
    r"(?:E(?:NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|HOSTUNREACH|IDLETIMEOUT)|ERR_SOCKET_TIMEOUT"
    r"|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER_CERT(?:_LOCALLY)?|VERIFY_LEAF_SIGNATURE))"
)
"""How pip and npm tell of a registry that they cannot reach or do not trust; all else is a fault of what is pinned here."""


class FailedError(Exception):
    """This client has failed; the text says how."""


class SkippedError(Exception):
    """This client cannot run here; the text says why."""


class UnreachableError(SkippedError):
    """There is no package registry to install this client from."""


def is_node(client: dict[str, Any]) -> bool:
    """Whether a client is a package of Node's; else it is one of Python's."""
    return bool(client.get("language") == "node")


def pin_of(client: dict[str, Any]) -> str:
    """What a lock says of a client of Python's: there names are written in one way."""
    return str(client["requirement"]).lower().replace("_", "-")


def lock_of(client: dict[str, Any]) -> Path:
    """Where the lock of a client's environment lies; two clients of one package share both."""
    if is_node(client):
        name, _, _ = client["requirement"].rpartition("@")
        return LOCKS / f"{name.strip('@').replace('/', '-')}.json"
    return LOCKS / f"{pin_of(client).partition('==')[0]}.txt"


def is_locked(client: dict[str, Any]) -> bool:
    """Whether its lock holds a client itself, in the version that is pinned."""
    lock = lock_of(client)
    if not lock.exists():
        return False
    if is_node(client):
        name, _, version = client["requirement"].rpartition("@")
        packages = json.loads(lock.read_text())["packages"]
        held = (packages[""]["dependencies"].get(name), packages[f"node_modules/{name}"]["version"])
        return bool(held == (version, version))
    return pin_of(client) in lock.read_text().splitlines()


def folder_of(client: dict[str, Any]) -> Path:
    """Where a client's environment lies: elsewhere whenever what it is made of has changed."""
    package = client["requirement"].replace("==", "-").replace("@", "-").strip("-")
    made_of = json.dumps([client.get(key) for key in DESCRIPTION]).encode()
    digest = hashlib.sha256(made_of + lock_of(client).read_bytes()).hexdigest()
    return (
        Path(user_cache_dir("ticktroupe")) / "clients" / f"{package.replace('/', '-')}-{digest[:8]}"
    )


def environment(
    name: str, client: dict[str, Any], *, may_install: bool = True
) -> tuple[str, dict[str, str]]:
    """The interpreter for a script in a client's own environment, which is made when it is not there, and its variables.

    Raises SkippedError where it cannot be had, FailedError where what is pinned cannot be installed.
    """
    if not is_locked(client):
        remedy = f"`bin/test --clients --lock --only {name}` makes one"
        raise FailedError(f"it has no lock of this version: {remedy}")
    folder = folder_of(client)
    made = folder / "made"
    if is_node(client):
        interpreter = shutil.which("node")
        if interpreter is None or shutil.which("npm") is None:
            raise SkippedError("node and npm are not installed")
    else:
        interpreter = find_python(client.get("python", ""))
    if not made.exists():
        if not may_install:
            raise UnreachableError("no package registry can be reached")
        sys.stderr.write(f"{name}: making its environment\n")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if is_node(client):
            (folder / "package.json").write_text(node_package(client))
            shutil.copy(lock_of(client), folder / "package-lock.json")
            install(["npm", "ci", "--prefix", str(folder)])
        else:
            make_virtual(interpreter, folder, client)
        made.touch()
    if is_node(client):
        return interpreter, {"NODE_PATH": str(folder / "node_modules")}
    return str(folder / "bin/python"), {}


def node_package(client: dict[str, Any]) -> str:
    """The package.json of an environment, which says what its lock is for."""
    name, _, version = client["requirement"].rpartition("@")
    described = {
        "name": lock_of(client).stem,  # else npm names it for the folder it lies in
        "private": True,
        "dependencies": {name: version},
    }
    return json.dumps(described, indent=2) + "\n"


def make_virtual(interpreter: str, folder: Path, client: dict[str, Any]) -> None:
    """Makes a virtual environment with a client in it; one that is compiled needs what compiles it."""
    if client.get("is_compiled", False):
        require_compiler(interpreter)
    install([interpreter, "-m", "venv", str(folder)])
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "-c", str(lock_of(client))]
    if "built_with" in client:
        # What pip fetches by itself for a build is held by these constraints in some of pip's versions alone.
        install([*pip, *client["built_with"]])
        pip.append("--no-build-isolation")
    if "instead_of_dependencies" in client:
        install([*pip, *client["instead_of_dependencies"]])
        pip.append("--no-deps")
    install([*pip, client["requirement"]], client.get("variables"))


def require_compiler(interpreter: str) -> None:
    """Raises SkippedError where modules in C++ cannot be compiled for this interpreter."""
    if shutil.which("c++") is None:
        raise SkippedError(
            "it is compiled when it is installed, and no C++ compiler is on the path"
        )
    ask = "import sysconfig; print(sysconfig.get_path('include'))"
    headers = subprocess.run(
        [interpreter, "-c", ask], capture_output=True, text=True
    ).stdout.strip()
    if not (Path(headers) / "Python.h").exists():
        raise SkippedError(f"it is compiled when it is installed, and {headers} has no Python.h")


def find_python(at_least: str) -> str:
    """An interpreter of this version or a newer one: this one, or one on the path.

    Raises SkippedError.
    """
    if not at_least:
        return sys.executable
    major, minor = (int(part) for part in at_least.split("."))
    if sys.version_info >= (major, minor):
        return sys.executable
    for newer in range(minor, minor + 4):
        found = shutil.which(f"python{major}.{newer}")
        if (
            found is not None
            and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0
        ):
            return found
    raise SkippedError(f"it needs Python {at_least}, and none is on the path")


def install(command: list[str], variables: dict[str, str] | None = None) -> str:
    """Runs an installation, with these environment variables beside those that are; tells what it printed."""
    try:
        done = subprocess.run(
            command,
            timeout=INSTALL_SECONDS,
            capture_output=True,
            text=True,
            env={**os.environ, **(variables or {})},
        )
    except subprocess.TimeoutExpired as error:
        raise SkippedError(f"not installed after {INSTALL_SECONDS:.0f} s") from error
    if done.returncode:
        if (told := UNREACHABLE.search(done.stdout + done.stderr)) is not None:
            raise UnreachableError(f"no package registry can be reached ({told[0]})")
        raise FailedError(f"it cannot be installed: {last_line(done.stderr)}")
    return done.stdout


def last_line(text: str) -> str:
    """The last line of what a program has said, or nothing."""
    return (text.strip().splitlines() or [""])[-1]
