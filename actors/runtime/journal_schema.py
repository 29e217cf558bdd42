"""The tables of a journal, and how a journal of an earlier version gets them."""

import sqlite3
from functools import cache

import msgspec

SCHEMA_VERSION = 3
META_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    position INTEGER PRIMARY KEY,
    actor TEXT NOT NULL,
    number INTEGER NOT NULL,
    message_class TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    frame BLOB NOT NULL,
    handled BLOB
);
CREATE TABLE IF NOT EXISTS epoch (
    first_position INTEGER PRIMARY KEY, venue TEXT NOT NULL, is_temporary INTEGER NOT NULL
);
"""
"""`handled` stands in the last entry of a transaction: msgpack of a map from senders to numbers.

A table of its own would have each transaction write a second page of 4096 bytes to the log, for some ten bytes of news.
"""
ROWS_TOGETHER = 50
"""So many entries at most are written by one statement."""

encode_handled = msgspec.msgpack.Encoder().encode
decode_handled = msgspec.msgpack.Decoder(dict[str, int]).decode


@cache
def insertion_of(rows: int) -> str:
    """The statement that writes so many entries, each `(actor, number, message_class, time_ns, frame, handled)`."""
    values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)
    return (
        f"INSERT INTO entry (actor, number, message_class, time_ns, frame, handled) VALUES {values}"
    )


def migrate(connection: sqlite3.Connection) -> None:
    """Brings a journal of schema 1 or 2 to the present one, within the caller's transaction. Raises sqlite3.Error.

    Until schema 2 the last handled numbers had a table of their own: they go to the last entry of their actor.
    """
    execute = connection.execute
    if any(name == "handled" for _, name, *_ in execute("PRAGMA table_info(entry)")):
        return
    execute("ALTER TABLE entry ADD COLUMN handled BLOB")
    numbers: dict[str, dict[str, int]] = {}
    for actor, sender, number in execute("SELECT actor, sender, number FROM handled"):
        numbers.setdefault(actor, {})[sender] = number
    for actor, handled in numbers.items():
        execute(
            "UPDATE entry SET handled = ? WHERE position = (SELECT max(position) FROM entry WHERE actor = ?)",
            (encode_handled(handled), actor),
        )
    execute("DROP TABLE handled")
