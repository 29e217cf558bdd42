"""The README's actor that is no strategy."""

import pytest

from actors.strategies.price_alert import Alert, PriceAlert
from actors.testing import make_trade


def test_tells_each_crossing_once() -> None:
    alert = PriceAlert("BTCUSDT", level=100.0)
    for price in (99.0, 100.0, 100.5, 101.0, 100.1, 99.5, 98.0, 120.0):
        alert.handle(make_trade(price))
    told = [
        (item.price, item.is_above, item.level) for item in alert.outbox if isinstance(item, Alert)
    ]
    assert told == [(100.5, True, 100.0), (99.5, False, 100.0), (120.0, True, 100.0)]
    assert len(alert.outbox) == 3


def test_the_first_price_is_no_crossing() -> None:
    alert = PriceAlert("BTCUSDT", level=100.0)
    alert.handle(make_trade(150.0))
    assert alert.outbox == []


@pytest.mark.parametrize(
    ("key", "arguments"),
    [
        ("symbol", ("btcusdt", 1.0)),
        ("level", ("BTCUSDT", 0.0)),
        ("level", ("BTCUSDT", -1.0)),
        ("level", ("BTCUSDT", float("nan"))),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_key(key: str, arguments: tuple[str, float]) -> None:
    with pytest.raises(ValueError, match=key):
        PriceAlert(*arguments)
