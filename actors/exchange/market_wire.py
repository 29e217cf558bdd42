"""Market data in Binance's JSON forms (rest-api.md for answers, web-socket-streams.md for events); numbers as in `wire`."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from actors.exchange.book import BookTicker, DepthDiff, DepthSnapshot
from actors.exchange.klines import Kline
from actors.exchange.orders import AggregateTrade, PublicTrade
from actors.exchange.symbols import SymbolRules, to_exchange_info
from actors.exchange.times import Time
from actors.exchange.wire import to_ms, to_text


def exchange_info(
    symbols: Iterable[SymbolRules], rate_limits: list[dict[str, Any]], server_time_us: int
) -> dict[str, Any]:
    """exchangeInfo. No exchange filters: clients exist that refuse to start on any."""
    return {
        "timezone": "UTC",
        "serverTime": to_ms(server_time_us),
        "rateLimits": rate_limits,
        "exchangeFilters": [],
        "symbols": [to_exchange_info(rules) for rules in symbols],
    }


def depth(snapshot: DepthSnapshot) -> dict[str, Any]:
    """The order book; also the form of the partial depth streams, which have no symbol."""
    return {
        "lastUpdateId": snapshot.last_update_id,
        "bids": _levels(snapshot.bids),
        "asks": _levels(snapshot.asks),
    }


def _levels(levels: Iterable[tuple[Decimal, Decimal]]) -> list[list[str]]:
    return [[to_text(price), to_text(quantity)] for price, quantity in levels]


def public_trade(trade: PublicTrade) -> dict[str, Any]:
    """One line of the recent trades."""
    return {
        "id": trade.trade_id,
        "price": to_text(trade.price),
        "qty": to_text(trade.quantity),
        "quoteQty": to_text(trade.quote_quantity),
        "time": to_ms(trade.time_us),
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": True,
    }


def aggregate_trade(trade: AggregateTrade) -> dict[str, Any]:
    """One line of the aggregated trades."""
    return {
        "a": trade.number,
        "p": to_text(trade.price),
        "q": to_text(trade.quantity),
        "f": trade.first_trade_id,
        "l": trade.last_trade_id,
        "T": to_ms(trade.time_us),
        "m": trade.is_buyer_maker,
        "M": True,
    }


def close_time(kline: Kline) -> Time:
    """The last microsecond that belongs to a kline, which lies in its last millisecond."""
    return to_ms(kline.close_time_ms * 1000 + 999)


def kline_row(kline: Kline) -> list[Any]:
    """One kline, twelve elements."""
    return [
        to_ms(kline.open_time_ms * 1000),
        to_text(kline.open),
        to_text(kline.high),
        to_text(kline.low),
        to_text(kline.close),
        to_text(kline.volume),
        close_time(kline),
        to_text(kline.quote_volume),
        kline.trades,
        to_text(kline.taker_buy_volume),
        to_text(kline.taker_buy_quote_volume),
        "0",
    ]


def price_ticker(symbol: str, price: Decimal) -> dict[str, Any]:
    """The last price."""
    return {"symbol": symbol, "price": to_text(price)}


def book_ticker(symbol: str, ticker: BookTicker) -> dict[str, Any]:
    """Best bid and ask."""
    return {
        "symbol": symbol,
        "bidPrice": to_text(ticker.bid_price),
        "bidQty": to_text(ticker.bid_quantity),
        "askPrice": to_text(ticker.ask_price),
        "askQty": to_text(ticker.ask_quantity),
    }


def average_price(price: Decimal, close_time_us: int) -> dict[str, Any]:
    """The average of the last five minutes."""
    return {"mins": 5, "price": to_text(price), "closeTime": to_ms(close_time_us)}


# Market streams.


def trade_event(symbol: str, trade: PublicTrade, event_time_us: int) -> dict[str, Any]:
    """`<symbol>@trade`."""
    return {
        "e": "trade",
        "E": to_ms(event_time_us),
        "s": symbol,
        "t": trade.trade_id,
        "p": to_text(trade.price),
        "q": to_text(trade.quantity),
        "T": to_ms(trade.time_us),
        "m": trade.is_buyer_maker,
        "M": True,
    }


def aggregate_trade_event(symbol: str, trade: AggregateTrade, time_us: int) -> dict[str, Any]:
    """`<symbol>@aggTrade`."""
    return {"e": "aggTrade", "E": to_ms(time_us), "s": symbol, **aggregate_trade(trade)}


def book_ticker_event(symbol: str, ticker: BookTicker) -> dict[str, Any]:
    """`<symbol>@bookTicker`, which has neither an event name nor a time."""
    return {
        "u": ticker.update_id,
        "s": symbol,
        "b": to_text(ticker.bid_price),
        "B": to_text(ticker.bid_quantity),
        "a": to_text(ticker.ask_price),
        "A": to_text(ticker.ask_quantity),
    }


def depth_event(symbol: str, diff: DepthDiff, event_time_us: int) -> dict[str, Any]:
    """`<symbol>@depth` and `<symbol>@depth@100ms`."""
    return {
        "e": "depthUpdate",
        "E": to_ms(event_time_us),
        "s": symbol,
        "U": diff.first_update_id,
        "u": diff.final_update_id,
        "b": _levels(diff.bids.items()),
        "a": _levels(diff.asks.items()),
    }


def kline_event(symbol: str, kline: Kline, event_time_us: int) -> dict[str, Any]:
    """`<symbol>@kline_<interval>`."""
    return {
        "e": "kline",
        "E": to_ms(event_time_us),
        "s": symbol,
        "k": {
            "t": to_ms(kline.open_time_ms * 1000),
            "T": close_time(kline),
            "s": symbol,
            "i": str(kline.interval),
            "f": kline.first_trade_id,
            "L": kline.last_trade_id,
            "o": to_text(kline.open),
            "c": to_text(kline.close),
            "h": to_text(kline.high),
            "l": to_text(kline.low),
            "v": to_text(kline.volume),
            "n": kline.trades,
            "x": kline.is_closed,
            "q": to_text(kline.quote_volume),
            "V": to_text(kline.taker_buy_volume),
            "Q": to_text(kline.taker_buy_quote_volume),
            "B": "0",
        },
    }
