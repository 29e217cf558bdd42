"""What a running bot does when its venue fails it: it says so, holds, comes back, and its books are right in the end."""

import re
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands.harness import PATIENT, BotProcess, Ended, LocalVenue, wait_until
from tests.commands.lives import RISK, EnduringVenue, check_books, heard, quoting, trades_on


def end(bot: BotProcess) -> Ended:
    """Ends a bot as Ctrl-C does."""
    bot.signal(signal.SIGINT)
    ended = bot.wait()
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


@pytest.fixture
def venue(start_venue: Callable[..., LocalVenue]) -> LocalVenue:
    """A lively exchange that takes orders to fail."""
    return start_venue("--rate", "60", "--control", "--order-limit", "100000")


def test_a_time_out(
    venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """Orders are executed and never answered: each is asked for, none is sent twice, and all are in the books."""
    bot = start_bot("--config", venue.write_configuration(tmp_path, RISK + quoting()))
    trades_on(venue, bot)
    venue.set_fault(kind="disconnect", on="order.place", every=3, times=4)
    trades_on(venue, bot, 8)
    ended = end(bot)
    assert ended.code == 0, ended.stderr
    check_books(ended, venue)


def test_lost_connections(
    venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """All at once, by a reset, twice."""
    bot = start_bot("--config", venue.write_configuration(tmp_path, RISK + quoting()))
    for _ in range(2):
        trades_on(venue, bot)
        venue.set_fault(kind="sockets_dropped", channel="all", reset=True)
    trades_on(venue, bot)
    ended = end(bot)
    assert ended.code == 0, ended.stderr
    assert "trading is held: BINANCE: the account's events are lost" in ended.stderr
    check_books(ended, venue)


def test_a_ban(venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--config", venue.write_configuration(tmp_path, RISK + quoting()))
    trades_on(venue, bot)
    venue.set_fault(kind="ban", on="order.place", ban_ms=1500, nth=1)
    wait_until(lambda: "banned for" in heard(bot), "its own word on the ban")
    # The venue bans the address, and so this test too: the bot's own word has to do.
    trades_on_by_its_word(bot)
    ended = end(bot)
    assert ended.code == 0, ended.stderr
    assert re.search(r"trading is held: BINANCE: banned for \d s", ended.stderr)
    check_books(ended, venue)


def test_maintenance(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    """The venue is gone for a while, without a word, and comes back with the orders that it had."""
    venue = EnduringVenue(tmp_path)
    try:
        bot = start_bot("--config", venue.write_configuration(tmp_path, RISK + quoting()))
        trades_on(venue, bot)
        venue.kill()
        wait_until(lambda: "trading is held" in heard(bot), "its own word on the silence")
        venue.start()
        trades_on(venue, bot)
        ended = end(bot)
        assert ended.code == 0, ended.stderr
        check_books(ended, venue)
    finally:
        venue.close()


def test_a_key_that_is_revoked(
    venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """It can do nothing any more, not even cancel: it ends, and names what may still be open."""
    file = venue.write_configuration(tmp_path, RISK + quoting() + PATIENT)
    bot = start_bot("--config", file)
    (patient,) = wait_until(
        lambda: [name for name in venue.open_ids() if "Patient" in name], "an order that rests"
    )
    trades_on(venue, bot)
    venue.set_fault(kind="key_revoked")
    ended = bot.wait()
    assert ended.code == 1
    assert "the venue says that the key is no longer good" in ended.stdout
    assert "whether orders are still open is not known" in ended.stderr
    assert patient in ended.stdout + ended.stderr


def test_a_symbol_that_stops_trading(
    start_venue: Callable[..., LocalVenue], start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """It stops alone: the other symbol trades on."""
    venue = start_venue("--symbols", "BTCUSDT,ETHUSDT", "--rate", "60", "--control")
    body = RISK + quoting() + quoting("ETHUSDT", "0.01")
    bot = start_bot("--config", venue.write_configuration(tmp_path, body))
    trades_on(venue, bot)
    venue.set_fault(kind="symbol_changed", symbol="BTCUSDT", status="BREAK")
    wait_until(lambda: "the rules of BTCUSDT have changed; it is BREAK" in heard(bot), "its word")
    wait_until(lambda: not venue.open_ids("BTCUSDT"), "the end of what rests there")
    trades_on(venue, bot, symbol="ETHUSDT")
    ended = end(bot)
    assert ended.code == 0, ended.stderr
    check_books(ended, venue, {"BTC": Decimal(100), "ETH": Decimal(1000)})


@pytest.mark.parametrize("offset_ms", [-20_000, 20_000])
def test_a_clock_that_is_wrong(
    offset_ms: int, venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """Ours and the venue's differ by twenty seconds all of a sudden: it is measured again, and trading goes on."""
    bot = start_bot("--config", venue.write_configuration(tmp_path, RISK + quoting()))
    trades_on(venue, bot)
    venue.set_fault(kind="clock_changed", offset_ms=offset_ms)
    trades_on_by_its_word(bot)
    venue.set_fault(kind="clock_changed", offset_ms=0)
    trades_on(venue, bot)
    ended = end(bot)
    assert ended.code == 0, ended.stderr
    check_books(ended, venue)


def trades_on_by_its_word(bot: BotProcess) -> None:
    """Waits until it tells of further fills."""
    before = fills_told(heard(bot))
    wait_until(lambda: fills_told(heard(bot)) >= before + 2, f"further fills: {heard(bot)}")


def fills_told(text: str) -> int:
    """The newest count of fills in the bot's plain lines."""
    return max((int(count) for count in re.findall(r"fills (\d+)", text)), default=0)
