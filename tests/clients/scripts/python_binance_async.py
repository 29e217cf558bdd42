"""python-binance, asynchronous: looks around, rests and cancels one order, fills another, and prints what it saw."""

import asyncio
import json
import os
import sys

from binance import AsyncClient

SYMBOL = "BTCUSDT"


class LocalClient(AsyncClient):  # type: ignore[misc]
    """The client, at another address."""

    API_URL = os.environ["EXCHANGE_REST"] + "/api"
    WS_API_URL = os.environ["EXCHANGE_WS_API"]


async def main() -> None:
    """One run."""
    key, secret = os.environ["EXCHANGE_API_KEY"], os.environ["EXCHANGE_API_SECRET"]
    client = await LocalClient.create(key, secret)
    await client.get_exchange_info()
    book = await client.get_order_book(symbol=SYMBOL)
    price = f"{float(book['bids'][0][0]) * 0.9:.2f}"
    resting = await client.order_limit_buy(symbol=SYMBOL, quantity="0.001", price=price)
    await client.cancel_order(symbol=SYMBOL, orderId=resting["orderId"])
    filled = await client.order_market_buy(symbol=SYMBOL, quantity="0.001")
    orders = [
        await client.get_order(symbol=SYMBOL, orderId=order["orderId"])
        for order in (resting, filled)
    ]
    account = await client.get_account()
    trades = await client.get_my_trades(symbol=SYMBOL)
    await client.close_connection()
    seen = {
        "orders": [[each["orderId"], each["status"], each["executedQty"]] for each in orders],
        "balances": {each["asset"]: [each["free"], each["locked"]] for each in account["balances"]},
        "trades": [each["id"] for each in trades],
    }
    sys.stdout.write(json.dumps(seen) + "\n")


asyncio.run(main())
