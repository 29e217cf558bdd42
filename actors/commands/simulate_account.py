"""What the venue says of an account, whole: asked by REST as anybody could ask, when nothing disturbs it any more."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from actors.binance.client import BinanceClient
from actors.binance.endpoints import BinanceEndpoints
from actors.binance.errors import NO_SUCH_ORDER, RequestRefused
from actors.binance.numbers import decimal_of
from actors.binance.wire_info import decode_account
from actors.binance.wire_orders import (
    BinanceOrder,
    BinanceTrade,
    decode_order,
    decode_orders,
    decode_trades,
)

PAGE = 1000
CLOSED_STATUSES = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})


@dataclass
class VenueAccount:
    """Every order and trade of the account, what is open, and what it holds."""

    orders: dict[int, BinanceOrder] = field(default_factory=dict)
    """By the venue's own id."""
    names: dict[int, str] = field(default_factory=dict)
    """The client order ids with which they were placed; a canceled order shows that of its cancel instead."""
    trades: list[BinanceTrade] = field(default_factory=list)
    open_ids: set[int] = field(default_factory=set)
    balances: dict[str, Decimal] = field(default_factory=dict)
    """Free and locked together, by asset."""
    locked: dict[str, Decimal] = field(default_factory=dict)

    def is_open(self, order: BinanceOrder) -> bool:
        """Whether the venue may still execute it."""
        return order.status is None or order.status.value not in CLOSED_STATUSES


async def read_account(
    endpoints: BinanceEndpoints,
    api_key: str,
    api_secret: str,
    symbols: Sequence[str],
    names: Sequence[str] = (),
) -> VenueAccount:
    """The account's state at one moment. `names` are client order ids that it may have been asked to place.

    Raises BinanceError.
    """
    client = await BinanceClient.create(endpoints, api_key, api_secret)
    try:
        while True:
            account = await read_once(client, symbols, names)
            later = VenueAccount()
            for symbol in symbols:
                await read_trades(client, symbol, later)
            # The market goes on: what was traded between two answers is in the later one alone.
            if len(later.trades) == len(account.trades):
                return account
    finally:
        await client.close_connection()


async def read_once(
    client: BinanceClient, symbols: Sequence[str], names: Sequence[str]
) -> VenueAccount:
    """The account as several requests show it, one after the other."""
    account = VenueAccount()
    for symbol in symbols:
        await read_trades(client, symbol, account)
        await read_orders(client, symbol, account)
        data = await client.call("get", "openOrders", {"symbol": symbol}, signed=True)
        account.open_ids |= {order.exchange_order_id for order in decode_orders(data)}
        shown = {order.client_order_id for order in account.orders.values()}
        for name in names:
            if name not in shown:
                await find_order(client, symbol, name, account)
    answer = decode_account(await client.call("get", "account", signed=True))
    for balance in answer.balances:
        free, locked = decimal_of(balance.free), decimal_of(balance.locked)
        account.balances[balance.asset] = free + locked
        account.locked[balance.asset] = locked
    return account


async def read_orders(client: BinanceClient, symbol: str, account: VenueAccount) -> None:
    """All orders of a symbol, page by page."""
    first = 1
    while True:
        parameters = {"symbol": symbol, "orderId": first, "limit": PAGE}
        page = decode_orders(await client.call("get", "allOrders", parameters, signed=True))
        for order in page:
            account.orders[order.exchange_order_id] = order
            account.names.setdefault(order.exchange_order_id, order.client_order_id)
        if len(page) < PAGE:
            return
        first = page[-1].exchange_order_id + 1


async def read_trades(client: BinanceClient, symbol: str, account: VenueAccount) -> None:
    """All trades of a symbol, page by page."""
    first = 0
    while True:
        parameters = {"symbol": symbol, "fromId": first, "limit": PAGE}
        page = decode_trades(await client.call("get", "myTrades", parameters, signed=True))
        account.trades += page
        if len(page) < PAGE:
            return
        first = page[-1].trade_id + 1


async def find_order(client: BinanceClient, symbol: str, name: str, account: VenueAccount) -> None:
    """Looks for an order by the id that it was placed with, whatever it is called now."""
    parameters = {"symbol": symbol, "origClientOrderId": name}
    try:
        order = decode_order(await client.call("get", "order", parameters, signed=True))
    except RequestRefused as error:
        if error.code != NO_SUCH_ORDER:
            raise
        return
    account.names[order.exchange_order_id] = name
