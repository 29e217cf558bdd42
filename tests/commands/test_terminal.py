"""What a user sees: the live picture at the width of a usual terminal, and plain lines elsewhere."""

import io
import logging
import os
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console

from actors.commands.monitor import BotFigures, Monitor
from actors.commands.summary import describe_end
from actors.commands.terminal import SteadyConsole, Terminal
from actors.runtime.actor import Actor
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.testing import (
    ManualClock,
    make_book_ticker,
    make_instrument,
    make_order_update,
)
from messages.account import AccountSnapshot, Balance, Position
from messages.control import HaltCompleted, HoldTrading, Ready, ReleaseTrading
from messages.enums import Exchanges, FeedState, OrderStatus, Reason
from messages.instruments import Instrument
from messages.market import BookTicker, FeedStatus
from messages.orders import Fill, OrderUpdate
from messages.recovery import GateNote

WIDTH = 100


class Source(
    Actor[
        Ready
        | BookTicker
        | Instrument
        | FeedStatus
        | OrderUpdate
        | Fill
        | Position
        | Balance
        | AccountSnapshot
        | HaltCompleted
        | HoldTrading
        | ReleaseTrading
        | GateNote
    ]
):
    """May send what a monitor hears."""


@pytest_asyncio.fixture
async def system() -> AsyncIterator[System]:
    """A system of a monitor and a source of what it hears."""
    made = System(
        [ActorSpecification(Source, "source"), ActorSpecification(Monitor, "monitor")],
        ManualClock(),
    )
    await made.start()
    yield made
    await made.stop()


def make_monitor() -> Monitor:
    """A monitor that has heard of a rich run: a long name, a long profit, many open orders."""
    monitor = Monitor()
    monitor.handle(Ready())
    monitor.handle(make_instrument())
    monitor.handle(make_book_ticker(59994.01, 1234567.89))
    monitor.handle(make_book_ticker(0.00001234, 0.00001235, "PEPEUSDT"))
    monitor.handle(
        FeedStatus(exchange=Exchanges.BINANCE, symbol="BTCUSDT", state=FeedState.LIVE, reason="")
    )
    third = Decimal(1) / Decimal(3)
    for strategy in ("MarketMaker", "A_strategy_whose_name_is_longer_than_most"):
        monitor.handle(
            Position(
                strategy=strategy,
                exchange=Exchanges.BINANCE,
                symbol="BTCUSDT",
                quantity=Decimal("0.00123456"),
                average_price=Decimal(59994) + third,
                realized_profit=-1234 * third,
                unrealized_profit=third,
                fees={"BNB": Decimal("0.00012345")},
            )
        )
    for index in range(11):
        monitor.handle(
            make_order_update(
                f"order-{index}", OrderStatus.PENDING_NEW, quantity=Decimal("0.00123")
            )
        )
    return monitor


def render(system: System, figures: BotFigures, width: int = WIDTH) -> list[str]:
    """The lines of the live picture."""
    console = Console(
        file=io.StringIO(),
        width=width,
        height=60,
        force_terminal=True,
        record=True,
        color_system=None,
    )
    terminal = Terminal("bot on BINANCE (testnet)", lambda: figures, system, console)
    console.print(terminal.draw())
    return console.export_text().splitlines()


@pytest.mark.asyncio
async def test_the_picture_fits_and_breaks_no_figure(system: System) -> None:
    lines = render(system, make_monitor().figures)
    text = "\n".join(lines)
    assert all(len(line) <= WIDTH for line in lines)
    assert "bot on BINANCE (testnet)" in lines[0]
    for expected in (
        "state",
        "trading",
        "11 sent, 11 open, 0 fills",
        "-822.66666667 USDT realised, 0.66666667 USDT open",
        "0.0002469 BNB",
        "1234567.89",
        "0.00001234",
        "59994.33",
        "0.00123456",
        "-411.33333333",
        "0.33333333",
        "and 3 more",
        "MarketMaker",
    ):
        assert expected in text, text
    assert "e-05" not in text
    assert "E+" not in text
    (row,) = (line for line in lines if line.startswith("MarketMaker"))
    assert row.split() == [
        *("MarketMaker", "BTCUSDT", "0.00123456", "59994.33", "-411.33333333", "0.33333333")
    ]
    (row,) = (line for line in lines if line.startswith("BTCUSDT"))
    assert row.split() == ["BTCUSDT", "LIVE", "59994.01", "1234567.89"]
    # Nothing is known of this feed yet: no state is claimed.
    (row,) = (line for line in lines if line.startswith("PEPEUSDT"))
    assert row.split() == ["PEPEUSDT", "0.00001234", "0.00001235"]
    assert any(line.startswith("monitor") for line in lines)


@pytest.mark.asyncio
async def test_a_narrow_terminal_cuts_names_before_figures(system: System) -> None:
    lines = render(system, make_monitor().figures, width=80)
    assert all(len(line) <= 80 for line in lines)
    (row,) = (line for line in lines if line.startswith("A_strat"))
    assert "…" in row
    assert row.split()[-4:] == ["0.00123456", "59994.33", "-411.33333333", "0.33333333"]


@pytest.mark.asyncio
async def test_text_from_elsewhere_is_no_markup(system: System) -> None:
    monitor = make_monitor()
    monitor.figures.recent.append("X failed: KeyError: '[/bold] [red]'")
    monitor.figures.halted = "[blink]"
    text = "\n".join(render(system, monitor.figures))
    assert "KeyError: '[/bold] [red]'" in text
    assert "halted: [blink]" in text


@pytest.mark.asyncio
async def test_elsewhere_it_prints_one_line_at_a_time(system: System) -> None:
    file = io.StringIO()
    monitor = make_monitor()
    terminal = Terminal("bot", lambda: monitor.figures, system, Console(file=file, width=WIDTH))
    terminal.start()
    assert isinstance(system.clock, ManualClock)
    system.clock.advance(2.5)
    terminal.refresh()
    terminal.stop()
    (line,) = file.getvalue().splitlines()
    assert line.startswith(
        "    2.5s trading | BTCUSDT 59994.01/1234567.89 PEPEUSDT 0.00001234/0.00001235 | orders 11 open 11 "
    )
    assert "profit -822.66666667 USDT (open 0.66666667 USDT)" in line
    assert "\x1b" not in line


@pytest.mark.asyncio
async def test_it_says_how_the_bot_stands(system: System) -> None:
    figures = BotFigures()
    terminal = Terminal("bot", lambda: figures, system, Console(file=io.StringIO()))
    assert terminal.state().startswith("starting")
    early = terminal.interval_s
    figures.is_ready = True
    assert terminal.state() == "trading"
    assert early < terminal.interval_s
    figures.stopped_actors = {"Maker": "ValueError: no", "Cross": "ValueError: no"}
    assert terminal.state() == "trading without Cross, Maker"
    figures.held = "the market data stands still"
    assert terminal.state() == "on hold: the market data stands still"
    figures.halted = "enough"
    assert terminal.state() == "halted: enough"
    figures.halted = "the bot stops"
    assert terminal.state() == "stopping: its orders are canceled"


@pytest.mark.asyncio
async def test_the_log_appears_above_the_picture_and_is_given_back(system: System) -> None:
    file = io.StringIO()
    console = Console(file=file, width=WIDTH, height=60, force_terminal=True)
    handler = logging.StreamHandler(sys.stderr)
    root = logging.getLogger()
    root.addHandler(handler)
    stderr = sys.stderr
    figures = make_monitor().figures
    terminal = Terminal("bot", lambda: figures, system, console)
    try:
        terminal.start()
        root.warning("the gateway reconnects")
        terminal.refresh()
        assert handler.stream is not stderr
        terminal.stop()
    finally:
        root.removeHandler(handler)
    assert handler.stream is sys.stderr is stderr
    assert "the gateway reconnects" in file.getvalue()


@pytest.mark.asyncio
async def test_a_terminal_that_goes_away_does_not_stop_the_bot(system: System) -> None:
    monitor = make_monitor()
    reader, writer = os.pipe()
    os.close(reader)
    with io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True) as file:
        console = SteadyConsole(file=file, width=WIDTH)
        terminal = Terminal("bot", lambda: monitor.figures, system, console)
        for _ in range(3):
            terminal.refresh()
        assert console.quiet


@pytest.mark.asyncio
async def test_the_first_line_says_where_its_log_is_and_how_it_ends(system: System) -> None:
    file = io.StringIO()
    console = Console(file=file, width=WIDTH)
    folder = Path("/home/somebody") / ("a_long_name_" * 10)
    Terminal("bot on BINANCE (testnet)", BotFigures, system, console).tell_where(folder)
    (line,) = file.getvalue().splitlines()
    assert line.startswith("bot on BINANCE (testnet); Ctrl-C stops it in good order; ")
    assert line.endswith(f"log lie in {folder}")


@pytest.mark.asyncio
async def test_the_end_says_why_orders_were_refused(system: System) -> None:
    monitor = Monitor()
    for reason, text in ((Reason.QUANTITY, "1"), (Reason.QUANTITY, "2"), (Reason.VENUE, "3")):
        update = make_order_update(text, OrderStatus.REJECTED)
        update.reason, update.reason_text = reason, f"text {text}"
        monitor.handle(update)
    lines = describe_end(monitor.figures, system).splitlines()
    assert [line for line in lines if line.startswith("refused")] == [
        "refused   2 quantity: text 2",
        "refused   1 venue: text 3",
    ]
