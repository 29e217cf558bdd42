"""For the tests of what happens when: an exchange that outlives its own death, and the comparison of books at the end."""

import os
from decimal import Decimal
from pathlib import Path

from tests.commands.harness import PATIENCE_S, BotProcess, Ended, LocalVenue, wait_until
from tests.free_port import free_port

INITIAL = {"BTC": Decimal(100)}
RISK = """
receive_window_ms = 1000
absence_after_s = 3.0

[risk]
maximum_orders_per_second = 1000
maximum_order_notional = 100000
"""


def quoting(symbol: str = "BTCUSDT", quantity: str = "0.001") -> str:
    """A market maker that trades within seconds, and has orders to cancel."""
    return f"""
[[actors]]
class = "MarketMaker"
name = "Quoting{symbol}"
symbol = "{symbol}"
quantity = "{quantity}"
spread = 0.00002
requote_threshold = 0.00001
time_to_cancel = 0.3
"""


class EnduringVenue(LocalVenue):
    """An exchange at one address for all its lives, which keeps accounts, orders and trades."""

    def __init__(self, folder: Path) -> None:
        self.arguments = [
            *("--rate", "60", "--order-limit", "100000", "--port", str(free_port())),
            *("--state", str(folder / "exchange.sqlite")),
        ]
        self.start()

    def start(self) -> None:
        """Begins a life."""
        super().__init__(*self.arguments)

    def kill(self) -> None:
        """Ends one, as a power cut does."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


def check_books(ended: Ended, venue: LocalVenue, initial: dict[str, Decimal] = INITIAL) -> None:
    """Nothing of the bot's is open, and what it says to hold is what the venue's account has gained, to the last digit."""
    summary = ended.summary
    assert summary["open_orders"] == 0
    for asset, amount in initial.items():
        symbol = f"{asset}USDT"
        assert venue.open_ids(symbol) == []
        held = sum(
            (
                Decimal(item["quantity"])
                for item in summary["positions"]
                if item["symbol"] == symbol
            ),
            Decimal(0),
        )
        assert amount + held == venue.balances()[asset]
    names = [trade["orderId"] for trade in venue.trades()]
    assert names, "it has traded"


def trades_on(venue: LocalVenue, bot: BotProcess, least: int = 2, symbol: str = "BTCUSDT") -> None:
    """Waits until there are so many more executions, and the bot has told how it stands.

    The orders of a life before it may be executed while it starts, and before it trades Ctrl-C just ends it.
    """
    wanted = len(venue.trades(symbol)) + least

    def has_traded() -> bool:
        assert bot.process.poll() is None, f"the bot has ended: {heard(bot)}"
        return "fills" in heard(bot) and len(venue.trades(symbol)) >= wanted

    wait_until(has_traded, f"further trades: {heard(bot)}")


def heard(bot: BotProcess) -> str:
    """What the bot has written to stderr so far."""
    assert bot.process.stderr is not None
    descriptor = bot.process.stderr.fileno()
    os.set_blocking(descriptor, False)
    try:
        while data := os.read(descriptor, 65536):
            bot.heard += data.decode()
    except BlockingIOError:
        pass
    finally:
        os.set_blocking(descriptor, True)
    return bot.heard
