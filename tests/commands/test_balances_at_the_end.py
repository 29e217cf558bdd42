"""What the summary says of the account: it holds every fill that the summary counts, or says that it may not."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from actors.commands.monitor import Monitor
from actors.commands.summary import describe_doubt, show_time
from messages.account import AccountSnapshot, Balance
from messages.enums import Exchanges, Side
from messages.orders import Fill
from tests.commands.command_client import ask_status
from tests.commands.harness import BotProcess, Ended, LocalVenue, wait_until
from tests.commands.lives import heard

BUYER = """
[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
level = 1
quantity = "0.005"
"""
UNTOLD = {"kind": "event_withheld", "on": "outboundAccountPosition"}
"""The venue says what was executed, and never what the account holds since: as if the stream had been cut in between."""

StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]


def start_buyer(
    start_venue: StartVenue, start_bot: StartBot, folder: Path
) -> tuple[LocalVenue, BotProcess]:
    """A bot that has bought and knows it, and has not been told what the account holds since."""
    venue = start_venue("--rate", "60", "--control")
    venue.set_fault(**UNTOLD)
    bot = start_bot("--config", venue.write_configuration(folder, BUYER))
    wait_until(lambda: ask_status(folder / "state").get("positions"), "a position")
    return venue, bot


def stated_balances(ended: Ended) -> dict[str, Decimal]:
    """What the summary says that the account holds."""
    return {asset: Decimal(text) for asset, text in ended.summary["balances"].items()}


def test_it_holds_fills_of_which_no_event_told(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue, bot = start_buyer(start_venue, start_bot, tmp_path)
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    assert ended.summary["fills"] > 0
    assert stated_balances(ended) == venue.balances()
    assert ended.summary["balances_doubt"] == ""
    told_at = datetime.fromisoformat(ended.summary["balances_time"])
    assert datetime.now(UTC) - told_at < timedelta(minutes=5)
    assert "balances  " not in ended.stdout


def test_an_account_that_cannot_be_read_is_said_to_be_of_before(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue, bot = start_buyer(start_venue, start_bot, tmp_path)
    venue.set_fault(kind="silence", on="account.status")
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    # Nothing of ours is open, which is what the code stands for.
    assert ended.code == 0, ended.stderr
    assert ended.summary["fills"] > 0
    assert stated_balances(ended)["BTC"] == 100, "as before the purchase"
    assert "the account could not be read at the end" in ended.summary["balances_doubt"]
    assert ended.summary["balances_time"] in ended.summary["balances_doubt"]
    assert ended.summary["balances_doubt"] in ended.stdout
    assert "what the account holds at the end cannot be read" in ended.stderr


def test_a_key_that_is_refused_is_not_tried_again_and_said_to_be(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue, bot = start_buyer(start_venue, start_bot, tmp_path)
    venue.set_fault(kind="error", on="account.status", code=-2015, status=401, executes=False)
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    assert "the account could not be read at the end" in ended.summary["balances_doubt"]
    assert "-2015" in ended.summary["balances_doubt"]
    log = (tmp_path / "state" / "bot.log").read_text(encoding="utf-8")
    assert log.count("asking the venue at the end") == 1, "another time it is refused again"


def test_a_second_interrupt_breaks_off_the_last_look(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue, bot = start_buyer(start_venue, start_bot, tmp_path)
    venue.set_fault(kind="silence", on="account.status")
    bot.signal(signal.SIGINT)
    wait_until(lambda: "the end reads what the account holds" in heard(bot), "the last look")
    bot.signal(signal.SIGINT)
    ended = bot.wait()
    assert ended.code == 130, ended.stderr
    assert ended.summary["open_orders"] == 0
    assert ended.summary["unknown_orders"] == []
    assert "the account could not be read at the end" in ended.summary["balances_doubt"]
    assert "interrupted" in ended.summary["balances_doubt"]


def account_of(amount: str, event_time_ns: int) -> AccountSnapshot:
    """The venue's answer: so much is held, at this time of its clock."""
    balance = Balance(
        exchange=Exchanges.BINANCE, asset="BTC", free=Decimal(amount), locked=Decimal(0)
    )
    return AccountSnapshot(
        exchange=Exchanges.BINANCE,
        balances=[balance],
        open_orders=[],
        event_time_ns=event_time_ns,
    )


def buy_one(event_time_ns: int) -> Fill:
    """An execution at this time of the venue's clock."""
    return Fill(
        strategy="Maker",
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        order_id="1",
        client_order_id="bot-1",
        exchange_order_id=1,
        trade_id=1,
        side=Side.BUY,
        price=Decimal(30000),
        quantity=Decimal(1),
        event_time_ns=event_time_ns,
    )


def test_an_answer_from_before_the_last_fill_closes_nothing() -> None:
    monitor = Monitor()
    monitor.handle(account_of("5", 10))
    monitor.handle(buy_one(30))
    monitor.close_account(account_of("5", 20))
    assert "what was executed since is not in them" in describe_doubt(monitor.figures)
    monitor.close_account(account_of("6", 30))
    assert describe_doubt(monitor.figures) == ""
    assert monitor.figures.balances["BTC"].total == 6


def test_a_fill_that_is_told_after_the_last_look_opens_the_account_again() -> None:
    """Of an order that could not be canceled, or in a venue's answer that lags: the look was not the last word."""
    monitor = Monitor()
    monitor.handle(buy_one(30))
    monitor.close_account(account_of("6", 40))
    monitor.handle(buy_one(35))
    assert describe_doubt(monitor.figures) == "", "executed before the look, told after it"
    monitor.handle(buy_one(50))
    assert "what was executed since is not in them" in describe_doubt(monitor.figures)
    monitor.handle(account_of("7", 50))
    assert monitor.figures.balances["BTC"].total == 7


def test_an_event_that_comes_after_the_last_look_is_one_of_before() -> None:
    """Two changes of one millisecond: the first one's event arrives late, and the second one's not at all."""
    monitor = Monitor()
    monitor.handle(buy_one(30))
    monitor.close_account(account_of("6", 30))
    monitor.handle(
        Balance(
            exchange=Exchanges.BINANCE,
            asset="BTC",
            free=Decimal("5.5"),
            locked=Decimal(0),
            event_time_ns=30,
        )
    )
    assert monitor.figures.balances["BTC"].total == 6
    assert show_time(monitor.figures.balances_time_ns) == "1970-01-01T00:00:00.000+00:00"
