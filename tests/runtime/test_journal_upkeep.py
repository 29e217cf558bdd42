"""A journal's upkeep: a log that does not grow, history that goes when it is old, and nothing that a start needs."""

import logging
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.runtime.errors import JournalError
from actors.runtime.journal import Journal, connect
from actors.runtime.journal_log import LOG_LIMITS
from actors.runtime.journal_retention import BATCH, ROUND_INTERVAL_NS
from tests.runtime.journal_copies import copies_at_every_statement, copy_files

DAY_NS = 86_400_000_000_000
LIVE, TESTNET = "live, account 1", "testnet, account 1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


class Keeper:
    """A journal, and somebody who writes to it as time goes by."""

    def __init__(self, path: Path, keep_days: float = 7.0, venue: str = LIVE) -> None:
        self.path = path
        self.keep_days = keep_days
        self.now_ns = 100 * DAY_NS
        self.count = 0
        self.open(venue)

    def open(self, venue: str, *, is_temporary: bool = False) -> None:
        self.journal = Journal(self.path, "bot", keep_days=self.keep_days)
        try:
            self.journal.bind_venue(venue, is_temporary=is_temporary)
            self.recovered = self.recover()
        except JournalError:
            self.journal.close()
            raise

    def reopen(self, venue: str, *, is_temporary: bool = False) -> None:
        self.journal.close()
        self.open(venue, is_temporary=is_temporary)

    def write(self, entries: int = 1, name: str = "Entry", actor: str = "manager") -> list[str]:
        texts = [f"{actor} {name} {self.count + index}" for index in range(entries)]
        self.count += entries
        self.journal.write(
            [(actor, self.count, name, self.now_ns, text.encode()) for text in texts], {}
        )
        return texts

    def recover(self, actor: str = "manager") -> list[str]:
        frames = self.journal.recover(actor, [f"{actor.title()}Mark"])
        return [frame.decode() for frame in frames]

    def mark(self, actor: str = "manager") -> list[str]:
        return self.write(1, f"{actor.title()}Mark", actor)

    def pass_time(self, days: float, beats: int = 50) -> None:
        self.now_ns += round(days * DAY_NS)
        for _ in range(beats):
            self.now_ns += ROUND_INTERVAL_NS // 3
            self.journal.tend(self.now_ns, is_idle=True)

    def empty_log(self) -> None:
        """Whatever lies in the log is moved, due or not."""
        self.journal.write_ahead_log.move(self.journal.connection, tries=1)

    def texts(self) -> list[str]:
        return [frame.decode() for _, _, _, _, frame in self.journal.entries()]


# The write-ahead log.


def log_size(journal: Journal) -> int:
    return journal.path.with_name(f"{journal.path.name}-wal").stat().st_size


@pytest.mark.parametrize("is_idle", [True, False])
def test_the_log_is_bounded_whether_the_bot_is_ever_idle_or_not(path: Path, is_idle: bool) -> None:
    """A log that was emptied is written from its head again instead of growing."""
    keeper = Keeper(path)
    transactions, _ = LOG_LIMITS[is_idle]
    sizes = []
    for number in range(3 * transactions):
        keeper.write()
        if number % 100 == 99:
            keeper.journal.tend(keeper.now_ns, is_idle=is_idle)
            sizes.append(log_size(keeper.journal))
    assert max(sizes) == sizes[transactions // 100]
    assert keeper.journal.write_ahead_log.writes < transactions
    keeper.journal.close()


def test_few_but_large_entries_count_by_their_size(path: Path) -> None:
    keeper = Keeper(path)
    _, most = LOG_LIMITS[False]
    frame = bytes(most // 10)
    for _ in range(35):
        keeper.journal.write([("manager", 1, "Entry", keeper.now_ns, frame)], {})
        keeper.journal.tend(keeper.now_ns, is_idle=False)
    assert log_size(keeper.journal) < 2 * most
    keeper.journal.close()


def test_less_than_that_is_left_alone(path: Path) -> None:
    keeper = Keeper(path)
    keeper.write(LOG_LIMITS[True][0] * 2)
    for _ in range(LOG_LIMITS[True][0] - 10):
        keeper.write()
    before = keeper.journal.write_ahead_log.writes
    keeper.journal.tend(keeper.now_ns, is_idle=False)
    keeper.journal.tend(keeper.now_ns, is_idle=True)
    assert keeper.journal.write_ahead_log.writes == before
    keeper.journal.close()


def test_another_programs_long_look_is_told_once_and_harms_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper(path)
    keeper.journal.write_ahead_log.grown_pages = 100
    keeper.write()
    other = connect(path)
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            for _ in range(LOG_LIMITS[True][0]):
                keeper.write()
            keeper.journal.tend(keeper.now_ns, is_idle=True)
    assert caplog.text.count("keeps it from being emptied") == 1
    other.execute("ROLLBACK")
    other.close()
    keeper.journal.tend(keeper.now_ns, is_idle=True)
    assert keeper.journal.write_ahead_log.writes == 0
    keeper.journal.close()


def test_upkeep_beside_a_lock_or_on_a_closed_journal_waits_and_raises_nothing(path: Path) -> None:
    keeper = Keeper(path, keep_days=0)
    keeper.write(10)
    keeper.mark()
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    keeper.pass_time(1)
    assert len(keeper.texts()) == 11
    other.execute("ROLLBACK")
    other.close()
    keeper.pass_time(1)
    assert len(keeper.texts()) == 1
    keeper.journal.close()
    keeper.pass_time(1)


# History.


def test_history_goes_when_it_is_old_and_what_a_start_needs_stays_however_old(path: Path) -> None:
    keeper = Keeper(path, keep_days=7)
    old = keeper.write(2 * BATCH + 7)
    keeper.pass_time(3)
    mark, new = keeper.mark(), keeper.write(5)
    keeper.pass_time(3)
    assert keeper.texts() == old + mark + new
    keeper.pass_time(2)
    assert keeper.texts() == mark + new
    keeper.pass_time(1_000)
    assert keeper.recover() == keeper.texts() == mark + new
    keeper.journal.close()


def test_without_a_checkpoint_nothing_is_history(path: Path) -> None:
    keeper = Keeper(path, keep_days=0)
    written = keeper.write(2_000)
    keeper.pass_time(100)
    assert keeper.recover() == written
    keeper.journal.close()


def test_a_checkpoint_that_another_has_replaced_goes_at_once(path: Path) -> None:
    """It is large: of the entries around it is kept what is not old yet."""
    keeper = Keeper(path, keep_days=7)
    kept = keeper.write(3)
    for _ in range(5):
        keeper.mark()
        kept += keeper.write(3)
        keeper.pass_time(0, beats=10)
    assert [text for text in keeper.texts() if "Mark" not in text] == kept
    assert sum("Mark" in text for text in keeper.texts()) <= 2
    keeper.journal.close()


def test_the_slowest_of_several_authors_decides(path: Path) -> None:
    keeper = Keeper(path, keep_days=0)
    keeper.recover("other")
    first = keeper.mark("other")
    keeper.write(10)
    keeper.mark()
    keeper.pass_time(1)
    assert keeper.recover("other") == first
    assert len(keeper.texts()) == 12
    second = keeper.mark("other")
    keeper.pass_time(1)
    assert keeper.recover("other") == second
    assert len(keeper.recover()) == 1
    assert len(keeper.texts()) == 2
    keeper.journal.close()


def test_a_real_venues_state_waits_however_old_and_played_venues_are_forgotten(path: Path) -> None:
    keeper = Keeper(path, keep_days=1)
    keeper.write(10)
    real = keeper.mark() + keeper.write(4)
    for number in range(5):
        keeper.reopen(f"local {number}", is_temporary=True)
        assert keeper.recovered == []
        keeper.write(20)
        keeper.mark()
        keeper.pass_time(10)
    [count] = keeper.journal.connection.execute("SELECT count(*) FROM epoch").fetchone()
    assert count <= 3
    keeper.reopen(LIVE)
    assert keeper.recovered == real
    real += keeper.write(3)
    keeper.pass_time(10)
    keeper.reopen(LIVE)
    assert keeper.recovered == real
    keeper.journal.close()


def test_no_position_is_given_twice_though_all_was_removed(path: Path) -> None:
    keeper = Keeper(path, keep_days=0, venue=TESTNET)
    keeper.reopen("local 1", is_temporary=True)
    keeper.write(50)
    for number in range(3):
        keeper.reopen(f"other {number}", is_temporary=True)
        keeper.pass_time(30)
        assert keeper.recover() == []
    assert len(keeper.texts()) == 1
    keeper.write(2)
    assert len(keeper.recover()) == 2
    keeper.journal.close()


def test_the_file_does_not_grow_for_ever(path: Path) -> None:
    keeper = Keeper(path, keep_days=1)
    sizes = []
    for _ in range(60):
        keeper.write(300)
        keeper.mark()
        keeper.pass_time(0.5, beats=10)
        [pages] = keeper.journal.connection.execute("PRAGMA page_count").fetchone()
        sizes.append(pages)
    assert max(sizes[20:]) <= max(sizes[:20]) + 2
    keeper.journal.close()


def live_a_while(keeper: Keeper, expected: list[str]) -> None:
    """Entries, checkpoints and upkeep; `expected` is at any time what a start must give back."""
    for _ in range(4):
        expected += keeper.write(3)
        keeper.pass_time(0.5, beats=3)
        keeper.write(2, actor="nobody")
        expected[:] = keeper.mark()
        keeper.empty_log()
        keeper.pass_time(0.5, beats=3)


def test_killed_at_any_statement_it_says_the_same(path: Path, tmp_path: Path) -> None:
    """At every statement of a life with removals the files are set aside; each copy gives back what it must."""
    keeper = Keeper(path, keep_days=0.4)
    expected = keeper.mark()
    with copies_at_every_statement(keeper.journal, tmp_path / "copies", expected) as copies:
        live_a_while(keeper, expected)
    keeper.journal.close()
    assert len(copies) > 60
    counts = []
    for copy, must in copies:
        found = Journal(copy, "bot")
        found.bind_venue(LIVE)
        assert [frame.decode() for frame in found.recover("manager", ["ManagerMark"])] == must
        counts.append(len(list(found.entries())))
        found.close()
    assert any(later < earlier for earlier, later in pairwise(counts)), "some after removals"


def test_a_power_cut_leaves_a_journal_without_holes(path: Path, tmp_path: Path) -> None:
    """Whatever part of the log is lost, what is found follows each other, and begins with a checkpoint."""
    keeper = Keeper(path, keep_days=0.4)
    keeper.mark()
    live_a_while(keeper, [])
    keeper.mark()
    live_a_while(keeper, [])
    size = log_size(keeper.journal)
    for index, left in enumerate(range(0, size, size // 60)):
        copy = copy_files(path, tmp_path / f"cut {index}", log_bytes=left)
        found = Journal(copy, "bot")
        found.bind_venue(LIVE)
        frames = [frame.decode() for frame in found.recover("manager", ["ManagerMark"])]
        assert "Mark" in frames[0]
        found.close()
    keeper.journal.close()


STEPS = st.lists(
    st.sampled_from(["write", "others", "mark", "upkeep", "day", "log", "reopen", "play", "live"]),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.sampled_from([0.0, 1.0, 3.0]))
def test_any_life_gives_back_what_a_journal_without_removals_would(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], keep_days: float
) -> None:
    keeper = Keeper(tmp_path_factory.mktemp("life") / "journal.sqlite", keep_days)
    venue, plays = LIVE, 0
    model: dict[str, list[str]] = {LIVE: []}
    for step in steps:
        if step == "write":
            model[venue] += keeper.write(7)
        elif step == "others":
            keeper.write(5, actor="nobody")
        elif step == "mark":
            model[venue] = keeper.mark()
        elif step == "upkeep":
            keeper.pass_time(0, beats=5)
        elif step == "day":
            keeper.pass_time(1.5, beats=2)
        elif step == "log":
            keeper.empty_log()
        elif step == "reopen":
            keeper.reopen(venue, is_temporary=venue != LIVE)
        elif step == "play":
            plays += 1
            venue = f"local {plays}"
            keeper.reopen(venue, is_temporary=True)
        else:
            venue = LIVE
            keeper.reopen(venue)
        assert keeper.recover() == model.setdefault(venue, [])
    keeper.pass_time(keep_days + 1)
    needed = {text for frames in (model[venue], model[LIVE]) for text in frames}
    left = [text for text in keeper.texts() if text.startswith("manager")]
    assert needed <= set(left)
    if venue == LIVE:
        assert len(left) <= len(needed) + 1
    keeper.journal.close()


def test_a_hole_in_what_must_be_read_is_refused(path: Path) -> None:
    """As it comes about when a database is put beside the log of another time."""
    keeper = Keeper(path)
    keeper.mark()
    keeper.write(20)
    keeper.journal.close()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DELETE FROM entry WHERE position = 10")
    connection.close()
    with pytest.raises(JournalError, match=r"entries are missing between 1 and 21.*good copy"):
        Keeper(path)
