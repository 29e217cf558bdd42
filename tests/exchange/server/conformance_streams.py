"""The market streams and user events of Binance's documentation (version of 2026-07-21), each with its line.

What the exchange has not is named with the reason; nothing of the documentation's list is in neither table.
"""

from messages.enums import KlineInterval

INTERVALS = [one.value for one in KlineInterval if one is not KlineInterval.UNRECOGNISED]
STREAM_NAMES: dict[int, str] = {
    214: "<symbol>@referencePrice",
    232: "<symbol>@aggTrade",
    256: "<symbol>@trade",
    277: "<symbol>@blockTrade",
    321: "<symbol>@kline_<interval>",
    365: "<symbol>@kline_<interval>@+08:00",
    400: "<symbol>@miniTicker",
    422: "!miniTicker@arr",
    438: "<symbol>@ticker",
    475: "<symbol>@ticker_<window_size>",
    515: "!ticker_<window-size>@arr",
    536: "<symbol>@bookTicker",
    556: "<symbol>@avgPrice",
    576: "<symbol>@depth<levels> OR <symbol>@depth<levels>@100ms",
    602: "<symbol>@depth OR <symbol>@depth@100ms",
}
"""Every "Stream Name" of web-socket-streams.md, by the line that it stands in."""

STREAMS: dict[int, dict[str, str]] = {
    232: {"btcusdt@aggTrade": "aggTrade"},
    256: {"btcusdt@trade": "trade"},
    321: {f"btcusdt@kline_{one}": "kline" for one in INTERVALS},
    365: {f"btcusdt@kline_{one}@+08:00": "kline" for one in INTERVALS},
    400: {"btcusdt@miniTicker": "24hrMiniTicker"},
    422: {"!miniTicker@arr": "24hrMiniTicker"},
    438: {"btcusdt@ticker": "24hrTicker"},
    475: {f"btcusdt@ticker_{one}": f"{one}Ticker" for one in ("1h", "4h", "1d")},
    515: {f"!ticker_{one}@arr": f"{one}Ticker" for one in ("1h", "4h", "1d")},
    536: {"btcusdt@bookTicker": ""},
    556: {"btcusdt@avgPrice": "avgPrice"},
    576: {
        f"btcusdt@depth{levels}{speed}": ""
        for levels in (5, 10, 20)
        for speed in ("", "@1000ms", "@100ms")
    },
    602: {f"btcusdt@depth{speed}": "depthUpdate" for speed in ("", "@1000ms", "@100ms")},
}
"""By line, the streams of that form and the type that their events name (none: they name none)."""
NO_STREAMS: dict[int, str] = {
    214: "no symbol has a reference price",
    277: "there are no block trades",
}

REFUSALS: dict[int, tuple[str, int, str]] = {
    199: ('{"method":"GET_PROPERTY","params":["x"],"id":1}', 0, "Unknown property"),
    200: (
        '{"method":"SET_PROPERTY","params":["combined","x"],"id":1}',
        1,
        "Invalid value type: expected Boolean",
    ),
    201: (
        '{"method":"SET_PROPERTY","params":[1,true],"id":1}',
        2,
        "Invalid request: property name must be a string",
    ),
    202: (
        '{"method":"LIST_SUBSCRIPTIONS"}',
        2,
        "Invalid request: request ID must be an unsigned integer",
    ),
    203: (
        '{"method":"SUBSCRIBER","id":1}',
        2,
        'Invalid request: unknown variant "SUBSCRIBER", expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, '
        "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 30",
    ),
    204: (
        '{"method":"GET_PROPERTY","params":["combined",true],"id":1}',
        2,
        "Invalid request: too many parameters",
    ),
    205: (
        '{"method":"GET_PROPERTY","params":[],"id":1}',
        2,
        "Invalid request: property name must be a string",
    ),
    206: ('{"id":1}', 2, "Invalid request: missing field `method` at line 1 column 8"),
    207: ('{"method"', 3, "Invalid JSON: expected value at line 1 column 1"),
}
"""The error table of web-socket-streams.md: by line, a message, and code and text of its answer."""

USER_EVENTS: dict[tuple[str, int], str] = {
    ("user-data-stream.md", 37): "outboundAccountPosition",
    ("user-data-stream.md", 64): "balanceUpdate",
    ("user-data-stream.md", 82): "executionReport",
    ("user-data-stream.md", 283): "listStatus",
    ("user-data-stream.md", 338): "eventStreamTerminated",
    ("user-data-stream.md", 354): "externalLockUpdate",
    ("web-socket-api.md", 377): "serverShutdown",
}
"""Every event of a user data stream, by the line that its type stands in."""
NO_USER_EVENTS = {
    "balanceUpdate": "nothing is paid in or out",
    "externalLockUpdate": "nothing is locked but by orders",
}
