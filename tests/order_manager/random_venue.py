"""A venue that answers late, twice, in pieces or not at all, and never forgets what really happened."""

import random
from decimal import Decimal

from messages.account import AccountSnapshot, Balance
from messages.base import Message
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, Side
from messages.order_requests import CancelRefused, SnapshotRequest
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    Execution,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk


class Venue:
    """A venue that does what it is asked, tells it late, twice, in pieces, or not at all."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.random = random.Random(seed)
        self.orders: dict[str, Order] = {}
        self.late: list[Message] = []
        self.seen = 0
        self.trade_id = 0
        self.forgotten: set[str] = set()
        """Orders that it denies for now; only asked whether they contain one."""
        self.has_lied = False
        self.moments = 0
        """What it has done so far: no two of its doings are of one time."""

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
                self.answer_query(message)
            elif isinstance(message, AmendOrderRequest):
                self.amend(message)
            elif isinstance(message, SnapshotRequest):
                self.late.append(self.snapshot(message))

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
        order = self.orders.get(client_order_id)
        if order is not None and order.is_open and self.random.random() < 0.8:
            order.status = OrderStatus.CANCELED
            order.event_time_ns = self.now_ns()
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

    def answer_query(self, request: QueryOrderRequest) -> None:
        order = self.orders.get(request.client_order_id)
        if order is not None and request.client_order_id not in self.forgotten:
            self.tell(order, is_whole=True)
            return
        self.late.append(
            Order(
                side=Side.UNRECOGNISED,
                order_type=OrderType.UNRECOGNISED,
                symbol="BTCUSDT",
                client_order_id=request.client_order_id,
                status=OrderStatus.NOT_FOUND,
            )
        )

    def amend(self, request: AmendOrderRequest) -> None:
        """Reduces an order, or refuses; now and then nobody hears what came of it."""
        order = self.orders[request.client_order_id]
        can = order.is_open and order.executed_quantity < request.quantity < order.quantity
        if can and self.random.random() < 0.7:
            order.quantity = request.quantity
            self.tell(order)
        if not can or self.random.random() < 0.5:
            reason = Reason.OUTCOME_UNKNOWN if can else Reason.VENUE
            self.late.append(
                Order(
                    side=Side.UNRECOGNISED,
                    order_type=OrderType.UNRECOGNISED,
                    symbol="BTCUSDT",
                    client_order_id=order.client_order_id,
                    status=OrderStatus.UNKNOWN,
                    reason=reason,
                )
            )

    def snapshot(self, request: SnapshotRequest) -> AccountSnapshot:
        """The account now, with the trades that followed those that are known."""
        after = request.trades_after.get("BTCUSDT")
        recent = []
        for order in self.orders.values():
            new = [each for each in order.executions if after is not None and each.trade_id > after]
            if new:
                recent.append(self.report(order, new))
        living = [
            order
            for order in self.orders.values()
            if order.is_open and order.client_order_id not in self.forgotten
        ]
        return AccountSnapshot(
            exchange=Exchanges.BINANCE,
            balances=[self.state("USDT", Decimal(1_000_000), Decimal(0)), self.state_held()],
            open_orders=[self.report(order, order.executions) for order in living],
            executed_orders=recent,
            symbols=["BTCUSDT"],
            event_time_ns=self.now_ns(),
        )

    def now_ns(self) -> int:
        self.moments += 1
        return self.desk.now_ns + self.moments

    def state_held(self) -> Balance:
        """What is held of BTC, and how much of it rests in sales."""
        sign = {Side.BUY: 1, Side.SELL: -1}
        held = sum(
            (sign[order.side] * order.executed_quantity for order in self.orders.values()),
            Decimal(0),
        )
        locked = sum(
            (
                order.open_quantity
                for order in self.orders.values()
                if order.is_open and order.side is Side.SELL
            ),
            Decimal(0),
        )
        return self.state("BTC", held - locked, locked)

    def state(self, asset: str, free: Decimal, locked: Decimal) -> Balance:
        return Balance(exchange=Exchanges.BINANCE, asset=asset, free=free, locked=locked)

    def crash(self) -> None:
        """The bot dies: what was on its way to the venue may arrive, what was on its way back is lost."""
        for message in self.desk.manager.outbox[self.seen :]:
            if isinstance(message, NewOrderRequest) and self.random.random() < 0.5:
                self.accept(message.order)
        self.late.clear()
        self.seen = 0

    def forget_or_remember(self) -> None:
        """From now on it denies some order, or denies none any more: its read side has come up."""
        if self.forgotten:
            self.forgotten.clear()
        elif self.orders:
            self.forgotten.add(self.random.choice(list(self.orders)))
            self.has_lied = True

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
        order.event_time_ns = self.now_ns()
        order.executed_quantity += quantity
        order.executed_quote_quantity += quantity * price
        is_whole = order.open_quantity == 0
        order.status = OrderStatus.FILLED if is_whole else OrderStatus.PARTIALLY_FILLED
        self.tell(order, execution)

    def tell(
        self, order: Order, execution: Execution | None = None, *, is_whole: bool = False
    ) -> None:
        """A report, on one road or on both; some get lost."""
        executions = list(order.executions) if is_whole else [execution] if execution else []
        report = self.report(order, executions)
        copies = 1 if is_whole else self.random.choices((0, 1, 2), (1, 6, 3))[0]
        self.late.extend([report] * copies)

    def report(self, order: Order, executions: list[Execution]) -> Order:
        return Order(
            **{
                name: getattr(order, name)
                for name in (
                    *("side", "order_type", "symbol", "client_order_id", "exchange_order_id"),
                    *("quantity", "price", "status"),
                    *("executed_quantity", "executed_quote_quantity", "event_time_ns"),
                )
            },
            executions=list(executions),
        )

    def deliver(self, share: float) -> None:
        """Delivers some of what is on its way, in any order."""
        self.random.shuffle(self.late)
        count = round(len(self.late) * share)
        delivered, self.late = self.late[:count], self.late[count:]
        for message in delivered:
            self.desk.tell(message, GATEWAY)


def settle_late(desk: Desk, venue: Venue) -> None:
    """What was given up because the venue denied it is asked for once more after a while."""
    if venue.has_lied:
        for _ in range(80):
            desk.advance(10.0)
            venue.serve()
            venue.deliver(1.0)


def sum_executed(venue: Venue, side: Side) -> Decimal:
    return sum(
        (order.executed_quantity for order in venue.orders.values() if order.side is side),
        Decimal(0),
    )


def agree(desk: Desk, venue: Venue) -> None:
    """Nothing is open, every trade was told once, and the position is what was really traded."""
    assert not [order for order in venue.orders.values() if order.is_open]
    assert desk.manager.books.table.open_orders() == []
    fills = desk.ever_sent(Fill)
    told = sorted(fill.trade_id for fill in fills)
    assert told == list(range(1, venue.trade_id + 1))
    held = sum_executed(venue, Side.BUY) - sum_executed(venue, Side.SELL)
    position = desk.manager.books.portfolio.position(STRATEGY, Exchanges.BINANCE, "BTCUSDT")
    assert position.quantity == held
    fees = sum((fill.fee for fill in fills), Decimal(0))
    assert position.fees.get("USDT", Decimal(0)) == fees
    last: dict[str, OrderUpdate] = {}
    for update in desk.ever_sent(OrderUpdate):
        last[update.order_id] = update
    assert not [update for update in last.values() if update.order.is_open]
    assert all(inquiry.is_given_up for inquiry in desk.manager.inquiries.running.values())
    assert not desk.manager.amending.pending
    assert not desk.manager.reducing.pending
    assert not desk.manager.chains.being_amended
    assert not desk.manager.books.unsettled_orders
    assert not desk.manager.closings.running
    assert not desk.manager.cancels.pursued
    assert not desk.manager.cancels.timers
