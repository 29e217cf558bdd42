"""What the market maker keeps to, whatever the market and the venue do, in every order in which it may hear of it.

The model is the truth: a venue with the orders really open and what is really held. Commands travel to it and its words
travel back in queues of their own, so that decisions are taken on old news; the maker may fail and be rebuilt meanwhile.
"""

from collections import deque
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.runtime.specification import ActorSpecification
from actors.strategies.market_maker import MarketMaker
from actors.testing import START_TIME_NS, make_book_ticker
from messages.account import Position
from messages.base import Message
from messages.codec import decoder_of, encode
from messages.control import Resync, TimerFired
from messages.enums import Exchanges, OrderStatus, Reason, Side
from messages.orders import CancelOrder, Execution, Order, OrderUpdate, PlaceOrder

SYMBOL = "BTCUSDT"
MAXIMUM = Decimal(3)
FEE = Decimal("0.001")
PACE_NS = 100_000_000
"""The least time between two quotes of one side."""


class MakerAndVenue(RuleBasedStateMachine):
    """A market maker, an order manager and venue in one, and the queues between them."""

    def __init__(self) -> None:
        super().__init__()
        self.specification = ActorSpecification(
            MarketMaker,
            "maker",
            {
                "symbol": SYMBOL,
                "quantity": Decimal(1),
                "spread": 0.01,
                "maximum_inventory": MAXIMUM,
                "retry_s": 0.5,
            },
        )
        maker = self.specification.build(MarketMaker.__new__(MarketMaker)._context)
        assert isinstance(maker, MarketMaker)
        self.maker = maker
        self.now_ns = START_TIME_NS
        self.commands: deque[Message] = deque()
        self.words: deque[Message] = deque()
        self.open: dict[str, Order] = {}
        self.held = Decimal(2)
        self.fees = Decimal(0)
        self.number = 0
        self.events = 0
        self.placed_ns: dict[Side, int] = {}
        self.trade_ids = 0
        self.hand(self.position())

    # The two queues.

    def hand(self, message: Message) -> None:
        """The maker handles a message; what it sends is on its way."""
        self.maker.handle(message, self.now_ns)
        for sent in self.maker.outbox:
            if isinstance(sent, PlaceOrder):
                assert self.now_ns - self.placed_ns.get(sent.side, 0) >= PACE_NS
                self.placed_ns[sent.side] = self.now_ns
            self.commands.append(sent)
        self.maker.outbox.clear()

    def say(self, *messages: Message) -> None:
        """The order manager sends messages that one event has caused."""
        self.events += 1
        for message in messages:
            self.number += 1
            message.sender, message.number = "order_manager", self.number
            message.cause_sender, message.cause_number = "gateway", self.events
            self.words.append(message)

    def update(self, order: Order, reason: Reason = Reason.NONE) -> OrderUpdate:
        """How an order stands."""
        copy = decoder_of(Order).decode(encode(order))
        return OrderUpdate(strategy="maker", order=copy, reason=reason)

    def position(self) -> Position:
        """What is held."""
        return Position(
            strategy="maker",
            exchange=Exchanges.BINANCE,
            symbol=SYMBOL,
            quantity=self.held,
            average_price=Decimal(100),
            fees={"BTC": self.fees},
        )

    # What may happen.

    @rule(mid=st.floats(min_value=50, max_value=150))
    def market_moves(self, mid: float) -> None:
        """A ticker comes."""
        self.hand(make_book_ticker(mid - 0.01, mid + 0.01))

    @rule(seconds=st.sampled_from([0.01, 0.2, 1.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        """The clock moves on, and timers fire."""
        self.now_ns += round(seconds * 1e9)
        for number, timer in list(self.maker._timers.items()):
            if timer.due_ns <= self.now_ns:
                self.hand(TimerFired(target="maker", timer=number))

    @precondition(lambda self: self.words)
    @rule(count=st.sampled_from([1, 1, 2, 5]))
    def words_arrive(self, count: int) -> None:
        """The maker hears what was said a while ago."""
        for _ in range(min(count, len(self.words))):
            self.hand(self.words.popleft())

    @rule(mid=st.floats(min_value=90, max_value=110))
    def a_quiet_while(self, mid: float) -> None:
        """All that is on its way arrives and is agreed to, and the market goes on."""
        self.arrive()
        self.time_passes(1.0)
        self.market_moves(mid)
        self.arrive()
        self.time_passes(1.0)

    def arrive(self) -> None:
        """Until nothing is on its way."""
        while self.commands or self.words:
            while self.commands:
                self.command_arrives(True)
            while self.words:
                self.hand(self.words.popleft())

    @precondition(lambda self: self.commands)
    @rule(agrees=st.booleans())
    def command_arrives(self, agrees: bool) -> None:
        """The venue accepts or refuses what was asked a while ago."""
        command = self.commands.popleft()
        if isinstance(command, PlaceOrder):
            self.take_placement(command, agrees)
        elif isinstance(command, CancelOrder):
            order = self.open.get(command.order_id)
            if order is None:
                return
            if agrees:
                order.status = OrderStatus.CANCELED
                del self.open[order.order_id]
                self.say(self.update(order))
            else:
                self.say(self.update(order, Reason.CANCEL_REFUSED))

    def take_placement(self, command: PlaceOrder, agrees: bool) -> None:
        """A new order rests, or is refused."""
        order = Order(
            side=command.side,
            order_type=command.order_type,
            symbol=SYMBOL,
            order_id=command.order_id,
            client_order_id=f"c{command.order_id}",
            strategy="maker",
            quantity=command.quantity,
            price=command.price or Decimal(0),
            status=OrderStatus.NEW if agrees else OrderStatus.REJECTED,
            venue_status=OrderStatus.NEW if agrees else OrderStatus.REJECTED,
        )
        if agrees:
            self.open[order.order_id] = order
        self.say(self.update(order))

    @precondition(lambda self: self.open)
    @rule(
        part=st.sampled_from([Decimal("0.25"), Decimal(1)]),
        index=st.integers(0, 1),
        position_first=st.booleans(),
        is_booked=st.booleans(),
    )
    def order_trades(
        self, part: Decimal, index: int, position_first: bool, is_booked: bool
    ) -> None:
        """A resting order is executed, in part or whole; its trade is told at once or later."""
        order = list(self.open.values())[index % len(self.open)]
        quantity = order.open_quantity * part
        order.executed_quantity += quantity
        order.executed_quote_quantity += quantity * order.price
        order.status = OrderStatus.PARTIALLY_FILLED if order.open_quantity else OrderStatus.FILLED
        order.venue_status = order.status
        if order.status is OrderStatus.FILLED:
            del self.open[order.order_id]
        if not is_booked:
            self.say(self.update(order))
        self.trade_ids += 1
        order.executions.append(
            Execution(trade_id=self.trade_ids, price=order.price, quantity=quantity)
        )
        fee = quantity * FEE if order.side is Side.BUY else Decimal(0)
        self.fees += fee
        self.held += quantity - fee if order.side is Side.BUY else -quantity
        told = [self.update(order), self.position()]
        self.say(*(reversed(told) if position_first else told))

    @rule()
    def maker_is_rebuilt(self) -> None:
        """It fails: a fresh instance is told the state, ahead of the words that waited for the old one."""
        while self.commands:
            self.command_arrives(True)
        resync = Resync(
            target="maker",
            positions=[self.position()],
            open_orders=[self.update(order).order for order in self.open.values()],
            has_traded=True,
            is_restart=True,
        )
        self.say(resync)
        self.words.pop()
        maker = self.specification.build(self.maker._context)
        assert isinstance(maker, MarketMaker)
        self.maker = maker
        self.placed_ns.clear()
        self.hand(decoder_of(Resync).decode(encode(resync)))

    # What must hold, in truth and not only in the maker's view.

    def asked(self, side: Side) -> list[PlaceOrder]:
        """Placements on their way."""
        return [
            item for item in self.commands if isinstance(item, PlaceOrder) and item.side is side
        ]

    @invariant()
    def never_two_orders_on_a_side(self) -> None:
        """Open ones and those on their way together."""
        for side in (Side.BUY, Side.SELL):
            live = [order for order in self.open.values() if order.side is side]
            assert len(live) + len(self.asked(side)) <= 1

    @invariant()
    def never_asks_for_a_cancel_twice(self) -> None:
        """As long as the first word about it is on its way."""
        asked = [item.order_id for item in self.commands if isinstance(item, CancelOrder)]
        assert len(asked) == len(set(asked))

    @invariant()
    def never_offers_more_than_it_holds(self) -> None:
        """Spot: what is sold must be there."""
        offered = sum(
            (order.open_quantity for order in self.open.values() if order.side is Side.SELL),
            Decimal(0),
        )
        asked = sum((item.quantity for item in self.asked(Side.SELL)), Decimal(0))
        assert offered + asked <= self.held

    @invariant()
    def never_holds_more_than_its_maximum(self) -> None:
        """Also if every bid is filled."""
        incoming = sum(
            (order.open_quantity for order in self.open.values() if order.side is Side.BUY),
            Decimal(0),
        )
        asked = sum((item.quantity for item in self.asked(Side.BUY)), Decimal(0))
        assert self.held + incoming + asked <= MAXIMUM

    def teardown(self) -> None:
        """Once all is said and the market stands still, it knows what is true, and a bid is out."""
        self.arrive()
        view = {order.order_id for order in self.maker.open_orders()}
        assert view == set(self.open)
        assert self.maker.position(SYMBOL).quantity == self.held
        assert self.maker.possible_quantity(SYMBOL) == self.held + sum(
            (order.open_quantity for order in self.open.values() if order.side is Side.BUY),
            Decimal(0),
        )


MakerAndVenue.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
test_market_maker_keeps_its_rules = MakerAndVenue.TestCase
