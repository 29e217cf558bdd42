"""binance-connector, Binance's own before its SDK: REST, streams in threads, orders and user events on the WebSocket API."""

import json
import queue
from typing import Any

from binance.error import ClientError
from binance.lib.utils import get_uuid, websocket_api_signature
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
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

LIMIT = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


class Market:
    """A connection of streams; this client makes none anew when one was reset: its script does."""

    def __init__(self) -> None:
        self.frames: queue.Queue[dict[str, Any]] = queue.Queue()
        self.errors: queue.Queue[Exception] = queue.Queue()
        self.client = SpotWebsocketStreamClient(
            STREAMS,
            on_message=lambda _, text: self.frames.put(json.loads(text)),
            on_error=lambda _, error: self.errors.put(error),
        )
        self.client.trade(SYMBOL)
        self.client.diff_book_depth(SYMBOL, speed=100)

    def wait_for(self, kind: str, count: int) -> int:
        """Waits for so many events of this kind."""
        seen = 0
        while seen < count:
            seen += self.frames.get(timeout=30).get("e") == kind
        return seen


class Session:
    """The WebSocket API, with its answers, and the user events between them."""

    def __init__(self) -> None:
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.client = SpotWebsocketAPIClient(WS_API, KEY, SECRET, on_message=self.hear)

    def hear(self, _: Any, text: str) -> None:
        """Parts events from answers."""
        message = json.loads(text)
        if "event" in message:
            self.events.put(message["event"])
        else:
            self.answers.put(message)

    def answer(self) -> Any:
        """The next answer's result."""
        message = self.answers.get(timeout=30)
        assert message["status"] == 200, message
        return message["result"]


def status_of_listen_key(rest: Spot) -> int:
    """The status of what this client knows of user streams, which is no more."""
    try:
        rest.new_listen_key()
    except ClientError as error:
        return int(error.status_code)
    return 200


def subscribe(session: Session) -> None:
    """User events as they are now: the client has no call for them, but sends and signs what one gives it."""
    signed = websocket_api_signature(KEY, SECRET, {})
    method = "userDataStream.subscribe.signature"
    session.client.send({"id": get_uuid(), "method": method, "params": signed})
    session.answer()


def main() -> None:
    """One run."""
    rest = Spot(KEY, SECRET, base_url=REST)
    assert rest.exchange_info(SYMBOL)["symbols"][0]["symbol"] == SYMBOL
    assert status_of_listen_key(rest) in (404, 410)
    market, session = Market(), Session()
    subscribe(session)
    book = rest.depth(SYMBOL, limit=5)
    price = float(below(book["bids"][0][0]))
    frames = [market.wait_for("trade", 3)]
    # Its numbers go out as JSON numbers, signed as they are written.
    session.client.new_order(**LIMIT, quantity=0.001, price=price, newOrderRespType="RESULT")
    resting = session.answer()
    renewed = rest.cancel_and_replace(
        **LIMIT,
        quantity=0.002,
        price=price,
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=resting["orderId"],
    )["newOrderResponse"]
    rest.cancel_order(SYMBOL, orderId=renewed["orderId"])
    cut()
    market.errors.get(timeout=30)
    market = Market()
    frames += [market.wait_for("trade", 3), market.wait_for("depthUpdate", 3)]
    session.client.new_order(SYMBOL, "BUY", "MARKET", quantity=0.001)
    filled = session.answer()
    events = [session.events.get(timeout=30)]
    while not is_report(events[-1], "TRADE"):
        events.append(session.events.get(timeout=30))
    orders = [
        rest.get_order(SYMBOL, orderId=order["orderId"]) for order in (resting, renewed, filled)
    ]
    session.client.account()
    account = session.answer()
    tell_answers(orders, account, rest.my_trades(SYMBOL), reports_of(events), frames)


run(main)
