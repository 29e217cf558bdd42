"""What outlives the exchange's process: accounts, their keys, orders and trades, and how far every numbering has come.

The effects of a request are committed before anybody is told of them, so that a killed exchange comes back with
everything it has answered, and perhaps with one request more. The house and its orders are not kept: its market begins
anew. Numberings are kept in blocks: after a restart they go on above all that can have been used, with a gap.
"""

import os
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from actors.exchange.accounts import Account
from actors.exchange.history import CLOSED_ORDERS_KEPT, ORDER_LISTS_KEPT, TRADES_KEPT
from actors.exchange.keys import check_private
from actors.exchange.orders import AccountTrade, OrderList, OrderRecord
from actors.exchange.signing import KeyKind, KeyPair
from actors.exchange.stored import StoredList, StoredOrder, store, store_list
from actors.exchange.transaction import Transaction
from actors.exchange.venue import Venue
from messages.enums import OrderStatus

APPLICATION_ID = 0x7AC70
VERSION = 2
OLDER_VERSIONS = frozenset({1})
"""Those that lack only tables that were added since."""
IDS_IN_BLOCK = 100_000
FEES = "\N{SECTION SIGN}fees"
"""The name under which the venue's own fees are kept; no account can have it."""
TABLES = """
CREATE TABLE IF NOT EXISTS order_lists (list_id INTEGER PRIMARY KEY, account TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, update_time_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS keys (account TEXT, kind TEXT, key TEXT PRIMARY KEY, secret TEXT);
CREATE TABLE IF NOT EXISTS balances (account TEXT, asset TEXT, free TEXT, locked TEXT, PRIMARY KEY (account, asset));
CREATE TABLE IF NOT EXISTS orders (order_id INTEGER PRIMARY KEY, account TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS trades (number INTEGER PRIMARY KEY, account TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS numberings (name TEXT PRIMARY KEY, reserved INTEGER NOT NULL);
"""


class StateError(Exception):
    """The state can no longer be written; the exchange has to end."""


def connect(path: Path) -> sqlite3.Connection:
    """Opens a state file for this process alone, readable by its owner alone. Raises ValueError if that is impossible."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        check_private(path)
        connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise ValueError(f"{path}: cannot be opened as state: {error}") from None
    try:
        # Alone, so that no second exchange trades on the same accounts. A commit in the log outlives the process.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        prepare(connection)
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" in str(error):
            raise ValueError(f"{path}: another exchange is using this state") from None
        raise ValueError(f"{path}: cannot be used as state: {error}") from None
    except (sqlite3.DatabaseError, ValueError) as error:
        connection.close()
        raise ValueError(f"{path}: no state of an exchange: {error}") from None
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables of a new file; raises ValueError for a file of another kind or version."""
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (found, version) == (APPLICATION_ID, VERSION):
        return
    is_older = found == APPLICATION_ID and version in OLDER_VERSIONS
    if found == APPLICATION_ID and not is_older:
        raise ValueError(f"its version is {version}, this program knows {VERSION}")
    if not is_older and connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        raise ValueError("it is a database of something else")
    for statement in TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def stored_keys(path: Path, account: str) -> tuple[KeyPair, ...]:
    """The keys that an account had when its state was last used; none for a new file. Raises ValueError as `connect`."""
    connection = connect(path)
    try:
        rows = connection.execute(
            "SELECT key, secret, kind FROM keys WHERE account = ? ORDER BY kind DESC", (account,)
        ).fetchall()
    finally:
        connection.close()
    return tuple(KeyPair(key, secret, KeyKind(kind)) for key, secret, kind in rows)


class StateFile:
    """The state of one venue. `on_failure` is called once when nothing can be written any longer."""

    def __init__(self, path: Path, on_failure: Callable[[sqlite3.Error], None]) -> None:
        self.path = path
        self.on_failure = on_failure
        self.connection = connect(path)
        self.encoder = msgspec.json.Encoder()
        self.reserved: dict[str, int] = {}

    def resume(self, venue: Venue) -> None:
        """Continues the numberings of a venue that has no accounts yet."""
        rows = self.connection.execute("SELECT name, reserved FROM numberings").fetchall()
        self.reserved = dict(rows)
        venue.skip_ids(self.reserved)
        self.restore_balances(venue, venue.ledger.fees, FEES)
        self.reserve(venue)

    def knows(self, account: str) -> bool:
        """Whether the account was here before."""
        return self.find_account(account) is not None

    def find_account(self, account: str) -> int | None:
        """When an account last changed, in microseconds; None if it is new."""
        row = self.connection.execute(
            "SELECT update_time_us FROM accounts WHERE name = ?", (account,)
        ).fetchone()
        return None if row is None else int(row[0])

    def restore(self, venue: Venue, account: Account) -> None:
        """Gives an account, just opened without funds, what it had. Raises ValueError for orders in an unlisted symbol."""
        account.update_time_us = self.find_account(account.name) or 0
        self.restore_balances(venue, account, account.name)
        self.restore_orders(venue, account)
        self.restore_lists(venue, account)
        rows = self.connection.execute(
            "SELECT body FROM (SELECT number, body FROM trades WHERE account = ? "
            "ORDER BY number DESC LIMIT ?) ORDER BY number",
            (account.name, TRADES_KEPT),
        )
        decoder = msgspec.json.Decoder(AccountTrade)
        for (body,) in rows:
            account.history.add_trade(decoder.decode(body))

    def restore_balances(self, venue: Venue, account: Account, name: str) -> None:
        """Issues what an account had."""
        rows = self.connection.execute(
            "SELECT asset, free, locked FROM balances WHERE account = ?", (name,)
        )
        for asset, free, locked in rows:
            venue.ledger.issue(account, asset, Decimal(free) + Decimal(locked))
            balance = account.balance(asset)
            balance.free, balance.locked = Decimal(free), Decimal(locked)

    def restore_orders(self, venue: Venue, account: Account) -> None:
        """Puts back an account's orders, the open ones into their books."""
        rows = self.connection.execute(
            "SELECT body FROM (SELECT order_id, body FROM orders WHERE account = ? "
            "ORDER BY order_id DESC LIMIT ?) ORDER BY order_id",
            (account.name, CLOSED_ORDERS_KEPT),
        )
        decoder = msgspec.json.Decoder(StoredOrder)
        for (body,) in rows:
            stored = decoder.decode(body)
            order = OrderRecord(account=account, **msgspec.structs.asdict(stored))
            if not order.is_waiting and not order.working_time_us:
                order.working_time_us = order.time_us  # As kept by an earlier version.
            for match in order.prevented_matches:
                account.history.add_prevented(order.symbol, match)
            if not order.is_open:
                ended_as, order.client_order_id = (
                    order.client_order_id,
                    order.original_client_order_id,
                )
                account.history.add(order)
                order.client_order_id = ended_as
                account.history.close(order)
                continue
            account.history.add(order)
            market = venue.markets.get(order.symbol)
            if market is None:
                raise ValueError(
                    f"{self.path}: there are open orders in {order.symbol}, which is not listed now"
                )
            if order.rests:
                market.engine.book.add(order)
            elif order.status is not OrderStatus.PENDING_NEW:
                market.triggers.add(order)

    def restore_lists(self, venue: Venue, account: Account) -> None:
        """Puts back an account's order lists; a list that was to be placed next is placed with the next trade."""
        rows = self.connection.execute(
            "SELECT body FROM (SELECT list_id, body FROM order_lists WHERE account = ? "
            "ORDER BY list_id DESC LIMIT ?) ORDER BY list_id",
            (account.name, ORDER_LISTS_KEPT),
        )
        decoder = msgspec.json.Decoder(StoredList)
        for (body,) in rows:
            values = msgspec.structs.asdict(decoder.decode(body))
            orders = [
                account.history.find(values["symbol"], order_id) for order_id in values["pending"]
            ]
            working = values["working"]
            values["pending"] = [order for order in orders if order is not None]
            values["working"] = (
                None if working is None else account.history.find(values["symbol"], working)
            )
            order_list = OrderList(account=account, **values)
            account.history.add_list(order_list)
            if order_list.is_done:
                continue
            market = venue.markets[order_list.symbol]
            market.order_lists[order_list.list_id] = order_list
            first = order_list.working
            if (
                first is not None
                and first.status is OrderStatus.FILLED
                and not order_list.is_placed
            ):
                market.due.append(order_list)

    def keep_account(self, account: Account, keys: tuple[KeyPair, ...]) -> None:
        """Notes an account with all its balances and its keys."""

        def write() -> None:
            self.write_balances({account: dict.fromkeys(account.balances)})
            self.connection.execute("DELETE FROM keys WHERE account = ?", (account.name,))
            self.connection.executemany(
                "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)",
                [(account.name, pair.kind.value, pair.key, pair.secret) for pair in keys],
            )

        self.commit(write)

    def record(self, venue: Venue, transaction: Transaction) -> None:
        """Commits what a request did. Raises sqlite3.Error if that fails: then nobody may be told of it."""
        self.commit(lambda: self.write(venue, transaction))

    def commit(self, write: Callable[[], Any]) -> None:
        """Runs writes in a transaction of the file's."""
        try:
            self.connection.execute("BEGIN")
            write()
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.on_failure(error)
            raise

    def write(self, venue: Venue, transaction: Transaction) -> None:
        """The rows of a request's effects."""
        self.connection.executemany(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?)",
            [
                (order.order_id, order.account.name, self.encoder.encode(store(order)))
                for order in transaction.orders
            ],
        )
        self.connection.executemany(
            "INSERT OR REPLACE INTO order_lists VALUES (?, ?, ?)",
            [
                (one.list_id, one.account.name, self.encoder.encode(store_list(one)))
                for one in transaction.order_lists
            ],
        )
        self.connection.executemany(
            "INSERT INTO trades (account, body) VALUES (?, ?)",
            [
                (account.name, self.encoder.encode(trade))
                for account, trade in transaction.account_trades
            ],
        )
        self.write_balances(transaction.assets)
        if transaction.account_trades:
            self.write_fees(venue.ledger.fees)
        self.write_reservations(venue)

    def write_balances(self, changed: dict[Account, dict[str, None]]) -> None:
        """The balances that may have changed, and when."""
        for account, assets in changed.items():
            self.connection.execute(
                "INSERT OR REPLACE INTO accounts VALUES (?, ?)",
                (account.name, account.update_time_us),
            )
            self.connection.executemany(
                "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)",
                [row_of(account.name, account, asset) for asset in assets],
            )

    def write_fees(self, fees: Account) -> None:
        """All that the venue has taken."""
        self.connection.executemany(
            "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)",
            [row_of(FEES, fees, asset) for asset in fees.balances],
        )

    def write_reservations(self, venue: Venue) -> None:
        """Reserves a further block of every numbering that has used up half of its last one."""
        for name, used in venue.ids_used().items():
            if used + IDS_IN_BLOCK // 2 > self.reserved.get(name, 0):
                self.reserved[name] = used + IDS_IN_BLOCK
                self.connection.execute(
                    "INSERT OR REPLACE INTO numberings VALUES (?, ?)", (name, self.reserved[name])
                )

    def reserve(self, venue: Venue) -> None:
        """Reserves ids where the house alone has used them up; to be called every now and then."""
        half = IDS_IN_BLOCK // 2
        if any(used + half > self.reserved.get(name, 0) for name, used in venue.ids_used().items()):
            self.commit(lambda: self.write_reservations(venue))

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()


def row_of(name: str, account: Account, asset: str) -> tuple[str, str, str, str]:
    """A balance as it is kept: in full, without an exponent."""
    balance = account.balance(asset)
    return (name, asset, f"{balance.free:f}", f"{balance.locked:f}")
