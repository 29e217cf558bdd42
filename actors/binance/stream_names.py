"""Names of market streams (web-socket-streams.md): lower-case symbol, `@`, kind."""

from messages.enums import KlineInterval


def trade_stream(symbol: str) -> str:
    """Every public trade."""
    return f"{symbol.lower()}@trade"


def aggregate_trade_stream(symbol: str) -> str:
    """Trades of one taker order at one price, as one."""
    return f"{symbol.lower()}@aggTrade"


def book_ticker_stream(symbol: str) -> str:
    """Best bid and ask, whenever they change."""
    return f"{symbol.lower()}@bookTicker"


def depth_stream(symbol: str) -> str:
    """Differences of the book, ten a second."""
    return f"{symbol.lower()}@depth@100ms"


def partial_book_stream(symbol: str, levels: int) -> str:
    """The best levels, ten times a second. Raises ValueError unless `levels` is 5, 10 or 20."""
    if levels not in (5, 10, 20):
        raise ValueError(f"a partial book has 5, 10 or 20 levels, not {levels}")
    return f"{symbol.lower()}@depth{levels}@100ms"


def kline_stream(symbol: str, interval: KlineInterval) -> str:
    """Bars of one length."""
    return f"{symbol.lower()}@kline_{interval.value}"
