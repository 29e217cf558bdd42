"""A journal that is not what it was, under a whole bot: reconciled with the venue or refused, never an empty start."""

import copy
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.runtime.clock import RealClock
from actors.runtime.errors import JournalError
from actors.runtime.journal import Journal
from actors.runtime.system import System
from messages.enums import Exchanges
from messages.orders import Fill
from tests.order_manager.lasting_bot import (
    LastingGateway,
    heard,
    instance_of,
    make_specifications,
    resting_at_venue,
    wait_until,
)
from tests.runtime.journal_copies import copy_files

NAME = "journal.sqlite"


class Life:
    """What one run of the bot leaves behind when it is killed: files, and what the venue knows."""

    def __init__(self, path: Path, gateway: LastingGateway) -> None:
        self.path = path
        self.gateway = gateway


async def live(path: Path, earlier: LastingGateway | None, killed: Path | None) -> LastingGateway:
    """One run of the bot, until it has traded; with `killed` its files are set aside in mid-run. The venue then."""
    journal = Journal(path, "bot")
    journal.bind_venue("small")
    specifications = make_specifications([], earlier)
    system = System(specifications, RealClock(), run=journal.grant_run(), journal=journal)
    await system.start()
    await wait_until(lambda: len(heard(system, Fill)) >= 6)
    venue = LastingGateway(Exchanges.CUSTOM, None)
    if killed is None:
        await system.stop()
    else:
        copy_files(path, killed)
    running = instance_of(system, "gateway")
    venue.orders, venue.balances = copy.deepcopy((running.orders, running.balances))
    venue.trade_count, venue.doubled = running.trade_count, list(running.doubled)
    if killed is not None:
        await system.stop()
    else:
        check(system)
    journal.close()
    return venue


def check(system: System) -> None:
    """Position, open orders and names are what the venue says."""
    gateway = instance_of(system, "gateway")
    manager = instance_of(system, "order_manager")
    flows = manager.books.portfolio.flows(Exchanges.CUSTOM)
    assert flows["BTC"] == gateway.balances["BTC"]
    assert flows["USDT"] == gateway.balances["USDT"] - 10_000
    assert resting_at_venue(gateway) == 1
    # An order that was placed as the bot stopped may never have come to the gateway.
    ours = {
        order.client_order_id
        for order in manager.books.table.open_orders()
        if order.venue_status is not None
    }
    assert ours == {name for name, order in gateway.orders.items() if order.is_open}
    assert gateway.doubled == []


async def live_twice(tmp_path: Path) -> Life:
    """Two runs, the second killed; `older` holds what the first one left."""
    first = tmp_path / "first" / NAME
    first.parent.mkdir()
    venue = await live(first, None, None)
    shutil.copytree(first.parent, tmp_path / "older")
    return Life(tmp_path / "killed" / NAME, await live(first, venue, tmp_path / "killed"))


def lose_log(path: Path) -> None:
    path.with_name(f"{NAME}-wal").unlink()


def tear_log(share: float) -> Callable[[Path], None]:
    def tear(path: Path) -> None:
        log = path.with_name(f"{NAME}-wal")
        data = log.read_bytes()
        log.write_bytes(data[: round(len(data) * share)])

    return tear


def restore_older_database(path: Path) -> None:
    """The whole database of the run before; the file beside it is the present one."""
    lose_log(path)
    shutil.copy(path.parents[1] / "older" / NAME, path)


def restore_older_folder(path: Path) -> None:
    """A backup of everything: only the venue can tell."""
    shutil.rmtree(path.parent)
    shutil.copytree(path.parents[1] / "older", path.parent)


def lose_database(path: Path) -> None:
    path.unlink()
    lose_log(path)


def lose_everything(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.mkdir()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda path: None, ""),
        (lose_log, "write-ahead log"),
        (tear_log(0.0), ""),
        (tear_log(0.3), ""),
        (tear_log(0.7), ""),
        (tear_log(0.999), ""),
        (restore_older_database, "an older copy: it knows 1 starts, 2 were made"),
        (restore_older_folder, "older than the account's orders"),
        (lose_database, "an empty file"),
        (lose_everything, "adopted"),
    ],
    ids=[
        *("whole", "log lost", "log empty", "log torn early", "log torn", "log torn late"),
        *("older database", "older folder", "database lost", "everything lost"),
    ],
)
async def test_after_the_dust_settles_we_know_what_the_venue_knows(
    tmp_path: Path,
    damage: Callable[[Path], None],
    word: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    killed = await live_twice(tmp_path)
    damage(killed.path)
    with caplog.at_level(logging.WARNING):
        await live(killed.path, killed.gateway, None)
    assert word in caplog.text


@pytest.mark.asyncio
async def test_a_log_beside_the_database_of_another_run_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite takes the newer log for the older database's own: refused if that breaks it, reconciled if not."""
    killed = await live_twice(tmp_path)
    shutil.copy(tmp_path / "older" / NAME, killed.path)
    refusals: list[JournalError] = []
    try:
        with caplog.at_level(logging.WARNING):
            await live(killed.path, killed.gateway, None)
    except JournalError as error:
        refusals.append(error)
    assert refusals or "an older copy" in caplog.text
    assert all("good copy" in str(refusal) for refusal in refusals)


def test_another_bots_and_another_venues_journal_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / NAME, "bot")
    journal.bind_venue("small")
    journal.write([("order_manager", 1, "Entry", 0, b"")], {})
    journal.close()
    with pytest.raises(JournalError, match="belongs to the bot 'bot'"):
        Journal(tmp_path / NAME, "other")
    journal = Journal(tmp_path / NAME, "bot")
    with pytest.raises(JournalError, match="holds the orders and positions of small"):
        journal.bind_venue("great")
    journal.close()
