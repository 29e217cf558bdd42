"""The trading rules of a symbol in a backtest."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from actors.backtest.errors import BacktestError
from actors.backtest.quotes import UNLIMITED
from actors.exchange.symbols import BUILT_IN, SymbolRules, rules_for


def make_rules(
    symbol: str, decimals: tuple[int, int | None], overrides: Mapping[str, Any]
) -> SymbolRules:
    """The rules of a symbol: the exchange's own, with steps as fine as the data's, and what the settings say instead.

    `decimals`: how many the data's prices and quantities have. Raises BacktestError.
    """
    try:
        rules = rules_for(symbol)
    except ValueError as error:
        raise BacktestError(f"{error}; name it as SYMBOL=FILE") from error
    price_decimals, quantity_decimals = decimals
    tick = Decimal(1).scaleb(-min(price_decimals, 8))
    if symbol not in BUILT_IN:
        # Nobody has said what its greatest quantities are: of a cheap coin the usual ones would be worth nothing.
        rules.max_quantity = rules.market_max_quantity = UNLIMITED
    rules.tick_size = rules.min_price = min(rules.tick_size, tick)
    if quantity_decimals is not None:
        lot = Decimal(1).scaleb(-min(quantity_decimals, 8))
        rules.lot_size = rules.min_quantity = min(rules.lot_size, lot)
    for name, value in overrides.items():
        if not hasattr(rules, name):
            raise BacktestError(f"{symbol}: there is no trading rule {name!r}")
        setattr(rules, name, value)
    return rules
