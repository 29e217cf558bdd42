"""The running sums of what is open are what counting all open orders anew would give, after any history."""

import random
from decimal import Decimal

import pytest

from actors.trading.order_lists import counted_orders
from actors.trading.order_table import OrderTable
from messages.enums import Exchanges, ListRole, OrderStatus, OrderType, Side
from messages.orders import Execution, Order

MARKETS = ("BTCUSDT", "ETHUSDT")
STRATEGIES = ("one", "two")
WORDS = (
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)


def count_anew(table: OrderTable, symbol: str, side: Side, strategy: str | None) -> Decimal:
    orders = table.open_orders(strategy, Exchanges.BINANCE, symbol)
    return sum(
        (order.open_quantity for order in counted_orders(orders) if order.side is side), Decimal(0)
    )


def make_order(chance: random.Random, name: str, symbol: str, **terms: object) -> Order:
    return Order(
        side=chance.choice((Side.BUY, Side.SELL)),
        order_type=OrderType.LIMIT,
        symbol=symbol,
        order_id=name,
        client_order_id=f"c-{name}",
        strategy=chance.choice(STRATEGIES),
        quantity=Decimal(chance.randint(1, 10**9)).scaleb(-8),
        price=Decimal(100),
        **terms,  # type: ignore[arg-type]
    )


def place(chance: random.Random, table: OrderTable, number: int) -> list[Order]:
    """A single order, or an entry with a pair of exits, which count once and wait at first."""
    symbol = chance.choice(MARKETS)
    if chance.random() < 0.6:
        placed = [make_order(chance, f"{number}", symbol)]
    else:
        roles = (ListRole.ENTRY, ListRole.ABOVE, ListRole.BELOW)
        placed = [
            make_order(chance, f"{number}-{role}", symbol, list_id=f"l{number}", list_role=role)
            for role in roles
        ]
        for leg in placed[1:]:
            leg.is_waiting, leg.side = True, placed[2].side
            leg.strategy, leg.quantity = placed[0].strategy, placed[1].quantity
    for order in placed:
        table.add(order)
    return placed


def say(chance: random.Random, table: OrderTable, order: Order, number: int) -> None:
    kind = chance.random()
    if kind < 0.1:
        table.on_cancel_requested(order)
    elif kind < 0.2:
        table.on_cancel_refused(order)
    elif kind < 0.3:
        table.on_unknown(order, "lost")
    elif kind < 0.35:
        table.on_not_found(order, "absent")
    else:
        part = (order.quantity / chance.randint(1, 4)).quantize(Decimal("1E-8"))
        fills = [Execution(trade_id=number, price=order.price, quantity=part)]
        table.on_venue_order(
            Order(
                side=order.side,
                order_type=order.order_type,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                quantity=order.quantity,
                status=chance.choice(WORDS),
                executions=fills if chance.random() < 0.3 else [],
            ),
            number,
        )


@pytest.mark.parametrize("seed", range(20))
def test_sums_are_what_counting_anew_gives(seed: int) -> None:
    chance = random.Random(seed)
    table = OrderTable(lambda name: None)
    orders: list[Order] = []
    seen = Decimal(0)
    for number in range(200):
        if chance.random() < 0.3 or not orders:
            orders += place(chance, table, number)
        else:
            say(chance, table, chance.choice(orders), number)
        for symbol in MARKETS:
            for side in (Side.BUY, Side.SELL):
                for strategy in (None, *STRATEGIES):
                    found = table.open_quantity(Exchanges.BINANCE, symbol, side, strategy)
                    assert found == count_anew(table, symbol, side, strategy)
                    seen += found
    assert seen > 0
