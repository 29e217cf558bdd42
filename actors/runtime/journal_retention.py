"""What is removed from a journal, and when: so that a bot that runs for months has no ever-growing file.

A start reads an actor's last checkpoint at its venue and what follows. Whatever lies before is history: it tells how things
came about, and is removed when it is old enough, a bounded number of entries at a time, the oldest first. A checkpoint that
a later one has replaced is history of which nothing is to be learnt, and goes at once: it is large.

Nothing is removed from the first entry on that a start may read, whoever wrote it, so that the entries from there on follow
each other without a hole. What belongs to a real venue waits for it while the bot tries others; what belongs to one that
began anew with each start is only history. An actor without checkpoints keeps all that it ever wrote.

Every removal is a transaction of its own that removes only what an earlier transaction made superfluous: a program killed
at any of its statements, or a power cut, leaves a journal that says the same.
"""

import sqlite3
from collections import deque
from itertools import pairwise, takewhile

from actors.runtime.failpoints import ARMED

KEEP_DAYS = 7.0
BATCH = 500
"""Entries that are looked at in one go."""
ROUND_INTERVAL_NS = 60_000_000_000
LAST_POSITION = 2**63 - 1


class Retention:
    """Finds where a start begins to read, and removes what no start will."""

    def __init__(self, connection: sqlite3.Connection, keep_ns: int) -> None:
        self.connection = connection
        self.keep_ns = keep_ns
        self.venue: str | None = None
        self.classes: dict[str, tuple[str, ...]] = {}
        """Of each actor that has asked for what it wrote: its classes of checkpoints."""
        self.replaced: deque[int] = deque()
        """Checkpoints that later ones have replaced."""
        self.newest: dict[str, int] = {}
        """Of each actor the last checkpoint that a round has found, at the present venue."""
        self.kept: list[tuple[int, int]] = []
        """What must stay, as of the round that is going on: (first position, position after the last)."""
        self.is_round = False
        self.cursor = 0
        """The last entry that this round has looked at."""
        self.next_round_ns = 0

    def learn(self, actor: str, classes: tuple[str, ...]) -> None:
        """An actor writes such checkpoints."""
        self.classes[actor] = classes

    def ranges_of(self, venue: str | None) -> list[tuple[int, int]]:
        """Where the entries of a venue lie, as (first position, position after the last); of None: anywhere."""
        if venue is None:
            return [(0, LAST_POSITION)]
        rows = self.connection.execute(
            "SELECT first_position, venue FROM epoch ORDER BY first_position"
        ).fetchall()
        ends = [first for first, _ in rows[1:]] + [LAST_POSITION]
        return [
            (first, end) for (first, name), end in zip(rows, ends, strict=True) if name == venue
        ]

    def find_checkpoint(self, actor: str, venue: str | None) -> int:
        """The position of an actor's last checkpoint at a venue; 0 if it made none. Raises sqlite3.Error."""
        classes = self.classes.get(actor, ())
        marks = ", ".join("?" * len(classes))
        for begin, end in reversed(self.ranges_of(venue)):
            # Backwards from the end: what lies before the last checkpoint is not looked at.
            row = self.connection.execute(
                "SELECT position FROM entry WHERE position >= ? AND position < ? AND actor = ?"
                f" AND message_class IN ({marks}) ORDER BY position DESC LIMIT 1",
                (begin, end, actor, *classes),
            ).fetchone()
            if row is not None:
                return int(row[0])
        return 0

    def remove_some(self, now_ns: int) -> None:
        """Removes a bounded number of entries, if there are any to remove. A failure waits for the next round."""
        if not self.is_round and now_ns < self.next_round_ns:
            return
        try:
            if not self.is_round:
                self._begin_round()
            is_over = not self._remove_replaced() and self._remove_old(now_ns - self.keep_ns)
        except sqlite3.Error:
            is_over = True
        if is_over:
            self.is_round = False
            self.next_round_ns = now_ns + ROUND_INTERVAL_NS

    def _begin_round(self) -> None:
        execute = self.connection.execute
        real = execute("SELECT DISTINCT venue FROM epoch WHERE NOT is_temporary").fetchall()
        venues: list[str | None] = [self.venue, *(name for (name,) in real)]
        self.kept = []
        for venue in dict.fromkeys(venues):
            floor = self._find_floor(venue)
            self.kept += [
                (max(begin, floor), end) for begin, end in self.ranges_of(venue) if end > floor
            ]
        # The very last entry stays as well: no position is ever given twice.
        [last] = execute("SELECT coalesce(max(position), 0) FROM entry").fetchone()
        self.kept.append((last, LAST_POSITION))
        for actor, classes in self.classes.items():
            self._note_replaced(actor, classes)
        self._remove_empty_epochs()
        self.cursor, self.is_round = 0, True

    def _find_floor(self, venue: str | None) -> int:
        """The first entry of a venue that a start may read: 0 until every actor that asks has made a checkpoint there."""
        return min((self.find_checkpoint(actor, venue) for actor in self.classes), default=0)

    def _note_replaced(self, actor: str, classes: tuple[str, ...]) -> None:
        newest, before = self.find_checkpoint(actor, self.venue), self.newest.get(actor)
        self.newest[actor] = newest
        if before is None or newest == before:
            return
        marks = ", ".join("?" * len(classes))
        rows = self.connection.execute(
            "SELECT position FROM entry WHERE position >= ? AND position < ? AND actor = ?"
            f" AND message_class IN ({marks}) ORDER BY position",
            (before, newest, actor, *classes),
        )
        self.replaced.extend(position for (position,) in rows)

    def _remove_empty_epochs(self) -> None:
        """Those of venues that began anew, of which nothing is left; the last one is the present one."""
        rows = self.connection.execute(
            "SELECT first_position, is_temporary FROM epoch ORDER BY first_position"
        ).fetchall()
        for (first, is_temporary), (end, _) in pairwise(rows):
            if is_temporary and not self._is_any_in(first, end):
                self.connection.execute("DELETE FROM epoch WHERE first_position = ?", (first,))

    def _is_any_in(self, begin: int, end: int) -> bool:
        row = self.connection.execute(
            "SELECT 1 FROM entry WHERE position >= ? AND position < ? LIMIT 1", (begin, end)
        ).fetchone()
        return row is not None

    def _must_stay(self, position: int) -> bool:
        return any(begin <= position < end for begin, end in self.kept)

    def _remove_replaced(self) -> bool:
        """Removes one checkpoint; False if there is none to remove."""
        if not self.replaced or self._must_stay(self.replaced[0]):
            return False
        self._remove([self.replaced.popleft()])
        return True

    def _remove_old(self, before_ns: int) -> bool:
        """Goes on through what is old, and removes what may go; True at its end."""
        rows = self.connection.execute(
            "SELECT position, time_ns FROM entry WHERE position > ? ORDER BY position LIMIT ?",
            (self.cursor, BATCH),
        ).fetchall()
        old = [position for position, _ in takewhile(lambda row: row[1] <= before_ns, rows)]
        doomed = [position for position in old if not self._must_stay(position)]
        if doomed:
            self._remove(doomed)
        if old:
            self.cursor = old[-1]
        return len(old) < BATCH

    def _remove(self, positions: list[int]) -> None:
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "DELETE FROM entry WHERE position = ?", [(position,) for position in positions]
            )
            if ARMED is not None:
                ARMED.reach("journal.removing")
            connection.execute("COMMIT")
            if ARMED is not None:
                ARMED.reach("journal.removed")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
