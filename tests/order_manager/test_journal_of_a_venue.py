"""Whose state a journal holds, and how it notices that it is not what it was."""

import logging
import shutil
import sqlite3
from pathlib import Path

import pytest

from actors.runtime.errors import JournalError
from actors.runtime.journal import Journal

LIVE, TESTNET = "live https://api.example account 1", "testnet https://test.example account 1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def write(journal: Journal, *texts: str, name: str = "Entry") -> None:
    for text in texts:
        journal.write([("manager", 1, name, 0, text.encode())], {})


def recover(journal: Journal) -> list[str]:
    return [frame.decode() for frame in journal.recover("manager", ["Checkpoint"])]


def test_all_is_given_back_from_the_last_checkpoint_on(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.bind_venue(LIVE)
    write(journal, "a", "b")
    assert recover(journal) == ["a", "b"]
    write(journal, "first", name="Checkpoint")
    write(journal, "c")
    write(journal, "second", name="Checkpoint")
    write(journal, "d", "e")
    journal.write([("other", 1, "Entry", 0, b"not mine")], {})
    journal.close()
    journal = Journal(path, "bot")
    journal.bind_venue(LIVE)
    assert recover(journal) == ["second", "d", "e"]
    assert journal.doubt == ""
    journal.close()


def test_another_real_venue_is_refused(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.bind_venue(TESTNET)
    write(journal, "a")
    with pytest.raises(
        JournalError, match=r"holds the orders and positions of testnet.*not of live"
    ):
        journal.bind_venue(LIVE)
    journal.bind_venue(TESTNET)
    assert recover(journal) == ["a"]
    journal.close()


def test_a_venue_that_begins_anew_each_time_finds_nothing_and_says_so(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(path, "bot")
    journal.bind_venue("local 1", is_temporary=True)
    write(journal, "old")
    with caplog.at_level(logging.INFO):
        journal.bind_venue("local 2", is_temporary=True)
    assert caplog.messages == ["local 2 begins anew; the state of local 1 is kept as history"]
    assert recover(journal) == []
    write(journal, "new")
    assert recover(journal) == ["new"]
    assert len(list(journal.entries())) == 2
    journal.close()


def test_a_real_venues_state_waits_while_others_are_tried(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.bind_venue(LIVE)
    write(journal, "cp", name="Checkpoint")
    write(journal, "a")
    journal.bind_venue("local 1", is_temporary=True)
    write(journal, "played", name="Checkpoint")
    journal.bind_venue(LIVE)
    assert recover(journal) == ["cp", "a"]
    write(journal, "b")
    assert recover(journal) == ["cp", "a", "b"]
    with pytest.raises(JournalError, match="another name"):
        journal.bind_venue(TESTNET)
    journal.close()


def test_state_of_which_no_venue_is_noted_is_doubted(path: Path) -> None:
    journal = Journal(path, "bot")
    write(journal, "of an earlier version")
    journal.bind_venue(LIVE)
    assert recover(journal) == []
    assert "does not say of which venue" in journal.doubt
    journal.close()


def leave_without_closing(path: Path) -> Path:
    """What a killed program leaves: its files, copied while they are in use."""
    journal = Journal(path, "bot")
    journal.grant_run()
    write(journal, "a")
    folder = path.with_name("killed")
    folder.mkdir()
    for file in path.parent.glob("journal.sqlite*"):
        shutil.copy(file, folder / file.name)
    journal.close()
    return folder / path.name


def test_a_killed_programs_journal_is_whole(path: Path) -> None:
    journal = Journal(leave_without_closing(path), "bot")
    assert journal.doubt == ""
    assert recover(journal) == ["a"]
    assert journal.grant_run() == 2
    journal.close()


def test_a_lost_log_is_noticed(path: Path) -> None:
    copy = leave_without_closing(path)
    copy.with_name("journal.sqlite-wal").unlink()
    journal = Journal(copy, "bot")
    assert "write-ahead log" in journal.doubt
    assert recover(journal) == []
    assert journal.grant_run() == 2, "the number of the start is not lost with it"
    journal.close()


def test_an_older_copy_is_noticed_and_no_run_is_used_twice(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.grant_run()
    journal.close()
    older = path.with_name("older")
    shutil.copy(path, older)
    for _ in range(3):
        journal = Journal(path, "bot")
        run = journal.grant_run()
        journal.close()
    shutil.copy(older, path)
    journal = Journal(path, "bot")
    assert "an older copy: it knows 1 starts, 4 were made" in journal.doubt
    assert journal.grant_run() == run + 1
    journal.close()


def test_a_deleted_journal_is_noticed(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.grant_run()
    journal.close()
    path.unlink()
    journal = Journal(path, "bot")
    assert "an empty file" in journal.doubt
    assert journal.grant_run() == 2
    journal.close()


def test_a_damaged_page_is_refused_with_what_to_do(path: Path) -> None:
    journal = Journal(path, "bot")
    write(journal, *("x" * 3_000 for _ in range(50)))
    journal.close()
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    for page in range(6, len(data) // size):
        data[page * size : (page + 1) * size] = b"\x99" * size
    path.write_bytes(data)
    with pytest.raises(JournalError, match=r"cannot be read|not usable"):
        open_and_recover(path)


def open_and_recover(path: Path) -> list[str]:
    journal = Journal(path, "bot")
    try:
        return recover(journal)
    finally:
        journal.close()


def test_a_journal_of_the_first_version_is_brought_up(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.connection.execute("DROP TABLE epoch")
    journal.write_meta("schema", "1")
    journal.close()
    journal = Journal(path, "bot")
    journal.bind_venue(LIVE)
    assert journal.read_meta("schema") == "3"
    journal.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT venue FROM epoch").fetchall() == [(LIVE,)]
    connection.close()
