"""A symbol that the venue does not know, or no longer: it stops nothing but itself, neither at the start nor at the end."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from actors.binance.errors import OutcomeUnknown
from actors.binance.orders import BinanceOrders
from actors.gateways.binance import BinanceGateway
from actors.gateways.binance_cancels import cancel_our_orders, cancel_round
from messages.account import AccountSnapshot
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.instruments import Instrument
from messages.orders import Order

OpenFloor = Callable[..., Any]
StartExchange = Callable[..., Any]
SYMBOLS = ("NOSUCH", "BTCUSDT", "NONE")


@pytest.mark.asyncio
async def test_the_account_is_read_and_the_others_are_traded(
    open_floor: OpenFloor, start_exchange: StartExchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    exchange = start_exchange("--market", "still")
    floor = await open_floor(
        BinanceGateway, {"endpoints": exchange.endpoints, "keys": exchange.hmac}
    )
    await floor.until_ready()
    trades_after = dict.fromkeys(SYMBOLS, 0)
    for number in range(2):
        floor.ask_snapshot(*SYMBOLS, **trades_after)
        await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == number + 2)  # noqa: B023
    floor.place("a", price="15000")
    await floor.until(lambda: "NEW" in floor.statuses("a"))
    floor.ask_snapshot(*SYMBOLS)
    await floor.until(lambda: floor.all_of(AccountSnapshot)[-1].open_orders)
    assert not floor.system.ended.is_set()
    assert caplog.text.count("does not know the symbol NOSUCH") == 1
    assert {item.symbol for item in floor.all_of(Instrument)} == {"BTCUSDT"}


@pytest.mark.asyncio
async def test_what_is_ours_is_canceled_in_the_others(
    open_floor: OpenFloor, start_exchange: StartExchange
) -> None:
    exchange = start_exchange("--market", "still")
    floor = await open_floor(
        BinanceGateway, {"endpoints": exchange.endpoints, "keys": exchange.hmac}
    )
    await floor.until_ready()
    floor.place("ours", price="15000")
    await floor.until(lambda: "NEW" in floor.statuses("ours"))
    left = await cancel_our_orders(
        exchange.endpoints, exchange.hmac, lambda name: name == "ours", SYMBOLS
    )
    assert left == []
    await floor.until(lambda: floor.statuses("ours")[-1] == "CANCELED")


class HalfBlind(BinanceOrders):
    """Does not answer for one symbol; of the other it knows one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.canceled: list[str] = []

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        if symbol == "SILENT":
            raise OutcomeUnknown("no answer")
        return [self.order]

    async def cancel(self, symbol: str, client_order_id: str, exchange_order_id: int = 0) -> Order:
        self.canceled.append(client_order_id)
        return self.order


@pytest.mark.asyncio
async def test_a_symbol_that_gives_no_answer_does_not_keep_the_others_open(
    make_order: Callable[..., Order],
) -> None:
    orders = HalfBlind(make_order("ours"))
    with pytest.raises(OutcomeUnknown):
        await cancel_round(orders, lambda name: True, ["SILENT", "BTCUSDT"])
    assert orders.canceled == ["ours"]


@pytest.fixture
def make_order() -> Callable[..., Order]:
    """Open orders as the venue tells them."""

    def make(name: str) -> Order:
        return Order(
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            symbol="BTCUSDT",
            exchange=Exchanges.BINANCE,
            client_order_id=name,
            status=OrderStatus.NEW,
        )

    return make
