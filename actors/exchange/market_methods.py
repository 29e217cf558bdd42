"""Public methods: what anybody may ask of the market (rest-api.md, General and Market endpoints)."""

from collections.abc import Callable, Mapping
from typing import Any

from actors.exchange import market_wire
from actors.exchange.day_statistics import day_statistics
from actors.exchange.desk import Call, Method
from actors.exchange.errors import VenueError, bad_combination
from actors.exchange.orders import ZERO
from actors.exchange.parameters import (
    Parameter,
    boolean,
    integer,
    limit,
    name_or_names,
    one_of,
    symbol,
    symbols,
    time_zone,
    timestamp,
)
from actors.exchange.symbols import SymbolRules
from actors.exchange.wire import to_ms
from actors.exchange.zoned_klines import zoned_klines
from messages.enums import KlineInterval

INTERVALS = tuple(one.value for one in KlineInterval if one is not KlineInterval.UNRECOGNISED)
SYMBOL = Parameter("symbol", symbol, is_mandatory=True)
ONE_SYMBOL = Parameter("symbol", symbol)
SOME_SYMBOLS = Parameter("symbols", symbols)
SYMBOL_STATUS = Parameter(
    "symbolStatus",
    one_of(("TRADING", "HALT", "BREAK", "CANCEL_ONLY"), -1122, "Invalid symbolStatus."),
)
INTERVAL = Parameter("interval", one_of(INTERVALS, -1120, "Invalid interval."), is_mandatory=True)
TICKER_TYPE = Parameter("type", one_of(("FULL", "MINI"), -1139, "Invalid ticker type."))
START_TIME = Parameter("startTime", timestamp)
END_TIME = Parameter("endTime", timestamp)
TIME_ZONE = Parameter("timeZone", time_zone)
ROWS = Parameter("limit", limit(1000))

DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50))
LARGEST_DEPTH_WEIGHT = 250


def fixed(weight: int) -> Callable[[Mapping[str, str]], int]:
    """A weight that depends on nothing."""
    return lambda parameters: weight


def depth_weight(parameters: Mapping[str, str]) -> int:
    """By the number of levels asked for (rest-api.md, Order book)."""
    asked = parameters.get("limit", "100")
    levels = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 20 else 100
    return next((weight for most, weight in DEPTH_WEIGHTS if levels <= most), LARGEST_DEPTH_WEIGHT)


def ticker_weight(parameters: Mapping[str, str]) -> int:
    """2 for one symbol, 4 for several or all."""
    return 2 if parameters.get("symbol") else 4


def day_weight(parameters: Mapping[str, str]) -> int:
    """By the number of symbols: 2, 40, 80 (rest-api.md, 24hr ticker)."""
    if parameters.get("symbol"):
        return 2
    count = parameters["symbols"].count(",") + 1 if parameters.get("symbols") else 101
    return 2 if count <= 20 else 40 if count <= 100 else 80


def milliseconds(time: int | None) -> int | None:
    """A parameter's microseconds as the core's milliseconds."""
    return None if time is None else time // 1000


def rules_of(call: Call, name: str) -> SymbolRules:
    """The rules of a symbol, which must have the status asked for, if one is (-1220)."""
    rules = call.venue.rules(name)
    status = call.values.get("symbolStatus")
    if status is not None and rules.status.value != status:
        raise VenueError(-1220, "The symbol's status does not match the requested symbolStatus.")
    return rules


def for_symbols(call: Call, answer: Callable[[str], Any]) -> Any:
    """The answer for `symbol`, or a list of answers for `symbols` or for every symbol."""
    one, several = call.values.get("symbol"), call.values.get("symbols")
    if one is not None and several is not None:
        raise bad_combination()
    if one is not None:
        return answer(rules_of(call, one).name)
    status = call.values.get("symbolStatus")
    asked = list(call.venue.symbols) if several is None else several
    found = [call.venue.rules(name) for name in asked]
    # Of several, those of another status are left out (rest-api.md, 24hr ticker price change statistics).
    return [answer(rules.name) for rules in found if status is None or rules.status.value == status]


def ping(call: Call) -> Any:
    """`{}`."""
    return {}


def time(call: Call) -> Any:
    """The server's time."""
    return {"serverTime": to_ms(call.now)}


def exchange_info(call: Call) -> Any:
    """Limits and rules, of all symbols or of those asked for."""
    values = call.values
    if len([name for name in ("symbol", "symbols", "permissions") if name in values]) > 1:
        raise bad_combination()
    if "symbolStatus" in values and ("symbol" in values or "symbols" in values):
        raise bad_combination()
    names = [values["symbol"]] if "symbol" in values else values.get("symbols")
    chosen = (
        [call.venue.rules(name) for name in names]
        if names is not None
        else list(call.venue.symbols.values())
    )
    if (status := values.get("symbolStatus")) is not None:
        chosen = [rules for rules in chosen if rules.status.value == status]
    answer = market_wire.exchange_info(chosen, call.desk.limits.announcements(), call.now)
    if (permissions := values.get("permissions")) is not None:
        wanted = frozenset(permissions)
        answer["symbols"] = [
            entry
            for entry in answer["symbols"]
            if all(wanted & set(one) for one in entry["permissionSets"])
        ]
    if values.get("showPermissionSets") is False:
        for entry in answer["symbols"]:
            entry["permissionSets"] = []
    return answer


def depth(call: Call) -> Any:
    """The best levels of a book."""
    name = rules_of(call, call.values["symbol"]).name
    return market_wire.depth(call.venue.depth(name, call.values.get("limit", 100)))


def recent_trades(call: Call) -> Any:
    """The newest trades, oldest first."""
    found = call.venue.recent_trades(call.values["symbol"], call.values.get("limit", 500))
    return [market_wire.public_trade(trade) for trade in found]


def aggregate_trades(call: Call) -> Any:
    """Trades of one taker order at one price, together: from an id on, or by time (web-socket-api.md, Aggregate trades)."""
    values = call.values
    if "fromId" in values and ("startTime" in values or "endTime" in values):
        raise bad_combination()
    found = call.venue.aggregate_trades(
        values["symbol"],
        values.get("fromId"),
        milliseconds(values.get("startTime")),
        milliseconds(values.get("endTime")),
        values.get("limit", 500),
    )
    return [market_wire.aggregate_trade(trade) for trade in found]


def klines(call: Call) -> Any:
    """Candlesticks as arrays of twelve, in UTC or another time zone."""
    values = call.values
    found = zoned_klines(
        call.venue,
        values["symbol"],
        KlineInterval(values["interval"]),
        values.get("timeZone", 0),
        (milliseconds(values.get("startTime")), milliseconds(values.get("endTime"))),
        values.get("limit", 500),
    )
    return [market_wire.kline_row(kline) for kline in found]


def average_price(call: Call) -> Any:
    """The average of the last five minutes; its time is that of the last trade, 0 before the first."""
    symbol = call.values["symbol"]
    price = call.venue.average_price(symbol)
    last = call.venue.recent_trades(symbol, 1)
    return market_wire.average_price(price or ZERO, last[0].time_us if last else 0)


def price_ticker(call: Call) -> Any:
    """Last prices."""
    return for_symbols(
        call, lambda name: market_wire.price_ticker(name, call.venue.last_price(name) or ZERO)
    )


def book_ticker(call: Call) -> Any:
    """Best bids and asks."""
    return for_symbols(
        call, lambda name: market_wire.book_ticker(name, call.venue.book_ticker(name))
    )


def day_ticker(call: Call) -> Any:
    """Statistics of the last 24 hours, in full or without the changes and the best prices."""
    is_full = call.values.get("type", "FULL") == "FULL"
    return for_symbols(
        call,
        lambda name: day_statistics(call.venue, name, call.now).ticker(is_full),
    )


MARKET_METHODS = (
    Method("ping", ping, fixed(1), "GET", "/api/v3/ping"),
    Method("time", time, fixed(1), "GET", "/api/v3/time"),
    Method(
        "exchangeInfo",
        exchange_info,
        fixed(20),
        "GET",
        "/api/v3/exchangeInfo",
        parameters=(
            ONE_SYMBOL,
            SOME_SYMBOLS,
            Parameter("permissions", name_or_names),
            Parameter("showPermissionSets", boolean),
            SYMBOL_STATUS,
        ),
    ),
    Method(
        "depth",
        depth,
        depth_weight,
        "GET",
        "/api/v3/depth",
        parameters=(SYMBOL, Parameter("limit", limit(5000)), SYMBOL_STATUS),
    ),
    Method(
        "trades.recent",
        recent_trades,
        fixed(25),
        "GET",
        "/api/v3/trades",
        parameters=(SYMBOL, ROWS),
    ),
    Method(
        "trades.aggregate",
        aggregate_trades,
        fixed(4),
        "GET",
        "/api/v3/aggTrades",
        parameters=(SYMBOL, Parameter("fromId", integer), START_TIME, END_TIME, ROWS),
    ),
    Method(
        "klines",
        klines,
        fixed(2),
        "GET",
        "/api/v3/klines",
        parameters=(SYMBOL, INTERVAL, START_TIME, END_TIME, TIME_ZONE, ROWS),
    ),
    Method("avgPrice", average_price, fixed(2), "GET", "/api/v3/avgPrice", parameters=(SYMBOL,)),
    Method(
        "ticker.price",
        price_ticker,
        ticker_weight,
        "GET",
        "/api/v3/ticker/price",
        parameters=(ONE_SYMBOL, SOME_SYMBOLS, SYMBOL_STATUS),
    ),
    Method(
        "ticker.book",
        book_ticker,
        ticker_weight,
        "GET",
        "/api/v3/ticker/bookTicker",
        parameters=(ONE_SYMBOL, SOME_SYMBOLS, SYMBOL_STATUS),
    ),
    Method(
        "ticker.24hr",
        day_ticker,
        day_weight,
        "GET",
        "/api/v3/ticker/24hr",
        parameters=(
            ONE_SYMBOL,
            SOME_SYMBOLS,
            TICKER_TYPE,
            SYMBOL_STATUS,
        ),
    ),
)
