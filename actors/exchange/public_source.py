"""Which other exchange's public market is to be streamed: the names that `--market` takes for one."""

from dataclasses import dataclass

BINANCE = "binance"


@dataclass(frozen=True, slots=True)
class PublicSource:
    """Where another exchange's public market is: base URLs without a path."""

    rest: str
    streams: str


BINANCE_SOURCE = PublicSource("https://data-api.binance.vision", "wss://data-stream.binance.vision")
"""Binance's own addresses for market data alone (rest-api.md, General API Information)."""


def find_source(market: str) -> PublicSource | None:
    """The exchange that a market's name stands for: `binance`, or the URL of another one; None for any other name."""
    if market == BINANCE:
        return BINANCE_SOURCE
    if market.startswith(("http://", "https://")):
        base = market.rstrip("/")
        return PublicSource(base, "ws" + base.removeprefix("http"))
    return None
