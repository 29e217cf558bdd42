"""python-binance, synchronous: its client over REST, and its streams in a thread of their own."""

import queue
from typing import Any

from binance import AsyncClient, BinanceSocketManager, Client, ThreadedWebsocketManager
from common import (
    KEY,
    REST,
    SECRET,
    STREAMS,
    SYMBOL,
    WS_API,
    below,
    cut,
    is_report,
    reports_of,
    tell_answers,
)

Client.API_URL = AsyncClient.API_URL = REST + "/api"
AsyncClient.WS_API_URL = WS_API
BinanceSocketManager.STREAM_URL = STREAMS + "/"


def trades_from(market: "queue.Queue[dict[str, Any]]", count: int) -> int:
    """Waits for so many trades."""
    seen = 0
    while seen < count:
        seen += market.get(timeout=30).get("e") == "trade"
    return seen


def main() -> None:
    """One run."""
    client = Client(KEY, SECRET)
    client.get_exchange_info()
    market: queue.Queue[dict[str, Any]] = queue.Queue()
    user: queue.Queue[dict[str, Any]] = queue.Queue()
    threaded = ThreadedWebsocketManager(KEY, SECRET)
    threaded.daemon = True
    threaded.start()
    threaded.start_trade_socket(callback=market.put, symbol=SYMBOL)
    threaded.start_user_socket(callback=user.put)
    frames = [trades_from(market, 3)]
    book = client.get_order_book(symbol=SYMBOL)
    price = below(book["bids"][0][0])
    events: list[dict[str, Any]] = []
    while not events:
        # It does not say when it listens: asked until an order's first event has come.
        probe = client.order_limit_buy(symbol=SYMBOL, quantity="0.001", price=price)
        try:
            events.append(user.get(timeout=1))
        except queue.Empty:
            client.cancel_order(symbol=SYMBOL, orderId=probe["orderId"])
    replaced = client.cancel_replace_order(
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.002",
        price=price,
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=probe["orderId"],
    )
    renewed = replaced["newOrderResponse"]
    client.cancel_order(symbol=SYMBOL, orderId=renewed["orderId"])
    cut()
    while not market.empty():
        market.get_nowait()
    frames.append(trades_from(market, 3))
    filled = client.order_market_buy(symbol=SYMBOL, quantity="0.001")
    while not any(is_report(event, "TRADE") for event in events):
        events.append(user.get(timeout=30))
    orders = [
        client.get_order(symbol=SYMBOL, orderId=order["orderId"])
        for order in (probe, renewed, filled)
    ]
    account = client.get_account()
    trades = client.get_my_trades(symbol=SYMBOL)
    tell_answers(orders, account, trades, reports_of(events), frames)


main()
