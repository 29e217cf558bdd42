"""Public methods beside the ones that everybody uses: tickers of other windows, older trades, and what no symbol here has."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from actors.exchange import market_wire
from actors.exchange.day_statistics import (
    DayStatistics,
    trading_day_statistics,
    window_statistics,
)
from actors.exchange.desk import Call, Method
from actors.exchange.errors import VenueError, bad_combination
from actors.exchange.market_methods import (
    END_TIME,
    INTERVAL,
    ONE_SYMBOL,
    ROWS,
    SOME_SYMBOLS,
    START_TIME,
    SYMBOL,
    SYMBOL_STATUS,
    TICKER_TYPE,
    TIME_ZONE,
    fixed,
    for_symbols,
    klines,
)
from actors.exchange.parameters import Parameter, integer, not_valid

WINDOW_SIZE = re.compile(r"([1-9][0-9]?)([mhd])")
WINDOW_UNITS = {"m": (1, 59), "h": (60, 23), "d": (1440, 7)}
"""Minutes of a unit, and how many of it there may be (rest-api.md, Rolling window price change statistics)."""
DAY_MINUTES = 1440
NO_REFERENCE_PRICE = "This symbol doesn't have a reference price."


def window_size(name: str, value: str) -> int:
    """A window such as `5m`, `1h`, `7d`, in minutes. Raises VenueError -1130."""
    found = WINDOW_SIZE.fullmatch(value)
    if found is None:
        raise not_valid(name)
    minutes, most = WINDOW_UNITS[found[2]]
    if int(found[1]) > most:
        raise not_valid(name)
    return int(found[1]) * minutes


def window_weight(parameters: Mapping[str, str]) -> int:
    """4 for each symbol, 200 at most."""
    names = parameters.get("symbols", "")
    return min(4 * (names.count(",") + 1), 200)


def for_named(call: Call, answer: Callable[[str], Any]) -> Any:
    """As `for_symbols`, but one of the two parameters must be there."""
    if "symbol" not in call.values and "symbols" not in call.values:
        raise VenueError(
            -1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"
        )
    return for_symbols(call, answer)


def show(call: Call, found: DayStatistics) -> dict[str, Any]:
    """Statistics in full or short."""
    return found.window_ticker(call.values.get("type", "FULL") == "FULL")


def window_ticker(call: Call) -> Any:
    """Statistics of the last minutes, hours or days."""
    minutes = call.values.get("windowSize", DAY_MINUTES)
    return for_named(
        call, lambda name: show(call, window_statistics(call.venue, name, call.now, minutes))
    )


def trading_day_ticker(call: Call) -> Any:
    """Statistics of the day, in a time zone."""
    zone = call.values.get("timeZone", 0)
    return for_named(
        call, lambda name: show(call, trading_day_statistics(call.venue, name, call.now, zone))
    )


def older_trades(call: Call) -> Any:
    """Trades from an id on, of those that are kept: the last 1000."""
    most = call.values.get("limit", 500)
    found = call.venue.recent_trades(call.values["symbol"], 1000)
    first = call.values.get("fromId")
    chosen = (
        found[-most:] if first is None else [one for one in found if one.trade_id >= first][:most]
    )
    return [market_wire.public_trade(trade) for trade in chosen]


def block_trades(call: Call) -> Any:
    """There are none."""
    call.venue.rules(call.values["symbol"])
    return []


def execution_rules(call: Call) -> Any:
    """No symbol here has any."""
    names = {"symbol", "symbols", "symbolStatus"} & call.values.keys()
    if len(names) > 1:
        raise bad_combination()
    for name in [call.values["symbol"]] if "symbol" in names else call.values.get("symbols", []):
        call.venue.rules(name)
    return {"symbolRules": []}


def execution_weight(parameters: Mapping[str, str]) -> int:
    """2 for each symbol, 40 at most and for all."""
    if parameters.get("symbol"):
        return 2
    names = parameters.get("symbols")
    return min(2 * (names.count(",") + 1), 40) if names else 40


def reference_price(call: Call) -> Any:
    """No symbol here has one. Raises VenueError -2043."""
    call.venue.rules(call.values["symbol"])
    raise VenueError(-2043, NO_REFERENCE_PRICE)


WINDOW_METHODS = (
    Method(
        "ticker",
        window_ticker,
        window_weight,
        "GET",
        "/api/v3/ticker",
        parameters=(
            ONE_SYMBOL,
            SOME_SYMBOLS,
            Parameter("windowSize", window_size),
            TICKER_TYPE,
            SYMBOL_STATUS,
        ),
    ),
    Method(
        "ticker.tradingDay",
        trading_day_ticker,
        window_weight,
        "GET",
        "/api/v3/ticker/tradingDay",
        parameters=(
            ONE_SYMBOL,
            SOME_SYMBOLS,
            TIME_ZONE,
            TICKER_TYPE,
            SYMBOL_STATUS,
        ),
    ),
    Method(
        "uiKlines",
        klines,
        fixed(2),
        "GET",
        "/api/v3/uiKlines",
        parameters=(SYMBOL, INTERVAL, START_TIME, END_TIME, TIME_ZONE, ROWS),
    ),
    Method(
        "trades.historical",
        older_trades,
        fixed(25),
        "GET",
        "/api/v3/historicalTrades",
        parameters=(SYMBOL, Parameter("fromId", integer), ROWS),
    ),
    Method(
        "blockTrades.historical",
        block_trades,
        fixed(25),
        "GET",
        "/api/v3/historicalBlockTrades",
        parameters=(SYMBOL, Parameter("fromId", integer, is_mandatory=True), ROWS),
    ),
    Method(
        "executionRules",
        execution_rules,
        execution_weight,
        "GET",
        "/api/v3/executionRules",
        parameters=(ONE_SYMBOL, SOME_SYMBOLS, SYMBOL_STATUS),
    ),
    Method(
        "referencePrice",
        reference_price,
        fixed(2),
        "GET",
        "/api/v3/referencePrice",
        parameters=(SYMBOL,),
    ),
    Method(
        "referencePrice.calculation",
        reference_price,
        fixed(2),
        "GET",
        "/api/v3/referencePrice/calculation",
        parameters=(SYMBOL, SYMBOL_STATUS),
    ),
)
