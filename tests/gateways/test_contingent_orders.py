"""Orders with a trigger, order lists and replacements on the local exchange, over both entries."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from actors.gateways.binance import BinanceGateway
from messages.enums import (
    Exchanges,
    ListRole,
    OrderStatus,
    OrderType,
    Reason,
    ReplaceMode,
    SelfTradePrevention,
    Side,
)
from messages.instruments import Instrument
from messages.order_requests import CancelRefused, NewOrderListRequest, ReplaceOrderRequest
from messages.orders import CancelOrderRequest, NewOrderRequest, Order

OpenFloor = Callable[..., Awaitable[Any]]
StartExchange = Callable[..., Any]
both_entries = pytest.mark.parametrize("order_entry", ["websocket", "rest"])


def make_order(name: str, order_type: OrderType, side: Side = Side.SELL, **terms: Any) -> Order:
    values: dict[str, Any] = {"quantity": Decimal("0.002"), "symbol": "BTCUSDT"} | terms
    for key in ("price", "stop_price", "quantity"):
        values[key] = Decimal(values.get(key, 0))
    return Order(
        side=side,
        order_type=order_type,
        order_id=f"own-{name}",
        client_order_id=name,
        strategy="Tester",
        **values,
    )


async def open_desk(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str
) -> tuple[Any, Decimal]:
    """A gateway on an exchange of its own, and the price there."""
    exchange = start_exchange("--seed", "5")
    arguments = {
        "endpoints": exchange.endpoints,
        "keys": exchange.hmac,
        "order_entry": order_entry,
    }
    floor = await open_floor(BinanceGateway, arguments)
    await floor.until_ready()
    book = await floor.gateway.reads.market.depth_snapshot("BTCUSDT", 5)
    return floor, Decimal(str(book.bids[0][0]))


def at(price: Decimal, factor: str) -> Decimal:
    return (price * Decimal(factor)).quantize(Decimal("0.01"))


def send_list(floor: Any, *orders: Order) -> None:
    floor.system.send(
        NewOrderListRequest(
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            list_id=orders[0].client_order_id,
            orders=list(orders),
        )
    )


@both_entries
@pytest.mark.asyncio
async def test_orders_with_a_trigger_are_placed_trail_and_are_asked_for(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str
) -> None:
    floor, price = await open_desk(open_floor, start_exchange, order_entry)
    *_, instrument = floor.all_of(Instrument)
    assert (instrument.allows_oco, instrument.allows_oto) == (True, True)
    assert (instrument.allows_cancel_replace, instrument.allows_trailing_stop) == (True, True)
    assert OrderType.STOP_LOSS in instrument.order_types
    assert SelfTradePrevention.EXPIRE_MAKER in instrument.self_trade_prevention_modes
    orders = [
        make_order("stop", OrderType.STOP_LOSS, stop_price=at(price, "0.9")),
        make_order(
            "stop-limit",
            OrderType.STOP_LOSS_LIMIT,
            stop_price=at(price, "0.9"),
            price=at(price, "0.89"),
        ),
        make_order("profit", OrderType.TAKE_PROFIT, stop_price=at(price, "1.1")),
        make_order(
            "profit-limit",
            OrderType.TAKE_PROFIT_LIMIT,
            stop_price=at(price, "1.1"),
            price=at(price, "1.09"),
            self_trade_prevention=SelfTradePrevention.EXPIRE_TAKER,
        ),
        make_order("trail", OrderType.STOP_LOSS, trailing_delta=500),
    ]
    # One whose price is behind the market already.
    at_once = make_order("late", OrderType.STOP_LOSS, stop_price=at(price, "1.05"))
    floor.system.send(NewOrderRequest(exchange=Exchanges.BINANCE, order=at_once))
    await floor.until(lambda: floor.statuses("late"))
    assert floor.orders("late")[-1].reason_code == -2010
    for order in orders:
        floor.system.send(NewOrderRequest(exchange=Exchanges.BINANCE, order=order))
        await floor.until(lambda name=order.client_order_id: "NEW" in floor.statuses(name))
    for order in orders:
        told = floor.orders(order.client_order_id)[0]
        assert (told.stop_price, told.trailing_delta, told.price) == (
            order.stop_price,
            order.trailing_delta,
            order.price,
        )
        before = len(floor.orders(order.client_order_id))
        floor.query(order.client_order_id)
        await floor.until(
            lambda name=order.client_order_id, count=before: len(floor.orders(name)) > count
        )
        assert floor.orders(order.client_order_id)[-1].order_type is order.order_type


@both_entries
@pytest.mark.asyncio
async def test_a_stop_that_the_market_reaches_sells(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str
) -> None:
    floor, bid = await open_desk(open_floor, start_exchange, order_entry)
    stop = make_order("stop", OrderType.STOP_LOSS, stop_price=at(bid, "0.9997"))
    floor.system.send(NewOrderRequest(exchange=Exchanges.BINANCE, order=stop))
    await floor.until(lambda: "NEW" in floor.statuses("stop"))
    # Sales large enough to go through six steps of the book, until one has.
    # One that empties the book expires with the rest.
    ends = {"FILLED", "EXPIRED"}
    for number in range(30):
        floor.place(f"push-{number}", side=Side.SELL, order_type=OrderType.MARKET, quantity="0.3")
        await floor.until(lambda name=f"push-{number}": ends & {*floor.statuses(name)})
        if "FILLED" in floor.statuses("stop"):
            break
    await floor.until(lambda: "FILLED" in floor.statuses("stop"))
    total = {
        each.trade_id: each.quantity for order in floor.orders("stop") for each in order.executions
    }
    assert sum(total.values()) == Decimal("0.002")


@both_entries
@pytest.mark.asyncio
async def test_a_pair_is_placed_and_canceled_as_a_whole(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str
) -> None:
    floor, price = await open_desk(open_floor, start_exchange, order_entry)
    above = make_order(
        "above", OrderType.LIMIT_MAKER, price=at(price, "1.1"), list_role=ListRole.ABOVE
    )
    below = make_order(
        "below", OrderType.STOP_LOSS, stop_price=at(price, "0.9"), list_role=ListRole.BELOW
    )
    send_list(floor, above, below)
    await floor.until(lambda: len(floor.orders("above")) > 1 and len(floor.orders("below")) > 1)
    [list_id] = {
        order.exchange_list_id for name in ("above", "below") for order in floor.orders(name)
    }
    assert list_id >= 0
    answer = await floor.gateway.reads.account.query_list("above")
    assert (answer.order_list_id, answer.list_order_status) == (list_id, "EXECUTING")
    floor.system.send(
        CancelOrderRequest(
            exchange=Exchanges.BINANCE, symbol="BTCUSDT", client_order_id="below", list_id="above"
        )
    )
    await floor.until(
        lambda: "CANCELED" in floor.statuses("above") and "CANCELED" in floor.statuses("below")
    )
    floor.system.send(
        CancelOrderRequest(
            exchange=Exchanges.BINANCE, symbol="BTCUSDT", client_order_id="below", list_id="above"
        )
    )
    await floor.until(lambda: floor.all_of(CancelRefused))
    assert floor.all_of(CancelRefused)[-1].reason_code == -2011
    # Prices on the wrong side: refused as a whole, each order told.
    send_list(
        floor,
        make_order("a", OrderType.LIMIT_MAKER, price=at(price, "0.8"), list_role=ListRole.ABOVE),
        make_order("b", OrderType.STOP_LOSS, stop_price=at(price, "0.9"), list_role=ListRole.BELOW),
    )
    await floor.until(lambda: floor.orders("a") and floor.orders("b"))
    for name in ("a", "b"):
        assert floor.statuses(name) == ["REJECTED"]
        assert floor.orders(name)[0].reason_code == -2010


@both_entries
@pytest.mark.asyncio
async def test_a_bracket_waits_for_its_entry_and_then_protects_it(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str
) -> None:
    floor, price = await open_desk(open_floor, start_exchange, order_entry)
    entry = make_order(
        "entry",
        OrderType.LIMIT,
        Side.BUY,
        price=at(price, "1.02"),
        list_role=ListRole.ENTRY,
    )
    target = make_order(
        "target",
        OrderType.LIMIT_MAKER,
        quantity="0.0019",
        price=at(price, "1.1"),
        list_role=ListRole.ABOVE,
        is_waiting=True,
    )
    stop = make_order(
        "stop",
        OrderType.STOP_LOSS,
        quantity="0.0019",
        stop_price=at(price, "0.9"),
        list_role=ListRole.BELOW,
        is_waiting=True,
    )
    send_list(floor, entry, target, stop)
    await floor.until(lambda: "FILLED" in floor.statuses("entry"))
    await floor.until(lambda: "NEW" in floor.statuses("target") and "NEW" in floor.statuses("stop"))
    assert "PENDING_NEW" in floor.statuses("target") + floor.statuses("stop")


@both_entries
@pytest.mark.asyncio
async def test_each_half_of_a_replacement_is_told_by_itself(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str
) -> None:
    floor, price = await open_desk(open_floor, start_exchange, order_entry)

    def replace(old: str, new: Order, mode: ReplaceMode = ReplaceMode.STOP_ON_FAILURE) -> None:
        floor.system.send(
            ReplaceOrderRequest(
                exchange=Exchanges.BINANCE, order=new, client_order_id=old, mode=mode
            )
        )

    floor.place("first", price=str(at(price, "0.9")))
    await floor.until(lambda: "NEW" in floor.statuses("first"))
    replace("first", make_order("second", OrderType.LIMIT, Side.BUY, price=at(price, "0.91")))
    await floor.until(lambda: "NEW" in floor.statuses("second"))
    await floor.until(lambda: "CANCELED" in floor.statuses("first"))
    # The old order is gone: -2022, and nothing new.
    replace("first", make_order("third", OrderType.LIMIT, Side.BUY, price=at(price, "0.91")))
    await floor.until(lambda: floor.orders("third"))
    assert floor.statuses("third") == ["REJECTED"]
    assert floor.orders("third")[0].reason is Reason.CANCEL_REFUSED
    assert floor.all_of(CancelRefused)[-1].reason_code == -2011
    # The same, but the new order is wanted all the same: -2021.
    new = make_order("fourth", OrderType.LIMIT, Side.BUY, price=at(price, "0.92"))
    replace("first", new, ReplaceMode.ALLOW_FAILURE)
    await floor.until(lambda: "NEW" in floor.statuses("fourth"))
    # The event of the new order may come before the answer that tells of both.
    await floor.until(lambda: len(floor.all_of(CancelRefused)) >= 2)
    assert len(floor.all_of(CancelRefused)) == 2
    # The cancel succeeds and the new order does not: -2021 again.
    crossing = make_order("fifth", OrderType.LIMIT_MAKER, Side.BUY, price=at(price, "1.05"))
    replace("fourth", crossing)
    # Its event and the answer both say so: the one case in which a refused order has an event.
    await floor.until(lambda: len(floor.orders("fifth")) == 2)
    assert floor.statuses("fifth") == [OrderStatus.REJECTED] * 2
    event, answer = sorted(floor.orders("fifth"), key=lambda order: -order.reason_code)
    assert (event.reason, event.reason_text) == (Reason.VENUE, "WOULD_MATCH_IMMEDIATELY")
    assert (answer.reason, answer.reason_code) == (Reason.VENUE, -2010)
    await floor.until(lambda: "CANCELED" in floor.statuses("fourth"))
