"""The running sums of what is open are what counting all open orders anew would give, after any history."""

import random
from decimal import Decimal

import pytest

from actors.trading.order_lists import counted_orders
from actors.trading.order_table import OrderTable
from messages.enums import Exchanges, ListRole, OrderStatus, OrderType, Side
from messages.orders import Execution, Order

MARKETS = ("BTCUSDT", "ETHUSDT")
MARKET_PRICES = {"BTCUSDT": Decimal("50000.015"), "ETHUSDT": Decimal("2000.5")}
STRATEGIES = ("one", "two")
KNOWN_FROM = {0: "BTCUSDT", 20: "ETHUSDT"}
WORDS = (
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)


def count_anew(orders: list[Order], symbol: str, side: Side, strategy: str | None) -> Decimal:
    counted = counted_orders(order for order in orders if order.is_open and order.symbol == symbol)
    return sum(
        (
            order.open_quantity
            for order in counted
            if order.side is side and strategy in (None, order.strategy)
        ),
        Decimal(0),
    )


def lock_anew(orders: list[Order], asset: str) -> Decimal:
    """What the listing of all orders of which the venue has not spoken says."""
    silent = [each for each in orders if each.is_open and each.venue_status is None]
    locked = Decimal(0)
    for order in counted_orders(each for each in silent if not each.is_armed):
        base, quote = order.symbol.removesuffix("USDT"), "USDT"
        if order.side is Side.SELL:
            locked += order.open_quantity if asset == base else 0
        elif asset == quote and order.quote_quantity:
            locked += order.quote_quantity - order.executed_quote_quantity
        elif asset == quote:
            price = order.price or order.stop_price or MARKET_PRICES[order.symbol]
            locked += order.open_quantity * price
    return locked


def find_price(exchange: Exchanges, symbol: str) -> Decimal:
    assert exchange is Exchanges.BINANCE
    return MARKET_PRICES[symbol]


def make_order(chance: random.Random, name: str, symbol: str, **terms: object) -> Order:
    kind = chance.choice((OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LOSS))
    order = Order(
        side=chance.choice((Side.BUY, Side.SELL)),
        order_type=kind,
        symbol=symbol,
        order_id=name,
        client_order_id=f"c-{name}",
        strategy=chance.choice(STRATEGIES),
        quantity=Decimal(chance.randint(1, 10**9)).scaleb(-8),
        **terms,  # type: ignore[arg-type]
    )
    if kind is OrderType.LIMIT:
        order.price = Decimal(chance.randint(1, 10**5)).scaleb(-2)
    elif kind is OrderType.STOP_LOSS:
        order.stop_price = Decimal(chance.randint(1, 10**5)).scaleb(-2)
    elif order.side is Side.BUY and not order.list_id and chance.random() < 0.5:
        order.quote_quantity, order.quantity = order.quantity, Decimal(0)
    return order


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


def arm(table: OrderTable, order: Order, *, is_armed: bool) -> None:
    """As the order manager does that keeps a trigger, or sends what the trigger has set off."""
    if order.is_open:
        order.is_armed, order.is_waiting = is_armed, False
        order.status, order.venue_status = OrderStatus.PENDING_NEW, None
        table.refile(order)


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
    elif kind < 0.4:
        arm(table, order, is_armed=not order.is_armed)
    else:
        part = ((order.quantity or Decimal(1)) / chance.randint(1, 4)).quantize(Decimal("1E-8"))
        fills = [Execution(trade_id=number, price=order.price or Decimal(7), quantity=part)]
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
    seen = locked = Decimal(0)
    for number in range(200):
        if number in KNOWN_FROM:
            # Orders can be there before the assets of their symbol are told.
            symbol = KNOWN_FROM[number]
            table.set_assets(Exchanges.BINANCE, symbol, (symbol.removesuffix("USDT"), "USDT"))
        if chance.random() < 0.3 or not orders:
            orders += place(chance, table, number)
        else:
            say(chance, table, chance.choice(orders), number)
        for symbol in MARKETS:
            for side in (Side.BUY, Side.SELL):
                for strategy in (None, *STRATEGIES):
                    found = table.open_quantity(Exchanges.BINANCE, symbol, side, strategy)
                    assert found == count_anew(orders, symbol, side, strategy)
                    seen += found
        for asset in ("BTC", "ETH", "USDT") if number >= max(KNOWN_FROM) else ():
            found = table.quantities.find_locked(Exchanges.BINANCE, asset, find_price)
            assert found == lock_anew(orders, asset)
            assert not table.quantities.find_locked(Exchanges.CUSTOM, asset, find_price)
            locked += found
    assert seen > 0
    assert locked > 0
