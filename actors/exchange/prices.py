"""Rough prices of well-known assets, so that a market has somewhere to begin and sizes that suit it."""

from decimal import Decimal

from actors.exchange.symbols import SymbolRules
from messages.instruments import round_nearest

IN_DOLLARS = {
    "BTC": Decimal(60_000),
    "ETH": Decimal(2_500),
    "BNB": Decimal(550),
    "LTC": Decimal(85),
    "SOL": Decimal(150),
    "XRP": Decimal("0.55"),
    "USDT": Decimal(1),
    "USDC": Decimal(1),
    "FDUSD": Decimal(1),
    "EUR": Decimal("1.1"),
}


def in_dollars(asset: str) -> Decimal:
    """What an asset is roughly worth; one dollar if it is not known here."""
    return IN_DOLLARS.get(asset, Decimal(1))


def usual_price(rules: SymbolRules) -> Decimal:
    """A plausible price of a symbol, on its tick."""
    price = in_dollars(rules.base_asset) / in_dollars(rules.quote_asset)
    return max(round_nearest(price, rules.tick_size), rules.tick_size * 100)


def lots_worth(rules: SymbolRules, dollars: Decimal, price: Decimal) -> Decimal:
    """How many lots, not necessarily whole, are worth an amount of dollars at a price."""
    return dollars / (price * in_dollars(rules.quote_asset)) / rules.lot_size
