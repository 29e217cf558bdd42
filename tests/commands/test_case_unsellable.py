"""What is left of a position below the venue's least order: shown for what it is, beside one that can be sold."""

from decimal import Decimal

import pytest

from actors.commands.monitor import Monitor
from actors.testing import make_instrument
from messages.account import Position
from messages.enums import Exchanges


@pytest.mark.parametrize(
    ("quantity", "is_unsellable"),
    [("3", True), ("4.99", True), ("5", False), ("0.000001", True), ("0", False), ("-3", False)],
)
def test_a_rest_below_the_least_notional_is_called_unsellable(
    quantity: str, is_unsellable: bool
) -> None:
    """Bought at 1.00, with a least notional of 5."""
    monitor = Monitor()
    position = Position(
        strategy="maker",
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        quantity=Decimal(quantity),
        average_price=Decimal(1),
    )
    monitor.handle(position)
    assert not monitor.figures.is_unsellable(position), "the rules are not known yet"
    monitor.handle(make_instrument())
    (kept,) = monitor.figures.positions.values()
    assert monitor.figures.is_unsellable(kept) is is_unsellable
