"""Kept lists of which an order is lost: proven absent, until the venue speaks of it after all."""

from decimal import Decimal

from messages.base import Message
from messages.enums import ListRole, OrderStatus, OrderType, Side
from messages.orders import CancelOrderRequest, Execution, NewOrderRequest, Order, PlaceOrder
from tests.order_manager.brackets import ask, leg, open_flat
from tests.order_manager.desk import Desk, all_of, only
from tests.order_manager.triggers import open_desk, quote

S = OrderStatus
Word = tuple[str, OrderStatus, str]
"""Which order, what the venue says of it, and how much of it was executed by then."""


def build_exits(stop_type: OrderType) -> list[PlaceOrder]:
    """A target at 110 and a stop at 95, which sells at 94 or better if it has a price."""
    stop = leg("stop", stop_type, stop_price="95")
    stop.price = Decimal(94) if stop_type.has_price else None
    return [leg("target", OrderType.LIMIT_MAKER, price="110"), stop]


def open_bracket(stop_type: OrderType = OrderType.STOP_LOSS_LIMIT) -> tuple[Desk, Order]:
    """A bracket of 1 whose entry is filled: the desk, and the target as it was sent."""
    desk = open_flat()
    orders = [leg("entry", OrderType.LIMIT, Side.BUY, price="100"), *build_exits(stop_type)]
    told = ask(desk, orders, [ListRole.ENTRY, ListRole.ABOVE, ListRole.BELOW])
    entry = only(told, NewOrderRequest).order
    told = desk.say(entry, S.FILLED, desk.fill(entry, "1", "0"))
    return desk, only([*told, *desk.advance(0)], NewOrderRequest).order


def open_pair(stop_type: OrderType = OrderType.STOP_LOSS_LIMIT) -> tuple[Desk, Order]:
    """A pair that sells the 1 that is held: the desk, and the target as it was sent."""
    desk = open_desk()
    ask(desk, build_exits(stop_type), [ListRole.ABOVE, ListRole.BELOW])
    return desk, only(desk.advance(0), NewOrderRequest).order


def open_alone() -> tuple[Desk, Order]:
    """An order of no list, as it was sent."""
    desk = Desk(absence_after_s=2.0).start()
    return desk, only(desk.place(), NewOrderRequest).order


def lose(desk: Desk, order: Order) -> list[Message]:
    """Nothing is heard of an order, and the venue denies it until that is believed; what follows."""
    desk.say(order, S.UNKNOWN)
    return [*deny(desk, order), *desk.advance(0.1)]


def deny(desk: Desk, order: Order) -> list[Message]:
    told = desk.advance(3)
    return [*told, *desk.say(order, S.NOT_FOUND)]


def deny_for_good(desk: Desk, order: Order) -> None:
    """The venue had acknowledged an order and does not know it any more, whatever it is asked."""
    desk.state_account({"USDT": "1000", "BTC": "1"})
    for _ in range(6):
        desk.say(order, S.NOT_FOUND)
        desk.state_account({"USDT": "1000", "BTC": "1"})
        desk.advance(2)
    assert find(desk, order.order_id).status is S.NOT_FOUND


def send_stop(desk: Desk, target: Order) -> Order:
    """The target is lost, the stop is reached and goes to the venue."""
    desk.say(target, S.UNKNOWN)
    assert all_of(quote(desk, 95.0), CancelOrderRequest)
    desk.refuse_cancel(target)
    return only([*deny(desk, target), *desk.advance(0.1)], NewOrderRequest).order


class Wire:
    """Says what really happened to some orders, each word once, with the executions that it reports."""

    def __init__(self, desk: Desk, orders: dict[str, Order]) -> None:
        self.desk = desk
        self.orders = orders
        self.trades = {name: 100 * (index + 1) for index, name in enumerate(orders)}

    def tell(self, word: Word) -> list[Message]:
        name, status, executed = word
        order = self.orders[name]
        number = self.trades[name]
        fills = []
        if Decimal(executed):
            fills = [
                Execution(
                    trade_id=number,
                    price=order.price or Decimal(95),
                    quantity=Decimal(executed),
                    fee_asset="USDT",
                )
            ]
        return self.desk.say(
            order,
            status,
            *fills,
            executed=executed,
            order_type=OrderType.LIMIT,
            exchange_order_id=number,
        )


def find(desk: Desk, name: str) -> Order:
    order = desk.manager.books.table.get(name)
    assert order is not None
    return order


def at_venue(desk: Desk) -> list[Order]:
    return [order for order in desk.manager.books.table.open_orders() if not order.is_armed]
