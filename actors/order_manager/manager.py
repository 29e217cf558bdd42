"""The order manager: the only door to a venue.

Theory of operation. This actor only routes: each message goes to the part that knows what it means, and what every part
shares lies in `Books`. Whatever changes an order, a word of the venue, a failed journal, a failed request, comes as an
`OrderChange` to `_settle`, the one place where a change is booked, told, and acted on: first the funds that it sets free,
then what strategies hear, then what waits for it (an amendment, a close, a halt, a question to the venue).

Nothing in here trusts its input: a strategy's nonsense is refused, a venue's contradictions are counted and logged. An
exception would be our own fault, and ends the bot.
"""

from decimal import Decimal

from actors.order_manager.amending import Amending
from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.chains import Chains
from actors.order_manager.closings import Closings
from actors.order_manager.gate import TradingGate
from actors.order_manager.halts import Halts
from actors.order_manager.inquiries import Inquiries
from actors.order_manager.naming import OrderNames
from actors.order_manager.placements import Placements
from actors.order_manager.publisher import Publisher
from actors.order_manager.readiness import Readiness
from actors.order_manager.terms import build_order, build_unknown
from actors.runtime.actor import Actor
from actors.trading.order_change import OrderChange, Verdict
from actors.trading.risk import RiskChecker, RiskLimits
from messages.account import AccountSnapshot, Balance, Position
from messages.codec import class_name_of, decoder_of
from messages.control import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    CommandFailed,
    HaltCompleted,
    HaltTrading,
    HoldTrading,
    JournalFailed,
    Ready,
    ReleaseTrading,
    ResumeTrading,
    Resync,
    ResyncRequest,
    Subscribe,
)
from messages.enums import Exchanges, OrderStatus, Reason
from messages.instruments import Instrument
from messages.market import BookTicker
from messages.orders import (
    AmendOrder,
    AmendOrderRequest,
    CancelOrder,
    CancelOrderRequest,
    CancelRefused,
    ClosePosition,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    PlaceOrder,
    QueryOrderRequest,
    SnapshotRequest,
    StrategyCommand,
)

Outputs = (
    NewOrderRequest
    | CancelOrderRequest
    | AmendOrderRequest
    | QueryOrderRequest
    | SnapshotRequest
    | OrderUpdate
    | Fill
    | Position
    | Balance
    | Ready
    | Resync
    | HaltCompleted
)


class OrderManager(Actor[Outputs]):
    """Places, tracks and cancels the orders of all strategies, at all venues."""

    is_essential = True
    is_journaled = True
    max_restarts = 0
    lazy_inputs = frozenset({BookTicker})

    def __init__(
        self,
        bot: str,
        maximum_order_notional: Decimal | None = None,
        maximum_position_notional: Decimal | None = None,
        maximum_open_orders: int | None = None,
        maximum_orders_per_second: int | None = None,
        price_collar: Decimal | None = None,
        halt_patience_s: float = 10.0,
        absence_after_s: float = 30.0,
    ) -> None:
        """`bot` marks the bot's orders at the venue. For the limits see `RiskLimits`.

        `halt_patience_s` is how long a halt waits for its cancels. `absence_after_s` is how long after a lost request the
        venue's "no such order" is no proof: longer than its time window and its own time-out together.

        Raises ValueError for a limit or a time that is not above 0.
        """
        check_seconds("halt_patience_s", halt_patience_s)
        check_seconds("absence_after_s", absence_after_s)
        limits = RiskLimits(
            maximum_order_notional=maximum_order_notional,
            maximum_position_notional=maximum_position_notional,
            maximum_open_orders=maximum_open_orders,
            maximum_orders_per_second=maximum_orders_per_second,
            price_collar=price_collar,
        )
        self.books = Books(OrderNames(bot, self._context.run))
        self.gate = TradingGate()
        self.chains = Chains()
        self.publisher = Publisher(self, self.books, self.chains)
        self.placements = Placements(
            self, self.books, self.publisher, self.gate, RiskChecker(limits)
        )
        self.cancels = Cancels(self, self.books, self.publisher)
        self.inquiries = Inquiries(self, self.books, absence_after_s)
        self.amending = Amending(self, self.chains, self.publisher, self.placements, self.cancels)
        self.closings = Closings(
            self,
            self.books,
            self.publisher,
            self.placements,
            self.cancels,
            self.amending,
        )
        self.halts = Halts(
            self,
            self.books,
            self.gate,
            self.cancels,
            self.amending,
            self.closings,
            halt_patience_s,
        )
        self.readiness = Readiness(self, self.books, self.gate, self._answer_resyncs)
        self.pending_resyncs: list[ResyncRequest] = []
        self.traded: set[str] = set()
        """Strategies that have had an order; only asked whether they contain one."""

    # The start, and what strategies must know before anything else.

    def on_start(self) -> None:
        """Asks the venues for their state as soon as it is known which there are."""
        self.readiness.start()
        self.inquiries.start()

    def on_subscribe(self, asked: Subscribe) -> None:
        """Whatever others watch, its price and its rules are wanted here too."""
        self.readiness.learn_market(asked.exchange, asked.symbol)

    def on_resync_request(self, request: ResyncRequest) -> None:
        """A strategy begins, or begins again: it is answered when the venues have told their state."""
        self.books.names.register(request.actor)
        self.pending_resyncs.append(request)
        if self.gate.is_ready:
            self._answer_resyncs()

    def _answer_resyncs(self) -> None:
        for request in self.pending_resyncs:
            positions = self.books.portfolio.positions(request.actor)
            orders = self.books.table.open_orders(request.actor)
            self.send(
                Resync(
                    target=request.actor,
                    positions=positions,
                    open_orders=[self.chains.view(order) for order in orders],
                    has_traded=request.actor in self.traded or bool(positions or orders),
                    is_restart=request.is_restart,
                    instruments=list(self.books.instruments.values()),
                )
            )
        self.pending_resyncs.clear()

    # Strategies' commands.

    def on_place_order(self, place: PlaceOrder) -> None:
        """Sends an order, or tells why not."""
        self.books.names.register(place.sender)
        known = self._find_order(place)
        if known is not None:
            self.log.error("%s used the order id %s twice", place.sender, place.order_id)
            self.publisher.tell(known, Reason.UNSUPPORTED, "an order id is never used twice")
            return
        self.readiness.learn_market(place.exchange, place.symbol)
        if self.placements.place(build_order(place, self.now_ns), place.send_before_ns):
            self.traded.add(place.sender)

    def on_cancel_order(self, cancel: CancelOrder) -> None:
        """Cancels an order; of one that is unknown or has ended the strategy is told so."""
        order = self._find_order(cancel)
        if order is None:
            self._tell_unknown(cancel, cancel.order_id)
        elif order.is_open:
            self.amending.abandon(order)
            self.cancels.request(order)
        else:
            self.publisher.tell(order, Reason.CANCEL_REFUSED, "the order has ended already")

    def on_amend_order(self, amend: AmendOrder) -> None:
        """Changes the terms of an order, by a cancel and a new one."""
        order = self._find_order(amend)
        if order is None:
            self._tell_unknown(amend, amend.order_id)
        elif order.is_open:
            self.amending.begin(order, amend)
        else:
            self.publisher.tell(order, Reason.UNKNOWN_ORDER, "the order has ended already")

    def on_close_position(self, close: ClosePosition) -> None:
        """Cancels what rests in a symbol and then sells what is held."""
        key = (close.sender, close.exchange, close.symbol)
        self.closings.begin(key, close.send_before_ns, decided_on_id=close.cause_id)

    def _find_order(self, command: PlaceOrder | CancelOrder | AmendOrder) -> Order | None:
        """The strategy's own order of that id, at the venue its last leg."""
        order_id = command.order_id
        order = self.chains.current(order_id) or self.books.table.get(order_id)
        return order if order is not None and order.strategy == command.sender else None

    def _tell_unknown(self, command: StrategyCommand, order_id: str) -> None:
        order = build_unknown(command, order_id)
        self.publisher.tell(order, Reason.UNKNOWN_ORDER, f"no order {order_id} is known")

    # The venues' words.

    def on_order(self, event: Order) -> None:
        """What a venue says about an order: a reply, a report, or the answer to a question."""
        self.gate.learn_venue(event.sender, event.exchange)
        if event.status is OrderStatus.UNKNOWN and event.reason is Reason.NONE:
            event.reason = Reason.OUTCOME_UNKNOWN
        if event.status is OrderStatus.REJECTED and event.reason is Reason.NONE:
            event.reason = Reason.VENUE
        known = self._find_at_venue(event.exchange, event.symbol, event.client_order_id)
        if event.status is OrderStatus.NOT_FOUND:
            if known is None or not self.inquiries.is_proven_absent(known):
                return
            if event.reason is Reason.NONE:
                event.reason = Reason.UNKNOWN_ORDER
        was_acknowledged = known is not None and known.venue_status is not None
        change = self.books.table.on_venue_order(event, self.now_ns)
        self._settle(change, was_acknowledged=was_acknowledged)
        if change.order is not None and event.status is not OrderStatus.UNKNOWN:
            self.inquiries.on_answer(change.order)

    def on_cancel_refused(self, refused: CancelRefused) -> None:
        """A cancel did not take place: the order may have ended or still rest, and the venue is asked which."""
        order = self._find_at_venue(refused.exchange, refused.symbol, refused.client_order_id)
        if order is None:
            self.log.warning("refused: a cancel of the unknown %s", refused.client_order_id)
        else:
            self._refuse_cancel(order, refused.reason_text)

    def on_account_snapshot(self, snapshot: AccountSnapshot) -> None:
        """A venue's whole view of the account: ours among its open orders are adopted, others' are left alone."""
        exchange = snapshot.exchange
        self.gate.learn_venue(snapshot.sender, exchange)
        for balance in self.books.set_snapshot(snapshot, self.now_ns):
            self.send(balance)
        for order in snapshot.open_orders:
            self.on_order(order)
        self.inquiries.on_snapshot(snapshot)
        self.readiness.on_snapshot(exchange)

    def on_balance(self, balance: Balance) -> None:
        """A venue's statement about one asset."""
        if balance.sender != self.name:
            self.books.set_balance(balance)

    def on_instrument(self, instrument: Instrument) -> None:
        """A symbol's trading rules, the first or new ones."""
        self.books.set_instrument(instrument)
        self.publisher.on_instrument(instrument)
        self.readiness.announce()

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """The best bid and ask: the market price for all checks."""
        self.books.tickers[ticker.exchange, ticker.symbol] = ticker

    def _find_at_venue(
        self, exchange: Exchanges, symbol: str, client_order_id: str
    ) -> Order | None:
        return self.books.table.find(exchange, symbol, client_order_id)

    def _refuse_cancel(self, order: Order, reason_text: str) -> None:
        change = self.books.table.on_cancel_refused(order, self.now_ns)
        if not change.is_news:
            return
        self.amending.abandon(order)
        self._settle(change, Reason.CANCEL_REFUSED, reason_text)
        self.inquiries.consider(order, wants_answer=True)
        self.cancels.on_refused(order)

    def _settle(
        self,
        change: OrderChange,
        reason: Reason = Reason.NONE,
        reason_text: str = "",
        *,
        was_acknowledged: bool = False,
    ) -> None:
        """Books, tells and acts on a change of an order."""
        order = change.order
        if order is None:
            return
        if change.verdict is Verdict.CONTRADICTION:
            self.log.warning(
                "%s stays %s: what the venue says now cannot be", order.order_id, order.status
            )
        if change.verdict is Verdict.ADOPTED:
            self.log.warning("adopted %s of %s", order.client_order_id, order.strategy)
            self.traded.add(order.strategy)
            self.readiness.learn_market(order.exchange, order.symbol)
        self.books.on_change(change, was_acknowledged)
        if not self.amending.proceed(change):
            self.publisher.publish(change, reason, reason_text)
        self.cancels.on_change(order)
        self.inquiries.consider(order)
        if change.verdict is Verdict.ADOPTED:
            self.halts.on_adopted(order)
        self.closings.progress()
        self.halts.progress()

    # Holds, halts and failures.

    def on_hold_trading(self, hold: HoldTrading) -> None:
        """No new orders until its sender releases; resting ones stay."""
        self.gate.holds[hold.sender] = hold.reason

    def on_release_trading(self, release: ReleaseTrading) -> None:
        """Ends the hold of its sender."""
        self.gate.holds.pop(release.sender, None)

    def on_halt_trading(self, halt: HaltTrading) -> None:
        """No new orders, and ours are canceled."""
        self.halts.begin(halt)

    def on_resume_trading(self, resume: ResumeTrading) -> None:
        """Ends a halt."""
        self.halts.end(resume.strategy)

    def on_actor_failed(self, failed: ActorFailed) -> None:
        """A gateway that failed has lost its requests in flight: what became of them is not known."""
        for exchange in self.gate.venues.get(failed.actor, ()):
            for order in self.books.table.open_orders(None, exchange):
                if order.status is OrderStatus.PENDING_NEW and order.venue_status is None:
                    text = f"{failed.actor} failed while the order was on its way"
                    self._settle(self.books.table.on_unknown(order, text))
                elif order.status is OrderStatus.PENDING_CANCEL:
                    self._refuse_cancel(order, f"{failed.actor} failed while it was on its way")

    def on_actor_restarted(self, restarted: ActorRestarted) -> None:
        """A gateway begins anew: what its venue knows is asked for as at the start."""
        for exchange in self.gate.venues.get(restarted.actor, ()):
            self.readiness.ask_snapshot(exchange)

    def on_actor_stopped(self, stopped: ActorStopped) -> None:
        """An actor is out for good; what a strategy still had on its way to us is refused."""
        self.gate.stops[stopped.actor] = stopped.reason

    def on_command_failed(self, failed: CommandFailed) -> None:
        """A gateway's handler raised: the request was certainly not sent."""
        if failed.failed_class == NewOrderRequest.__name__:
            self._refuse_unsent(failed.failed_frame, Reason.HANDLER_FAILED, failed.error)
        elif failed.failed_class == CancelOrderRequest.__name__:
            request = decoder_of(CancelOrderRequest).decode(failed.failed_frame)
            order = self._find_at_venue(request.exchange, request.symbol, request.client_order_id)
            if order is not None:
                self._refuse_cancel(order, failed.error)

    def on_journal_failed(self, failed: JournalFailed) -> None:
        """Orders that could not be written down were not sent."""
        for frame in failed.frames:
            if class_name_of(frame) == NewOrderRequest.__name__:
                self._refuse_unsent(frame, Reason.JOURNAL, failed.reason)

    def _refuse_unsent(self, frame: bytes, reason: Reason, reason_text: str) -> None:
        request = decoder_of(NewOrderRequest).decode(frame)
        order = self.books.table.get(request.order.order_id)
        if order is not None:
            self._settle(self.books.table.on_refused(order, reason, reason_text))


def check_seconds(key: str, seconds: float) -> None:
    """Raises ValueError for a time that is not above 0 and finite."""
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{key}: must be above 0 seconds, not {seconds}")
