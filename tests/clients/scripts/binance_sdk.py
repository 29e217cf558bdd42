"""Binance's own SDK: REST, streams, and orders and user events on a WebSocket session logged on with an Ed25519 key."""

import asyncio
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot.spot import Spot
from common import (
    ED25519_KEY,
    ED25519_PEM,
    REST,
    STREAMS,
    SYMBOL,
    WS_API,
    below,
    cut,
    tell_answers,
)

LIMIT = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}


def plain(response: Any) -> Any:
    """A response's data, in the venue's own names."""
    data = response.data()
    return [item.to_dict() for item in data] if isinstance(data, list) else data.to_dict()


async def trades_from_new_connection(count: int) -> int:
    """So many trades over a connection of its own: this client makes none anew when one was reset."""
    streams = ConfigurationWebSocketStreams(stream_url=f"{STREAMS}/stream")
    connection = await Spot(config_ws_streams=streams).websocket_streams.create_connection()
    seen: asyncio.Queue[Any] = asyncio.Queue()
    stream = await connection.trade(symbol=SYMBOL.lower())
    stream.on("message", seen.put_nowait)
    for _ in range(count):
        await asyncio.wait_for(seen.get(), 30)
    return count


async def main() -> None:
    """One run."""
    signed = {"api_key": ED25519_KEY, "private_key": ED25519_PEM}
    client = Spot(
        ConfigurationRestAPI(base_path=REST, timeout=5000, **signed),
        ConfigurationWebSocketAPI(stream_url=WS_API, **signed),
    )
    rest = client.rest_api
    assert plain(rest.exchange_info(symbol=SYMBOL))["symbols"][0]["symbol"] == SYMBOL
    book = plain(rest.depth(symbol=SYMBOL, limit=5))
    price = float(below(book["bids"][0][0]))
    frames = [await trades_from_new_connection(3)]
    session = await client.websocket_api.create_connection()
    await session.session_logon()
    events: list[tuple[Any, Any]] = []
    is_filled = asyncio.Event()

    def hear(message: Any) -> None:
        event = message.actual_instance
        if type(event).__name__.lower() == "executionreport":
            event = event.to_dict()
            events.append((event["i"], event["x"]))
            if event["x"] == "TRADE":
                is_filled.set()

    subscription = await session.user_data_stream_subscribe()
    subscription.stream.on("message", hear)
    resting = plain(await session.order_place(**LIMIT, quantity=0.001, price=price))["result"]
    replaced = plain(
        await session.order_cancel_replace(
            **LIMIT,
            quantity=0.002,
            price=price,
            cancel_replace_mode="STOP_ON_FAILURE",
            cancel_order_id=resting["orderId"],
        )
    )
    renewed = replaced["result"]["newOrderResponse"]
    await session.order_cancel(symbol=SYMBOL, order_id=renewed["orderId"])
    cut()
    frames.append(await trades_from_new_connection(3))
    filled = plain(
        await session.order_place(symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.001)
    )["result"]
    await is_filled.wait()
    orders = [
        plain(rest.get_order(symbol=SYMBOL, order_id=order["orderId"]))
        for order in (resting, renewed, filled)
    ]
    account = plain(rest.get_account())
    trades = plain(rest.my_trades(symbol=SYMBOL))
    tell_answers(orders, account, trades, events, frames)


asyncio.run(main())
