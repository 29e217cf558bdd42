"""With what a backtest runs: account, fees, fill model, latencies, limits."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.backtest.errors import BacktestError
from actors.backtest.latency import Latency
from actors.trading.risk import RiskLimits
from messages.instruments import to_decimal


class FillModel(enum.StrEnum):
    """When a resting order fills. None of them fills it at another price than its own, or beyond a trade's quantity."""

    TOUCH = "touch"
    """By a trade of the other aggressor at its price or beyond, or a best price of the other side that reaches it."""
    THROUGH = "through"
    """Only by what goes beyond its price."""
    QUEUE = "queue"
    """At its price once the quantity that was displayed ahead of it has traded; beyond it at once."""


class BarModel(enum.StrEnum):
    """How bars make a market."""

    RANGE = "range"
    """Orders fill at a bar's open, or at their limit within its range; what happens inside is judged pessimistically."""
    QUOTES = "quotes"
    """Each bar is four quotes, open, high, low and close, with bid = ask; the last one stands until the next bar."""


class FeeAsset(enum.StrEnum):
    """In what the venue takes its fee."""

    RECEIVED = "received"
    """In the asset that a trade brings in, as Binance does: base for a BUY, quote for a SELL."""
    QUOTE = "quote"
    BASE = "base"
    BNB = "bnb"
    """In BNB with Binance's discount, as long as there is any; else in the asset received."""


DEFAULT_BALANCE = Decimal(100_000)
"""Of each quote asset that is traded, unless balances are given."""


@dataclass(frozen=True, kw_only=True)
class BacktestSettings:
    """All that a backtest needs beside data and actors."""

    balances: Mapping[str, Decimal] = field(default_factory=dict)
    """What the account begins with, per asset. Empty: `DEFAULT_BALANCE` of each quote asset."""
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    fee_asset: FeeAsset = FeeAsset.RECEIVED
    bnb_price: Decimal | None = None
    """In USDT, for fees in BNB where the data do not hold BNBUSDT."""
    fill_model: FillModel = FillModel.TOUCH
    bar_model: BarModel = BarModel.RANGE
    feed_latency: Latency = field(default_factory=Latency)
    order_latency: Latency = field(default_factory=Latency)
    """One way: a request takes it to the venue, and the venue's words take it back."""
    risk: RiskLimits = field(default_factory=RiskLimits)
    seed: int = 0
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Per symbol, fields of `SymbolRules` in place of the built-in ones."""
    flatten: bool = False
    """At the end what the strategies hold is sold at market."""
    bot: str = "backtest"
    """Marks the orders' ids."""


def parse_fees(text: str) -> dict[str, Any]:
    """Settings from `0.001`, `MAKER,TAKER` or `MAKER,TAKER,ASSET`. Raises BacktestError."""
    parts = text.split(",")
    try:
        maker = to_decimal(parts[0])
        taker = to_decimal(parts[1]) if len(parts) > 1 else maker
        asset = FeeAsset(parts[2].lower()) if len(parts) > 2 else FeeAsset.RECEIVED
    except ValueError as error:
        raise BacktestError(
            f"--fees {text}: {error}; write 0.001 or maker,taker or maker,taker,asset "
            "(received, quote, base, bnb)"
        ) from error
    if len(parts) > 3 or not (-1 < maker < 1 and 0 <= taker < 1) or maker < 0:
        raise BacktestError(f"--fees {text}: fees are fractions from 0 to 1, as 0.001 for 0.1 %")
    return {"maker_fee": maker, "taker_fee": taker, "fee_asset": asset}


def parse_balances(words: list[str]) -> dict[str, Decimal]:
    """Balances from words such as `USDT=10000`. Raises BacktestError."""
    balances = {}
    for word in words:
        asset, equals, amount = word.partition("=")
        try:
            if not equals or not asset:
                raise ValueError("write ASSET=AMOUNT")
            balances[asset] = to_decimal(amount)
        except ValueError as error:
            raise BacktestError(f"balance {word!r}: {error}") from error
        if balances[asset] < 0:
            raise BacktestError(f"balance {word!r}: it must not be negative")
    return balances
