"""Failpoints: off unless named, and exactly where and when they are named."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime import failpoints
from actors.runtime.failpoints import VARIABLE, Failpoint, failpoint_named_in
from actors.runtime.journal import Journal

ROOT = Path(__file__).parents[2]
WRITE_TWICE = """
import sys
from pathlib import Path
from actors.runtime.journal import Journal

journal = Journal(Path(sys.argv[1]), "bot")
journal.grant_run()
for number in range(2):
    journal.write([("a", number, "Fill", 0, b""), ("a", number, "OrderUpdate", 0, b"")], {})
"""
REMOVE = """
import sys
from pathlib import Path
from actors.runtime.journal import Journal

journal = Journal(Path(sys.argv[1]), "bot", keep_days=0)
journal.bind_venue("venue")
journal.grant_run()
for number in range(3):
    journal.write([("a", number, "Fill", 0, b"")], {})
journal.write([("a", 3, "Checkpoint", 0, b"last")], {})
journal.recover("a", ["Checkpoint"])
for _ in range(5):
    journal.tend(10**18, is_idle=True)
"""


def test_without_the_variable_there_is_none() -> None:
    assert VARIABLE not in os.environ
    assert failpoints.ARMED is None
    assert failpoint_named_in({}) is None
    assert failpoint_named_in({VARIABLE: ""}) is None


@pytest.mark.parametrize("text", [":1", "place:0", "place:-1", "place:x", "place:"])
def test_a_bad_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"passages|PLACE"):
        failpoint_named_in({VARIABLE: text})


@given(
    st.lists(st.sampled_from([("a", ()), ("a", ("x",)), ("a", ("x", "y")), ("b", ("x",))])),
    st.sampled_from(["a", "a.x", "b.x"]),
    st.integers(1, 5),
)
def test_it_strikes_once_and_at_its_passage(
    passages: list[tuple[str, Iterable[str]]], place: str, number: int
) -> None:
    struck: list[int] = []
    position = 0
    failpoint = Failpoint(place, number, lambda: struck.append(position))
    for position, (name, details) in enumerate(passages):  # noqa: B007
        failpoint.reach(name, details)
    matching = [
        index
        for index, (name, details) in enumerate(passages)
        if place == name or place in [f"{name}.{detail}" for detail in details]
    ]
    assert struck == matching[number - 1 : number]


@pytest.mark.parametrize(
    ("place", "rows"),
    [
        ("journal.run", 0),
        ("journal.before.Fill", 0),
        ("journal.within.Fill", 0),
        ("journal.after.Fill", 2),
        ("journal.before.OrderUpdate:2", 2),
        ("journal.within.Fill:2", 2),
        ("journal.after.OrderUpdate:2", 4),
    ],
)
def test_the_journal_is_killed_where_it_is_named(place: str, rows: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    ended = subprocess.run(
        [sys.executable, "-c", WRITE_TWICE, str(path)],
        cwd=ROOT,
        env={**os.environ, VARIABLE: place},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (rows,)
    finally:
        connection.close()


@pytest.mark.parametrize(("place", "rows"), [("journal.removing", 4), ("journal.removed", 1)])
def test_the_journal_is_killed_while_it_removes_what_is_old(
    place: str, rows: int, tmp_path: Path
) -> None:
    path = tmp_path / "journal.sqlite"
    command = [sys.executable, "-c", REMOVE, str(path)]
    for strikes in (True, False):
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, VARIABLE: place} if strikes else None,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == (-signal.SIGKILL if strikes else 0), ended.stderr
        journal = Journal(path, "bot", keep_days=0)
        journal.bind_venue("venue")
        assert len(list(journal.entries())) == (rows if strikes else 1)
        assert journal.recover("a", ["Checkpoint"]) == [b"last"]
        journal.close()
