"""unicorn-binance-websocket-api: three kinds of connections in threads, all requests by the WebSocket API.

A market connection waits five seconds for itself whenever it is opened, so there is one for both streams.
"""

import queue
import time
from collections.abc import Callable
from typing import Any

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
    run,
    tell_answers,
)
from unicorn_binance_websocket_api.manager import BinanceWebSocketApiManager

Frames = queue.Queue[dict[str, Any]]
MANAGER = BinanceWebSocketApiManager(
    websocket_base_uri=f"{STREAMS}/",
    websocket_api_base_uri=WS_API,
    restful_base_uri=f"{REST}/",
    output_default="dict",
    warn_on_update=False,
)


class Requests:
    """The client's calls, each waited for by its id.

    With `return_response` the client begins to wait only after it has sent, and would wait for ever for an answer that
    was faster; so the answers are taken from the connection's callback.
    """

    def __init__(self) -> None:
        self.answers: Frames = queue.Queue()
        self.stream = MANAGER.create_stream(
            api=True, api_key=KEY, api_secret=SECRET, process_stream_data=self.answers.put
        )

    def call(self, method: Callable[..., Any], **parameters: Any) -> Any:
        """One call's result."""
        number = MANAGER.get_new_uuid_id()
        method(stream_id=self.stream, request_id=number, **parameters)
        answer = self.answers.get(timeout=10)
        assert (answer["id"], answer["status"]) == (number, 200), answer
        return answer["result"]


def wait_for(market: Frames, channel: str, count: int) -> int:
    """Waits for so many frames of a stream; what came before is left out."""
    while not market.empty():
        market.get_nowait()
    seen = 0
    while seen < count:
        seen += market.get(timeout=30).get("stream") == f"{SYMBOL.lower()}@{channel}"
    return seen


def wait_until_subscribed(stream: str, reconnects: int) -> None:
    """Waits until a user stream, connected anew so often, has its subscription answered."""
    while True:
        state = MANAGER.get_stream_info(stream)
        is_running = state["status"] == "running" and state["reconnects"] >= reconnects
        if is_running and state["userdata_subscribe_id"] is None:
            return
        time.sleep(0.05)


def main() -> None:
    """One run."""
    spot, requests = MANAGER.api.spot, Requests()
    market: Frames = queue.Queue()
    user: Frames = queue.Queue()
    MANAGER.create_stream(["trade", "depth@100ms"], SYMBOL, process_stream_data=market.put)
    account = MANAGER.create_stream(
        "arr", "!userData", api_key=KEY, api_secret=SECRET, process_stream_data=user.put
    )
    shown = requests.call(spot.get_exchange_info, symbol=SYMBOL)
    assert shown["symbols"][0]["symbol"] == SYMBOL
    book = requests.call(spot.get_order_book, symbol=SYMBOL, limit=5)
    frames = [wait_for(market, "trade", 3)]
    limit = {
        "symbol": SYMBOL,
        "side": "BUY",
        "order_type": "LIMIT",
        "time_in_force": "GTC",
        "price": float(below(book["bids"][0][0])),
    }
    wait_until_subscribed(account, 0)
    resting = requests.call(spot.create_order, quantity=0.001, **limit)
    # Its replacing sends "NewClientOrderId", a parameter that is none (-1104): it cancels and places instead.
    requests.call(spot.cancel_order, symbol=SYMBOL, order_id=resting["orderId"])
    renewed = requests.call(spot.create_order, quantity=0.002, **limit)
    requests.call(spot.cancel_order, symbol=SYMBOL, order_id=renewed["orderId"])
    cut("market")
    cut("websocket_api")
    frames += [wait_for(market, "trade", 3), wait_for(market, "depth@100ms", 3)]
    wait_until_subscribed(account, 1)
    filled = requests.call(
        spot.create_order, symbol=SYMBOL, side="BUY", order_type="MARKET", quantity=0.001
    )
    events = [user.get(timeout=30)["event"]]
    while not is_report(events[-1], "TRADE"):
        events.append(user.get(timeout=30)["event"])
    orders = [
        requests.call(spot.get_order, symbol=SYMBOL, order_id=order["orderId"])
        for order in (resting, renewed, filled)
    ]
    holdings = requests.call(spot.get_account_status)
    # Of the account's trades it can ask nothing; it hears of them.
    trades = [{"id": event["t"]} for event in events if is_report(event, "TRADE")]
    tell_answers(orders, holdings, trades, reports_of(events), frames)


run(main)
