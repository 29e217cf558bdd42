"""What becomes of a client whose environment cannot be made."""

import os
import sys
from pathlib import Path

import pytest

from tests.clients.environments import FailedError, SkippedError, install, require_compiler


def fail_with(words: str) -> list[str]:
    """A command that ends as an installer does which has failed."""
    return [sys.executable, "-c", f"import sys; sys.exit({words!r})"]


@pytest.mark.parametrize(
    "words",
    [
        "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken",
        "npm error code ENOTFOUND",
        "npm ERR! code ECONNREFUSED",
        "npm error code SELF_SIGNED_CERT_IN_CHAIN",
    ],
)
def test_a_registry_that_cannot_be_reached_skips_a_client(words: str) -> None:
    with pytest.raises(SkippedError, match="no package registry can be reached"):
        install(fail_with(words))


@pytest.mark.parametrize(
    "words",
    [
        "ERROR: No matching distribution found for python-binance==0.0.99",
        "npm error code ETARGET",
        "npm error code E404",
    ],
)
def test_what_is_pinned_wrongly_fails(words: str) -> None:
    with pytest.raises(FailedError, match="it cannot be installed"):
        install(fail_with(words))


def program(folder: Path, name: str, words: str) -> Path:
    """A program in a folder that prints these words."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {words}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_a_compiler_what_is_compiled_is_skipped(path_alone: Path) -> None:
    with pytest.raises(SkippedError, match="no C\\+\\+ compiler is on the path"):
        require_compiler(sys.executable)


def test_without_the_headers_of_its_python_what_is_compiled_is_skipped(path_alone: Path) -> None:
    program(path_alone, "c++", "")
    interpreter = program(path_alone, "python", str(path_alone))
    with pytest.raises(SkippedError, match=r"has no Python\.h"):
        require_compiler(str(interpreter))
    (path_alone / "Python.h").touch()
    require_compiler(str(interpreter))


def test_variables_of_an_installation_stand_beside_those_that_are() -> None:
    told = "import os, sys; sys.exit(0 if os.environ.keys() >= {'PATH', 'SPEED'} else 1)"
    assert "SPEED" not in os.environ
    install([sys.executable, "-c", told], {"SPEED": "1"})
    with pytest.raises(FailedError):
        install([sys.executable, "-c", told])
