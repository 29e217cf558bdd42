"""An order manager without a loop: time moves by hand, timers fire in order, and the venue says what a test makes it say."""

from decimal import Decimal
from typing import Any, TypeVar

from actors.order_manager.books import Books
from actors.order_manager.manager import OrderManager
from actors.runtime.clock import SimulatedClock, random_for
from actors.runtime.context import ActorContext, Envelope
from actors.runtime.specification import ActorSpecification
from actors.testing import START_TIME_NS, make_book_ticker, make_instrument
from actors.trading.order_lists import counted_orders
from messages.account import AccountSnapshot, Balance
from messages.base import Message
from messages.codec import decoder_of
from messages.control import (
    Ready,
    Recovered,
    Resync,
    ResyncRequest,
    Start,
    Subscribe,
    TimerFired,
)
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, Side
from messages.order_requests import CancelRefused, SnapshotRequest
from messages.orders import (
    AmendOrder,
    CancelOrder,
    CancelOrderRequest,
    ClosePosition,
    Execution,
    NewOrderRequest,
    Order,
    OrderUpdate,
    PlaceOrder,
)

MessageType = TypeVar("MessageType", bound=Message)
GATEWAY = "BinanceGateway"
STRATEGY = "Breakout"


def check_sums(books: Books) -> None:
    """The running sums are what a listing of all open orders says: whoever changes an order has filed it again."""
    orders: dict[str, Order] = {}
    for order in books.table.open_orders():
        orders.update((each.order_id, each) for each in books.table.list_orders(order))
    standing = [order for order in orders.values() if order.is_open]
    locks: dict[tuple[Exchanges, str], Decimal] = {}
    silent = [each for each in standing if each.venue_status is None and not each.is_armed]
    for order in counted_orders(silent):
        asset, amount = books.find_lock(order)
        locks[order.exchange, asset] = locks.get((order.exchange, asset), Decimal(0)) + amount
    for instrument in books.instruments.values():
        for asset in (instrument.base_asset, instrument.quote_asset):
            key = (instrument.exchange, asset)
            found = books.table.quantities.find_locked(*key, books.mid_price)
            assert found == locks.get(key, 0), key
    sides: dict[tuple[Exchanges, str, Side], Decimal] = {}
    for order in counted_orders(standing):
        side = (order.exchange, order.symbol, order.side)
        sides[side] = sides.get(side, Decimal(0)) + order.open_quantity
    for side, quantity in sides.items():
        assert books.table.open_quantity(*side) == quantity, side


class Desk:
    """One order manager and all that surrounds it."""

    def __init__(self, **arguments: Any) -> None:
        # A comparison with the account now and then would blur what most tests look at.
        quiet = {"bot": "bot", "reconcile_interval_s": 1e9}
        self.specification = ActorSpecification(OrderManager, "OrderManager", quiet | arguments)
        self.journal: list[Envelope] = []
        """What earlier instances have sent."""
        self.begin(run=0)
        self.now_ns = START_TIME_NS
        self.numbers: dict[str, int] = {}
        self.exchange_order_id = 1000
        self.trade_id = 0
        self.order_count = 0

    def begin(self, run: int) -> None:
        """A new instance in a new run of the bot."""
        random = random_for(0, "OrderManager")
        self.context = ActorContext("OrderManager", SimulatedClock(), random, run=run)
        self.build()

    def build(self) -> None:
        """A new instance in the same run."""
        built = self.specification.build(self.context)
        assert isinstance(built, OrderManager)
        self.manager = built

    def frames(self) -> list[bytes]:
        """What is in the journal, from the last checkpoint on."""
        durable = [
            each
            for each in (*self.journal, *self.manager._envelopes)
            if each.message_class.is_durable
        ]
        checkpoints = [
            index for index, each in enumerate(durable) if each.message_class.is_checkpoint
        ]
        return [each.frame for each in durable[checkpoints[-1] if checkpoints else 0 :]]

    def restart(
        self, *, is_whole_bot: bool = True, part: int = 1_000, doubt: str = ""
    ) -> list[Message]:
        """The order manager begins anew, with the whole bot or alone, and gets back what was durable."""
        frames = self.frames()
        self.journal.extend(self.manager._envelopes)
        if is_whole_bot:
            self.begin(self.context.run + 1)
        else:
            self.build()
        self.tell(Start(target="OrderManager"), "system")
        starts = range(0, max(len(frames), 1), part)
        for start in starts:
            chunk = frames[start : start + part]
            is_last = start == starts[-1]
            self.tell(
                Recovered(target="OrderManager", frames=chunk, is_last=is_last, doubt=doubt),
                "system",
            )
        return list(self.manager.outbox)

    def go_on(
        self,
        open_orders: list[Order] | None = None,
        executed_orders: list[Order] | None = None,
    ) -> Resync:
        """The rest of such a beginning, up to the strategy's resync; the venue lists what it is told to list."""
        self.tell(ResyncRequest(actor=STRATEGY), "system")
        self.watch()
        self.advance(0)
        self.tell(make_instrument(), GATEWAY)
        told = self.state_account({"USDT": "100000"}, open_orders, executed_orders=executed_orders)
        if all_of(self.advance(0), SnapshotRequest):
            told = self.state_account({"USDT": "100000"}, open_orders)
        only(told, Ready)
        return next(each for each in all_of(told, Resync) if each.target == STRATEGY)

    # What comes in.

    def tell(self, message: Message, sender: str) -> list[Message]:
        """Runs one message through the manager; what it sent."""
        self.numbers[sender] = self.numbers.get(sender, 0) + 1
        message.sender, message.number, message.time_ns = sender, self.numbers[sender], self.now_ns
        message.origin_time_ns = self.now_ns
        sent = len(self.manager.outbox)
        self.manager.handle(message, self.now_ns)
        check_sums(self.manager.books)
        return self.manager.outbox[sent:]

    def advance(self, seconds: float) -> list[Message]:
        """Lets time pass, with every timer that comes due in it; what was sent."""
        sent = len(self.manager.outbox)
        until_ns = self.now_ns + round(seconds * 1e9)
        while timers := [t for t in self.manager._timers.values() if t.due_ns <= until_ns]:
            timer = min(timers, key=lambda each: (each.due_ns, each.number))
            self.now_ns = max(self.now_ns, timer.due_ns)
            self.tell(TimerFired(target=self.manager.name, timer=timer.number), "system")
        self.now_ns = until_ns
        return self.manager.outbox[sent:]

    def watch(self, symbol: str = "BTCUSDT", exchange: Exchanges = Exchanges.BINANCE) -> None:
        """A strategy subscribes to a symbol."""
        self.tell(
            Subscribe(exchange=exchange, symbol=symbol, message_class="Trade", subscriber=STRATEGY),
            "system",
        )

    def state_account(
        self,
        balances: dict[str, str],
        open_orders: list[Order] | None = None,
        exchange: Exchanges = Exchanges.BINANCE,
        sender: str = GATEWAY,
        executed_orders: list[Order] | None = None,
    ) -> list[Message]:
        """The venue tells the state of the account."""
        stated = [
            Balance(exchange=exchange, asset=asset, free=Decimal(free), locked=Decimal(0))
            for asset, free in balances.items()
        ]
        return self.tell(
            AccountSnapshot(
                exchange=exchange,
                balances=stated,
                open_orders=open_orders or [],
                executed_orders=executed_orders or [],
                event_time_ns=self.now_ns,
            ),
            sender,
        )

    def start(self, balances: dict[str, str] | None = None, **instrument: Any) -> "Desk":
        """The whole start with BTCUSDT at 100, up to `Ready`."""
        self.tell(Start(target=self.manager.name), "system")
        self.watch()
        self.advance(0)
        self.tell(make_instrument(**instrument), GATEWAY)
        self.tell(make_book_ticker(), "Feed")
        self.state_account({"USDT": "100000"} if balances is None else balances)
        return self

    def place(
        self,
        side: Side = Side.BUY,
        quantity: str = "1",
        price: str | None = "100",
        strategy: str = STRATEGY,
        **terms: Any,
    ) -> list[Message]:
        """A strategy asks for an order, `<strategy>-<n>` by name."""
        self.order_count += 1
        order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        values: dict[str, Any] = {
            "exchange": Exchanges.BINANCE,
            "symbol": "BTCUSDT",
            "order_id": f"{strategy}-{self.order_count}",
            "side": side,
            "order_type": order_type,
            "quantity": Decimal(quantity),
            "price": None if price is None else Decimal(price),
        }
        return self.tell(PlaceOrder(**(values | terms)), strategy)

    def place_accepted(self, *arguments: Any, **terms: Any) -> Order:
        """A strategy's order that the venue acknowledges; the order as it was sent."""
        order = only(self.place(*arguments, **terms), NewOrderRequest).order
        self.say(order, OrderStatus.NEW)
        return order

    def cancel(self, order_id: str, strategy: str = STRATEGY) -> list[Message]:
        """A strategy asks for a cancel."""
        return self.tell(
            CancelOrder(
                exchange=Exchanges.BINANCE, symbol="BTCUSDT", order_id=order_id, side=Side.BUY
            ),
            strategy,
        )

    def close_position(self, strategy: str = STRATEGY, send_before_ns: int = 0) -> list[Message]:
        """A strategy asks to be flat."""
        return self.tell(
            ClosePosition(
                exchange=Exchanges.BINANCE, symbol="BTCUSDT", send_before_ns=send_before_ns
            ),
            strategy,
        )

    def amend(
        self,
        order_id: str,
        price: str | None = None,
        quantity: str | None = None,
        strategy: str = STRATEGY,
        send_before_ns: int = 0,
    ) -> list[Message]:
        """A strategy asks for other terms."""
        return self.tell(
            AmendOrder(
                exchange=Exchanges.BINANCE,
                symbol="BTCUSDT",
                order_id=order_id,
                price=None if price is None else Decimal(price),
                quantity=None if quantity is None else Decimal(quantity),
                send_before_ns=send_before_ns,
            ),
            strategy,
        )

    # What the venue says.

    def say(
        self, order: Order, status: OrderStatus, *fills: Execution, **terms: Any
    ) -> list[Message]:
        """A word of the venue about an order that was sent; for the terms see `view`."""
        return self.tell(self.view(order, status, *fills, **terms), GATEWAY)

    def view(
        self,
        order: Order,
        status: OrderStatus,
        *fills: Execution,
        executed: str | None = None,
        reason: Reason = Reason.NONE,
        **fields: Any,
    ) -> Order:
        """The venue's view of an order that was sent; `executed` is the cumulative quantity."""
        known = self.manager.books.table.find(order.exchange, order.symbol, order.client_order_id)
        exchange_order_id = known.exchange_order_id if known is not None else 0
        if not exchange_order_id and status not in (OrderStatus.UNKNOWN, OrderStatus.NOT_FOUND):
            self.exchange_order_id += 1
            exchange_order_id = self.exchange_order_id
        total = Decimal(executed) if executed is not None else Decimal(0)
        if executed is None and fills:
            before = known.executed_quantity if known is not None else Decimal(0)
            total = before + sum((fill.quantity for fill in fills), Decimal(0))
        values: dict[str, Any] = {
            "side": order.side,
            "order_type": order.order_type,
            "symbol": order.symbol,
            "exchange": order.exchange,
            "client_order_id": order.client_order_id,
            "exchange_order_id": exchange_order_id,
            "quantity": order.quantity,
            "price": order.price,
            "status": status,
            "executed_quantity": total,
            "executed_quote_quantity": total * order.price,
            "executions": list(fills),
            "reason": reason,
            "event_time_ns": self.now_ns,
        }
        return Order(**(values | fields))

    def fill(
        self, order: Order, quantity: str, fee: str = "0", fee_asset: str = "USDT"
    ) -> Execution:
        """One execution at the order's price (a MARKET order's at 100)."""
        self.trade_id += 1
        return Execution(
            trade_id=self.trade_id,
            price=order.price or Decimal(100),
            quantity=Decimal(quantity),
            fee=Decimal(fee),
            fee_asset=fee_asset,
            event_time_ns=self.now_ns,
        )

    def buy_filled(self, quantity: str = "1", fee: str = "0", fee_asset: str = "USDT") -> Order:
        """A LIMIT BUY at 100 that is filled at once, and the venue's balances after it."""
        order = only(self.place(quantity=quantity), NewOrderRequest).order
        self.say(order, OrderStatus.FILLED, self.fill(order, quantity, fee, fee_asset))
        return order

    def refuse_cancel(
        self, order: Order, text: str = "Unknown order sent.", *, is_unknown: bool = False
    ) -> list[Message]:
        """The venue refuses a cancel."""
        return self.tell(
            CancelRefused(
                exchange=order.exchange,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                reason_text=text,
                reason_code=-2011,
                is_unknown=is_unknown,
            ),
            GATEWAY,
        )

    # What is to be seen.

    def sent(self, message_class: type[MessageType]) -> list[MessageType]:
        """Everything of one class that this instance of the manager has sent so far."""
        return all_of(self.manager.outbox, message_class)

    def ever_sent(self, message_class: type[MessageType]) -> list[MessageType]:
        """The same, by all instances so far."""
        decode = decoder_of(message_class).decode
        return [
            decode(each.frame)
            for each in (*self.journal, *self.manager._envelopes)
            if each.message_class is message_class
        ]

    def position(self, strategy: str = STRATEGY) -> Decimal:
        """What a strategy holds of BTC."""
        return self.manager.books.portfolio.quantity(Exchanges.BINANCE, "BTCUSDT", strategy)


def all_of(messages: list[Message], message_class: type[MessageType]) -> list[MessageType]:
    """Those of one class, in their order."""
    return [message for message in messages if isinstance(message, message_class)]


def only(messages: list[Message], message_class: type[MessageType]) -> MessageType:
    """The one message of a class among some."""
    found = all_of(messages, message_class)
    assert len(found) == 1, f"{len(found)} {message_class.__name__} in {messages}"
    return found[0]


def refusal_of(messages: list[Message]) -> Reason:
    """The reason of an order that was refused: one REJECTED update, and nothing for the venue."""
    assert not all_of(messages, NewOrderRequest)
    assert not all_of(messages, CancelOrderRequest)
    update = only(messages, OrderUpdate)
    assert update.status is OrderStatus.REJECTED
    assert update.reason is update.order.reason
    return update.reason
