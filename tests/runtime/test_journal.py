"""The journal alone: what it keeps through kills, and how it refuses."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from actors.runtime.errors import JournalError, JournalLocked
from actors.runtime.journal import Journal, connect

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def entries_for(numbers: range) -> list[tuple[str, int, str, int, bytes]]:
    return [("manager", number, "Intent", number * 10, b"frame %d" % number) for number in numbers]


def numbers_in(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT number FROM entry ORDER BY position")]
    finally:
        connection.close()


def test_what_was_written_is_read_again(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.write(entries_for(range(3)), {"strategy": 7, "gateway": 3})
    journal.write([("other", 1, "Notice", 0, b"")], {"strategy": 9})
    journal.write([("manager", 3, "Notice", 0, b"")], {"strategy": 8})
    assert numbers_in(path) == [0, 1, 2, 1, 3]
    journal.close()
    journal = Journal(path, "bot", "FULL")
    assert list(journal.entries("manager"))[:-1] == entries_for(range(3))
    assert len(list(journal.entries())) == 5
    assert journal.handled("manager") == {"strategy": 8, "gateway": 3}
    assert journal.handled("other") == {"strategy": 9}
    journal.close()


def test_a_database_of_something_else_is_refused_and_left_as_it_is(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"a database of something else \(accounts\)"):
        Journal(path, "bot")
    assert path.read_bytes() == before


def test_a_file_whose_last_byte_is_missing_is_refused(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.write(entries_for(range(3)), {})
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(JournalError, match="cut off within a page"):
        Journal(path, "bot")
    path.write_bytes(whole)
    Journal(path, "bot").close()
    assert numbers_in(path) == [0, 1, 2]


OLD_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    position INTEGER PRIMARY KEY, actor TEXT NOT NULL, number INTEGER NOT NULL,
    message_class TEXT NOT NULL, time_ns INTEGER NOT NULL, frame BLOB NOT NULL
);
CREATE TABLE handled (
    actor TEXT NOT NULL, sender TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (actor, sender)
) WITHOUT ROWID;
INSERT INTO meta VALUES ('schema', '2'), ('bot', 'bot');
INSERT INTO handled VALUES ('manager', 'strategy', 7), ('manager', 'gateway', 3), ('silent', 'x', 1);
"""


def write_old_journal(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(OLD_TABLES)
    connection.executemany(
        "INSERT INTO entry (actor, number, message_class, time_ns, frame) VALUES (?, ?, ?, ?, ?)",
        entries_for(range(3)),
    )
    connection.close()


def test_a_journal_of_the_version_before_is_brought_up_to_date(path: Path) -> None:
    write_old_journal(path)
    for _ in range(2):
        journal = Journal(path, "bot")
        assert list(journal.entries())[:3] == entries_for(range(3))
        assert journal.handled("manager") == {"strategy": 7, "gateway": 3}
        assert journal.read_meta("schema") == "3"
        journal.close()
    journal = Journal(path, "bot")
    journal.write(entries_for(range(3, 4)), {"strategy": 9})
    assert journal.recover("manager", ()) == [b"frame %d" % number for number in range(4)]
    assert journal.handled("manager") == {"strategy": 9, "gateway": 3}
    journal.close()


def test_an_update_that_is_cut_short_leaves_the_journal_as_it_was(path: Path) -> None:
    write_old_journal(path)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE handled")
    connection.execute("CREATE TABLE handled (other TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="no such column"):
        Journal(path, "bot")
    connection = sqlite3.connect(path)
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(entry)")]
    assert "handled" not in columns
    assert numbers_in(path) == [0, 1, 2]
    connection.close()


@pytest.mark.parametrize("count", [1, 49, 50, 51, 500])
def test_a_transaction_of_any_size_is_whole_or_not_there(path: Path, count: int) -> None:
    journal = Journal(path, "bot")
    journal.write(entries_for(range(1)), {})
    twice = [*entries_for(range(1, count)), ("manager", count, None, 0, b"")]
    with pytest.raises(JournalError, match="NOT NULL"):
        journal.write(twice, {"strategy": 1})  # type: ignore[arg-type]  # what the database refuses
    assert numbers_in(path) == [0]
    assert not journal.connection.in_transaction
    journal.write(entries_for(range(1, count + 1)), {"strategy": count})
    assert list(journal.entries()) == entries_for(range(count + 1))
    assert journal.handled("manager") == {"strategy": count}
    journal.close()


def test_runs_only_grow(path: Path) -> None:
    granted = []
    for _ in range(3):
        journal = Journal(path, "bot")
        granted += [journal.grant_run(), journal.grant_run()]
        journal.close()
    assert granted == [1, 2, 3, 4, 5, 6]


def test_another_bots_journal_is_refused(path: Path) -> None:
    Journal(path, "first").close()
    with pytest.raises(JournalError, match="belongs to the bot 'first', not to 'second'"):
        Journal(path, "second")
    Journal(path, "first").close()


def test_a_newer_journal_is_refused_and_left_as_it_is(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
    )
    connection.execute("INSERT INTO meta VALUES ('schema', '99'), ('bot', 'bot')")
    connection.commit()
    with pytest.raises(JournalError, match=r"newer version of this program \(schema 99\)"):
        Journal(path, "bot")
    tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert tables == [("meta",)]


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1_000)
    with pytest.raises(JournalError, match="not usable as a journal"):
        Journal(path, "bot")
    assert path.read_bytes().startswith(b"no database")


@pytest.mark.parametrize("place", ["missing/journal.sqlite", "."])
def test_a_place_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    with pytest.raises(JournalError, match="is the folder there and writable"):
        Journal(tmp_path / place, "bot")


def test_a_folder_that_is_read_only() -> None:
    folder = Path("/proc")
    if not folder.is_dir():
        pytest.skip("needs a folder that even root cannot write to")
    with pytest.raises(JournalError, match="writable"):
        Journal(folder / "journal.sqlite", "bot")


def test_it_never_waits_on_anothers_lock(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.write(entries_for(range(1)), {})
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="locked"):
        journal.write(entries_for(range(1, 2)), {})
    with pytest.raises(JournalError, match="cannot be noted"):
        journal.grant_run()
    other.execute("ROLLBACK")
    other.close()
    journal.write(entries_for(range(2, 3)), {})
    assert journal.failures == 1
    assert numbers_in(path) == [0, 2]
    journal.close()


def test_a_full_disk_leaves_nothing_half_written(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.write(entries_for(range(3)), {})
    pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
    journal.connection.execute(f"PRAGMA max_page_count={pages + 2}")
    big = [("manager", number, "Intent", 0, b"x" * 3_000) for number in range(100, 110)]
    with pytest.raises(JournalError, match="full"):
        journal.write(big, {"strategy": 1})
    assert numbers_in(path) == [0, 1, 2]
    assert not journal.connection.in_transaction
    journal.connection.execute("PRAGMA max_page_count=100000")
    journal.write(big, {})
    assert len(numbers_in(path)) == 13
    journal.close()


def test_read_only_while_it_runs(path: Path) -> None:
    journal = Journal(path, "bot")
    journal.connection.execute("PRAGMA query_only=ON")
    with pytest.raises(JournalError, match="readonly"):
        journal.write(entries_for(range(1)), {})
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.write(entries_for(range(1)), {})


def test_a_killed_process_leaves_whole_transactions(path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from actors.runtime.journal import Journal

        journal = Journal(Path(sys.argv[1]), "bot")
        print(journal.grant_run(), flush=True)
        first = 0
        while True:
            numbers = range(first, first + 7)
            first += 7
            journal.write([("m", n, "Intent", 0, b"x" * 500) for n in numbers], {"s": first})
            print(first, flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert process.stdout is not None
    promised = 0
    with process:
        assert process.stdout.readline() == "1\n"
        while promised < 700:
            promised = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:
            if line.endswith("\n"):
                promised = int(line)
    journal = Journal(path, "bot")
    numbers = [entry[1] for entry in journal.entries()]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) % 7 == 0
    assert len(numbers) >= promised
    assert journal.handled("m") == {"s": len(numbers)}
    assert journal.grant_run() == 2
    journal.close()


def test_a_journal_that_is_held_is_told_from_one_that_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path, "bot").close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalLocked, match="another program holds it"):
        Journal(path, "bot")
    holder.close()
    journal = Journal(path, "bot")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalLocked, match="this start cannot be noted"):
        journal.grant_run()
    with pytest.raises(JournalLocked, match="the venue cannot be noted"):
        journal.bind_venue("venue")
    holder.close()
    assert journal.grant_run() == 1
    journal.close()
