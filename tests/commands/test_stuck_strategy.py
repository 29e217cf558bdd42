"""A strategy whose handler never returns: the bot can be stopped all the same, and its orders are canceled."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.commands.control import BotControl
from actors.commands.stop_signals import stop_signals
from tests.commands.harness import PATIENCE_S, PATIENT, BotProcess, LocalVenue, wait_until

STUCK = """
[risk]
price_collar = 0.9

[[actors]]
class = "my_bot.Stuck"
symbol = "BTCUSDT"
price = 30000
quantity = "0.001"
"""

FAILING = """
[[actors]]
class = "my_bot.Fragile"
symbol = "BTCUSDT"

[[actors]]
class = "my_bot.Numb"
"""


StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]


def start(
    start_bot: StartBot, venue: LocalVenue, folder: Path, text: str, *options: str
) -> BotProcess:
    """A bot with actors of `stuck_bot.py` and one market maker."""
    shutil.copy(Path(__file__).with_name("stuck_bot.py"), folder / "my_bot.py")
    return start_bot("--config", venue.write_configuration(folder, text + PATIENT), *options)


def wait_for_word(folder: Path, word: str, what: str, patience_s: float = PATIENCE_S) -> None:
    """Until the bot's log has it."""
    log = folder / "state" / "bot.log"
    wait_until(lambda: log.exists() and word in log.read_text(), what, patience_s)


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)],
    ids=["one, and patience", "two"],
)
def test_a_handler_that_never_returns_is_broken_off_at_the_end(
    signals: tuple[int, ...],
    start_venue: StartVenue,
    start_bot: StartBot,
    tmp_path: Path,
) -> None:
    venue = start_venue()
    venue.place_by_hand("manual-1")
    bot = start(start_bot, venue, tmp_path, STUCK)
    wait_until(lambda: len(venue.open_ids()) >= 2, "an order of the bot")
    wait_for_word(tmp_path, "there is no return", "the handler that hangs")
    for number in signals:
        bot.signal(number)
        time.sleep(0.1)  # or the two would be one
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    assert venue.open_ids() == ["manual-1"]
    assert "Stuck is out: BrokenOff: the end was asked for" in ended.stderr
    assert "in on_order_update" in ended.stderr
    assert "Patient is out" not in ended.stderr


def test_an_end_after_a_time_breaks_handlers_off_as_a_signal_does(
    start_venue: StartVenue,
    start_bot: StartBot,
    tmp_path: Path,
) -> None:
    venue = start_venue()
    # Long enough for a busy machine to come to the handler that hangs.
    bot = start(start_bot, venue, tmp_path, STUCK, "--duration", "8")
    wait_for_word(tmp_path, "there is no return", "the handler that hangs")
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    assert venue.open_ids() == []
    assert "Stuck is out: BrokenOff: the end was asked for" in ended.stderr


def test_the_end_of_a_bot_that_fails_breaks_handlers_off_as_well(
    start_venue: StartVenue,
    start_bot: StartBot,
    tmp_path: Path,
) -> None:
    """Also one that begins in the very turn of the loop in which the bot fails: nobody hears of an end before it."""
    venue = start_venue()
    bot = start(start_bot, venue, tmp_path, FAILING)
    ended = bot.wait()
    assert ended.code == 1, ended.stderr
    assert venue.open_ids() == []
    assert "Fragile is out: ZeroDivisionError" in ended.stderr
    assert "from here on there is no return" in ended.stderr
    assert "Numb failed on ActorStopped: BrokenOff: the end was asked for" in ended.stderr


@pytest.mark.parametrize("is_timed", [False, True], ids=["by a signal", "by its time"])
def test_handlers_that_return_late_have_five_seconds_in_all_at_the_end(
    is_timed: bool,
    start_venue: StartVenue,
    start_bot: StartBot,
    tmp_path: Path,
) -> None:
    """Each returns before its time is up; an end of a dozen turns of the loop would wait for one at every turn."""
    venue = start_venue()
    sleepy = STUCK.replace("Stuck", "Sleepy")
    bot = start(start_bot, venue, tmp_path, sleepy, *(["--duration", "6"] if is_timed else []))
    wait_for_word(tmp_path, "this takes a while", "the handler that sleeps")
    begin_s = time.monotonic()
    if not is_timed:
        bot.signal(signal.SIGTERM)
    ended = bot.wait(60.0)
    assert ended.code == 0, ended.stderr
    assert venue.open_ids() == []
    assert "Sleepy is out: BrokenOff: the end was asked for" in ended.stderr
    assert time.monotonic() - begin_s < 20.0


def test_two_signals_that_the_loop_has_not_taken_yet_are_two() -> None:
    control = BotControl()

    async def interrupt() -> tuple[bool, bool]:
        with stop_signals(control):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.01)
            return control.stop.is_set(), control.abandon.is_set()

    assert asyncio.run(interrupt()) == (True, True)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_end_may_be_expected_in_any_time() -> None:
    control = BotControl()

    async def expect() -> list[float]:
        with stop_signals(control):
            lefts = []
            for delay_s in (0.0, 60.0, 1e18):
                control.expect_end(delay_s)
                lefts.append(signal.getitimer(signal.ITIMER_REAL)[0])
            return lefts

    at_once, in_a_minute, never = asyncio.run(expect())
    assert 0 < at_once < 1 < 59 < in_a_minute < 61 < 1e8 < never
    control.expect_end(0.0)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
