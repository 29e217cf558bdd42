"""Random lives of a strategy and a venue: whatever happens, the books agree with what the venue really did."""

import random
from decimal import Decimal

import pytest

from messages.base import Message
from messages.control import HaltCompleted, HaltTrading
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.orders import (
    CancelOrderRequest,
    CancelRefused,
    Execution,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk

STEPS = 120


class Venue:
    """A venue that does what it is asked, tells it late, twice, in pieces, or not at all."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.random = random.Random(seed)
        self.orders: dict[str, Order] = {}
        self.late: list[Message] = []
        self.seen = 0
        self.trade_id = 0

    def serve(self) -> None:
        """Takes what the manager has sent since the last time."""
        outbox = self.desk.manager.outbox
        while self.seen < len(outbox):
            message = outbox[self.seen]
            self.seen += 1
            if isinstance(message, NewOrderRequest):
                assert message.order.client_order_id not in self.orders, "an id was used twice"
                self.accept(message.order)
            elif isinstance(message, CancelOrderRequest):
                self.cancel(message.client_order_id)
            elif isinstance(message, QueryOrderRequest):
                self.tell(self.orders[message.client_order_id], is_whole=True)

    def accept(self, sent: Order) -> None:
        order = Order(
            side=sent.side,
            order_type=sent.order_type,
            symbol=sent.symbol,
            client_order_id=sent.client_order_id,
            exchange_order_id=len(self.orders) + 1,
            quantity=sent.quantity,
            price=sent.price,
            status=OrderStatus.NEW,
        )
        self.orders[sent.client_order_id] = order
        if self.random.random() < 0.2:
            unknown = Order(
                side=sent.side,
                order_type=sent.order_type,
                symbol=sent.symbol,
                client_order_id=sent.client_order_id,
                status=OrderStatus.UNKNOWN,
            )
            self.late.append(unknown)
        else:
            self.tell(order)
        if sent.order_type is OrderType.MARKET:
            self.execute(order, order.quantity)

    def cancel(self, client_order_id: str) -> None:
        order = self.orders[client_order_id]
        if order.is_open and self.random.random() < 0.8:
            order.status = OrderStatus.CANCELED
            self.tell(order)
            return
        self.late.append(
            CancelRefused(
                exchange=Exchanges.BINANCE,
                symbol="BTCUSDT",
                client_order_id=client_order_id,
                reason_text="Unknown order sent.",
            )
        )

    def trade(self) -> None:
        """Executes a part of some open order."""
        living = [order for order in self.orders.values() if order.is_open]
        if living:
            order = self.random.choice(living)
            steps = int(order.open_quantity * 10)
            self.execute(order, Decimal(self.random.randint(1, steps)) / 10)

    def execute(self, order: Order, quantity: Decimal) -> None:
        self.trade_id += 1
        price = order.price or Decimal(100)
        execution = Execution(
            trade_id=self.trade_id,
            price=price,
            quantity=quantity,
            fee=quantity / 1000,
            fee_asset="USDT",
        )
        order.executions.append(execution)
        order.executed_quantity += quantity
        order.executed_quote_quantity += quantity * price
        is_whole = order.open_quantity == 0
        order.status = OrderStatus.FILLED if is_whole else OrderStatus.PARTIALLY_FILLED
        self.tell(order, execution)

    def tell(
        self, order: Order, execution: Execution | None = None, *, is_whole: bool = False
    ) -> None:
        """A report, on one road or on both; some get lost."""
        report = Order(
            **{
                name: getattr(order, name)
                for name in (
                    *("side", "order_type", "symbol", "client_order_id", "exchange_order_id"),
                    *("quantity", "price", "status"),
                    *("executed_quantity", "executed_quote_quantity"),
                )
            },
            executions=list(order.executions) if is_whole else [execution] if execution else [],
        )
        copies = 1 if is_whole else self.random.choices((0, 1, 2), (1, 6, 3))[0]
        self.late.extend([report] * copies)

    def deliver(self, share: float) -> None:
        """Delivers some of what is on its way, in any order."""
        self.random.shuffle(self.late)
        count = round(len(self.late) * share)
        delivered, self.late = self.late[:count], self.late[count:]
        for message in delivered:
            self.desk.tell(message, GATEWAY)


def live(desk: Desk, venue: Venue, dice: random.Random) -> None:
    """One random step of strategy, venue or time."""
    step = dice.randrange(9)
    ids = [update.order_id for update in desk.sent(OrderUpdate)] or ["none"]
    if step <= 2:
        side = dice.choice((Side.BUY, Side.SELL))
        price = dice.choice(("99", "100", "101", None))
        time_to_cancel = dice.choice((None, 3.0))
        quantity = str(Decimal(dice.randint(1, 30)) / 10)
        desk.place(side, quantity, price, time_to_cancel=time_to_cancel)
    elif step == 3:
        desk.cancel(dice.choice(ids))
    elif step == 4:
        desk.amend(dice.choice(ids), dice.choice(("98", "102", None)), dice.choice(("2", None)))
    elif step == 5 and dice.random() < 0.3:
        desk.close_position()
    elif step == 6:
        venue.trade()
    else:
        desk.advance(dice.choice((0.1, 1.0, 5.0)))
    venue.serve()
    venue.deliver(dice.random())


@pytest.mark.parametrize("seed", range(40))
def test_random_lives(seed: int) -> None:
    dice = random.Random(seed)
    desk = Desk().start()
    venue = Venue(desk, seed + 1_000)
    for _ in range(STEPS):
        live(desk, venue, dice)
        offered = sum(
            order.open_quantity
            for order in venue.orders.values()
            if order.is_open and order.side is Side.SELL
        )
        bought = sum_executed(venue, Side.BUY) - sum_executed(venue, Side.SELL)
        assert offered <= bought, "more was offered than is held"
    desk.tell(HaltTrading(reason="end", flatten=seed % 2 == 0), "system")
    for _ in range(200):
        venue.serve()
        venue.deliver(1.0)
        desk.advance(1.0)
    agree(desk, venue)
    if seed % 2 == 0:
        assert desk.position() == 0
    assert desk.sent(HaltCompleted)


def sum_executed(venue: Venue, side: Side) -> Decimal:
    return sum(
        (order.executed_quantity for order in venue.orders.values() if order.side is side),
        Decimal(0),
    )


def agree(desk: Desk, venue: Venue) -> None:
    """Nothing is open, every trade was told once, and the position is what was really traded."""
    assert not [order for order in venue.orders.values() if order.is_open]
    assert desk.manager.books.table.open_orders() == []
    told = sorted(fill.trade_id for fill in desk.sent(Fill))
    assert told == list(range(1, venue.trade_id + 1))
    held = sum_executed(venue, Side.BUY) - sum_executed(venue, Side.SELL)
    position = desk.manager.books.portfolio.position(STRATEGY, Exchanges.BINANCE, "BTCUSDT")
    assert position.quantity == held
    fees = sum((fill.fee for fill in desk.sent(Fill)), Decimal(0))
    assert position.fees.get("USDT", Decimal(0)) == fees
    last: dict[str, OrderUpdate] = {}
    for update in desk.sent(OrderUpdate):
        last[update.order_id] = update
    assert not [update for update in last.values() if update.order.is_open]
    assert not desk.manager.inquiries.running
    assert not desk.manager.amending.pending
    assert not desk.manager.chains.being_amended
    assert not desk.manager.books.unsettled_orders
    assert not desk.manager.closings.running
    assert not desk.manager.cancels.pursued
    assert not desk.manager.cancels.timers
