"""Where a venue of Binance's kind is reached."""

import msgspec


class BinanceEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The three addresses of one environment, without a slash at their end.

    `rest` ends in `/api` (the version is added), `ws_api` is the whole WebSocket API address, `streams` is the host that
    serves `/ws` and `/stream`.
    """

    rest: str
    ws_api: str
    streams: str


PRODUCTION = BinanceEndpoints(
    rest="https://api.binance.com/api",
    ws_api="wss://ws-api.binance.com/ws-api/v3",
    streams="wss://stream.binance.com:9443",
)
TESTNET = BinanceEndpoints(
    rest="https://testnet.binance.vision/api",
    ws_api="wss://ws-api.testnet.binance.vision/ws-api/v3",
    streams="wss://stream.testnet.binance.vision",
)
DEMO = BinanceEndpoints(
    rest="https://demo-api.binance.com/api",
    ws_api="wss://demo-ws-api.binance.com/ws-api/v3",
    streams="wss://demo-stream.binance.com",
)


def endpoints_named(name: str) -> BinanceEndpoints:
    """The endpoints of `production` (or `live`), `testnet` or `demo`.

    Raises ValueError for any other name.
    """
    known = {"production": PRODUCTION, "live": PRODUCTION, "testnet": TESTNET, "demo": DEMO}
    if name not in known:
        raise ValueError(
            f"{name!r} is no environment of Binance: use one of {', '.join(known)}, or give URLs"
        )
    return known[name]


def endpoints_at(rest: str, ws_api: str, streams: str) -> BinanceEndpoints:
    """Endpoints by address, such as the local exchange prints them; `/api` and `/ws-api/v3` are added where missing."""
    rest, ws_api, streams = (address.rstrip("/") for address in (rest, ws_api, streams))
    if not rest.endswith("/api"):
        rest += "/api"
    if "/ws-api" not in ws_api:
        ws_api += "/ws-api/v3"
    for path in ("/ws", "/stream"):
        streams = streams.removesuffix(path)
    return BinanceEndpoints(rest=rest, ws_api=ws_api, streams=streams)
