"""Every environment is made of what its lock names, and its lock names no place."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environments
from tests.clients.environments import FailedError, environment, folder_of, is_locked, lock_of
from tests.clients.locking import OLDEST_PYTHON, make_lock, node_lock

HERE = Path(__file__).parent
CLIENTS: dict[str, dict[str, Any]] = tomllib.loads((HERE / "clients.toml").read_text())
PYTHON = {"requirement": "some_client==1.2"}
NODE = {"requirement": "@some/client@1.2.0", "language": "node"}
PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[\w.!+]+( ; [\w.<>=!'() ]+)?")


@pytest.mark.parametrize("name", CLIENTS)
def test_every_client_has_a_lock_that_holds_its_own_version(name: str) -> None:
    assert is_locked(CLIENTS[name]), f"`bin/test --clients --lock --only {name}` makes it"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_lock_holds_exact_versions_and_names_neither_registry_nor_folder(name: str) -> None:
    text = lock_of(CLIENTS[name]).read_text()
    if CLIENTS[name].get("language") == "node":
        packages = json.loads(text)["packages"]
        assert len(packages) > 1
        for path, package in packages.items():
            assert not {"resolved", "link"} & package.keys(), path
            assert not path or (package["version"] and package["integrity"]), path
    else:
        head, *pins = text.splitlines()
        assert head.startswith("# ")
        assert pins
        assert not [pin for pin in pins if not PIN.fullmatch(pin)]


def test_no_lock_is_of_no_client() -> None:
    known = {lock_of(client) for client in CLIENTS.values()}
    assert set((HERE / "locks").iterdir()) == known


def test_locks_fit_the_oldest_python_that_the_project_runs_on() -> None:
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={OLDEST_PYTHON}"


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of locks, and no program on the path but what lies in `programs` beside it."""
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(environments, "LOCKS", tmp_path / "locks")
    return tmp_path / "locks"


def program(locks: Path, name: str, lines: str) -> None:
    """A program on the path, in Python."""
    path = locks.parent / "programs" / name
    path.write_text(f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n{lines}\n")
    path.chmod(0o755)


def test_without_a_lock_of_its_version_no_environment_is_made(locks: Path) -> None:
    for client in (PYTHON, NODE):
        with pytest.raises(FailedError, match="`bin/test --clients --lock --only some` makes one"):
            environment("some", client)
    locks.mkdir()
    lock_of(PYTHON).write_text("some-client==1.1\nsome-client-more==1.2\n")
    with pytest.raises(FailedError, match="no lock of this version"):
        environment("some", PYTHON)
    assert not (locks.parent / "cache").exists()


def test_what_is_locked_otherwise_lies_in_another_folder(locks: Path) -> None:
    locks.mkdir()
    lock_of(PYTHON).write_text("some-client==1.2\nmore==1\n")
    before = folder_of(PYTHON)
    assert folder_of({**PYTHON, "script": "other.py"}) == before
    assert folder_of({**PYTHON, "variables": {"SPEED": "1"}}) != before
    lock_of(PYTHON).write_text("some-client==1.2\nmore==2\n")
    assert folder_of(PYTHON) != before


def test_a_lock_for_python_is_made_for_every_python_that_the_client_takes(locks: Path) -> None:
    with pytest.raises(FailedError, match="pip install uv"):
        make_lock("some", PYTHON)
    # It pins which Python it was asked for, and what.
    pins = (
        "oldest = sys.argv[sys.argv.index('--python-version') + 1]\n"
        "assert '--universal' in sys.argv\n"
        "asked = Path(sys.argv[-1]).read_text().strip().replace('_', '-')\n"
        "print(f'oldest=={oldest}', asked, sep='\\n')"
    )
    program(locks, "uv", pins)
    lock = make_lock("some", {**PYTHON, "python": "3.12"})
    assert lock == locks / "some-client.txt"
    assert lock.read_text().splitlines()[1:] == ["oldest==3.12", "some-client==1.2"]
    lock = make_lock("some", PYTHON)
    assert lock.read_text().splitlines()[1:] == [f"oldest=={OLDEST_PYTHON}", "some-client==1.2"]
    assert is_locked(PYTHON)


def test_a_lock_holds_what_a_client_is_built_with_and_what_it_gets_instead_of_its_dependencies(
    locks: Path,
) -> None:
    program(locks, "uv", "print(Path(sys.argv[-1]).read_text().replace('make', 'make==3'), end='')")
    client = {**PYTHON, "instead_of_dependencies": ["part==1"], "built_with": ["make"]}
    pins = make_lock("some", client).read_text().splitlines()[1:]
    assert pins == ["make==3", "part==1", "some-client==1.2"]
    assert is_locked(client)


def test_an_environment_for_node_is_made_of_its_lock(locks: Path) -> None:
    with pytest.raises(FailedError, match="npm is needed"):
        node_lock(NODE)
    # As npm does, it locks what package.json wishes for, and installs what is locked.
    program(
        locks,
        "npm",
        "import json\n"
        "folder = Path(sys.argv[sys.argv.index('--prefix') + 1])\n"
        "wish = json.loads((folder / 'package.json').read_text())\n"
        "lock = folder / 'package-lock.json'\n"
        "if sys.argv[1] == 'install':\n"
        "    held = {f'node_modules/{n}': {'version': v} for n, v in wish['dependencies'].items()}\n"
        "    lock.write_text(json.dumps({'name': wish['name'], 'packages': {'': wish, **held}}))\n"
        "elif sys.argv[1] == 'ci':\n"
        "    for path in filter(None, json.loads(lock.read_text())['packages']):\n"
        "        (folder / path).mkdir(parents=True)\n",
    )
    program(locks, "node", "")
    lock = make_lock("some", NODE)
    assert lock == locks / "some-client.json"
    assert json.loads(lock.read_text())["name"] == "some-client"
    _, variables = environment("some", NODE)
    assert (Path(variables["NODE_PATH"]) / "@some/client").is_dir()


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """A package without contents."""
    described = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    described += f"Requires-Dist: {requires}\n" if requires else ""
    made = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        for part, text in {"METADATA": described, "WHEEL": made, "RECORD": ""}.items():
            file.writestr(f"{name}-{version}.dist-info/{part}", text)


def test_an_environment_for_python_has_what_is_locked_and_not_what_is_newest(
    locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = locks.parent
    wheel(wheels, "some_client", "1.2", "more>=1")
    for version in ("1", "2", "3"):
        wheel(wheels, "more", version)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    locks.mkdir()
    lock_of(PYTHON).write_text(
        "# Versions that depend on Python's.\nsome-client==1.2\n"
        "more==1 ; python_full_version < '3.11'\nmore==2 ; python_full_version >= '3.11'\n"
    )
    interpreter, _ = environment("some", PYTHON)
    freeze = [interpreter, "-m", "pip", "freeze"]
    told = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout
    assert told.split() == ["more==2", "some_client==1.2"]
