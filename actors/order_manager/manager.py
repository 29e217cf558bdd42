"""The order manager: the only door to a venue.

Theory of operation. This actor only routes: each message goes to the part that knows what it means, and what every part
shares lies in `Books`. Whatever changes an order, a word of the venue, a failed journal, a failed request, comes as an
`OrderChange` to `Settlement.settle`, the one place where a change is booked, told, and acted on.

It begins with what its journal gives back and then asks the venues (recovery.py); until they have answered, no order
passes. After a failure of its own it begins in the same way.

Nothing in here trusts its input: a strategy's nonsense is refused, a venue's contradictions are counted and logged. An
exception would be our own fault.
"""

from decimal import Decimal

from actors.order_manager.foreign import ForeignOrdersPolicy
from actors.order_manager.naming import OrderNames
from actors.order_manager.parts import ManagerOptions, Parts
from actors.order_manager.terms import build_order, build_unknown
from actors.runtime.actor import Actor
from actors.trading.risk import RiskLimits
from messages.account import AccountSnapshot, Balance, Position
from messages.base import Message
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
    Recovered,
    ReleaseTrading,
    ResumeTrading,
    Resync,
    ResyncRequest,
    Subscribe,
)
from messages.enums import GateEvent, Reason, SelfTradePrevention
from messages.instruments import Instrument
from messages.market import BookTicker
from messages.order_lists import OrderListUpdate, PlaceOrderList, ReplaceOrder
from messages.order_requests import (
    CancelRefused,
    NewOrderListRequest,
    ReplaceOrderRequest,
    SnapshotRequest,
)
from messages.orders import (
    AmendOrder,
    AmendOrderRequest,
    CancelOrder,
    CancelOrderRequest,
    ClosePosition,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    PlaceOrder,
    QueryOrderRequest,
)
from messages.recovery import (
    GateNote,
    OrderManagerCheckpoint,
    OrderNote,
    StateKept,
    StrategyState,
    TriggerArmed,
)

Outputs = (
    NewOrderRequest
    | CancelOrderRequest
    | AmendOrderRequest
    | QueryOrderRequest
    | SnapshotRequest
    | NewOrderListRequest
    | ReplaceOrderRequest
    | OrderUpdate
    | OrderListUpdate
    | Fill
    | Position
    | Balance
    | Ready
    | Resync
    | HaltCompleted
    | GateNote
    | OrderNote
    | TriggerArmed
    | StateKept
    | OrderManagerCheckpoint
)
OrderCommand = PlaceOrder | CancelOrder | AmendOrder | ReplaceOrder


class OrderManager(Actor[Outputs]):
    """Places, tracks and cancels the orders of all strategies, at all venues."""

    is_essential = True
    is_journaled = True
    max_restarts = 3
    lazy_inputs = frozenset({BookTicker})

    def __init__(
        self,
        bot: str,
        *,
        halt_patience_s: float = 10.0,
        absence_after_s: float = 30.0,
        reconcile_interval_s: float = 60.0,
        refusal_hold_s: float = 60.0,
        checkpoint_entries: int = 2_000,
        foreign_orders: ForeignOrdersPolicy = "ignore",
        valuation_interval_s: float = 1.0,
        silence_s: float = 10.0,
        self_trade_prevention: SelfTradePrevention | None = None,
        **limits: Decimal | int | None,
    ) -> None:
        """`bot` marks the bot's orders at the venue. `limits` are the fields of `RiskLimits`.

        `halt_patience_s` is how long a halt waits for its cancels. `absence_after_s` is how long after a lost request the
        venue's "no such order" is no proof: longer than its time window and its own time-out together. Every
        `reconcile_interval_s` the account is compared with what is known of it. A strategy with too many refusals is held
        for `refusal_hold_s`. After `checkpoint_entries` durable messages a checkpoint is written. `foreign_orders` says
        what is done about open orders that are not ours: `ignore`, `adopt` (they become ours) or `cancel`.
        Every `valuation_interval_s`, while anything is held, positions are told at the market's price; every `silence_s`
        it is looked for requests that nobody has answered. `self_trade_prevention` is for orders that name no mode.

        Raises ValueError for a limit or a time that is not above 0, and for an unknown limit.
        """
        options = ManagerOptions(
            halt_patience_s=halt_patience_s,
            absence_after_s=absence_after_s,
            reconcile_interval_s=reconcile_interval_s,
            refusal_hold_s=refusal_hold_s,
            checkpoint_entries=checkpoint_entries,
            foreign_orders=foreign_orders,
            valuation_interval_s=valuation_interval_s,
            silence_s=silence_s,
            self_trade_prevention=self_trade_prevention,
        )
        given = {key: value for key, value in limits.items() if value is not None}
        run = self._context.run
        # Another instance of this run may have given ids already; it had sent at least as many messages.
        names = OrderNames(bot, run, self._context.counter)
        parts = Parts(
            self,
            names,
            run,
            RiskLimits.from_configuration(given),
            options,
            self._begin_trading,
        )
        self.parts = parts
        self.books, self.gate, self.chains = parts.books, parts.gate, parts.chains
        self.publisher, self.settlement = parts.publisher, parts.settlement
        self.placements = parts.placements
        self.cancels, self.inquiries = parts.cancels, parts.inquiries
        self.amending, self.reducing = parts.amending, parts.reducing
        self.closings, self.halts = parts.closings, parts.halts
        self.readiness, self.recovery = parts.readiness, parts.recovery
        self.reconciliation, self.checkpoints = parts.reconciliation, parts.checkpoints
        self.pending_resyncs: list[ResyncRequest] = []

    def may_restart(self) -> bool:
        """A new instance knows what this one did by the journal alone."""
        return self.recovery.has_journal

    def send(self, message: Message) -> None:
        """Sends a message; what is durable is counted, for the next checkpoint."""
        super().send(message)
        if message.is_durable:
            checkpoints = self.checkpoints
            checkpoints.entries += 1
            if checkpoints.entries >= checkpoints.after_entries:
                checkpoints.ask()

    # The start, and what strategies must know before anything else.

    def on_start(self) -> None:
        """Asks the venues for their state as soon as it is known which there are."""
        self.readiness.start()
        self.inquiries.start()
        self.reconciliation.start()

    def on_recovered(self, recovered: Recovered) -> None:
        """What an earlier instance had written down."""
        self.recovery.take(recovered, self.readiness)

    def on_stop(self) -> None:
        """Writes down what the next start must know."""
        self.checkpoints.on_stop()

    def on_subscribe(self, asked: Subscribe) -> None:
        """Whatever others watch, its price and its rules are wanted here too."""
        self.readiness.learn_market(asked.exchange, asked.symbol)

    def on_resync_request(self, request: ResyncRequest) -> None:
        """A strategy begins, or begins again: it is answered when the venues have told their state."""
        self.books.names.register(request.actor)
        self.pending_resyncs.append(request)
        if self.gate.is_ready:
            self._answer_resyncs()

    def _on_strategy_state(self, state: StrategyState) -> None:
        """A strategy wants to find something again."""
        self.books.states[state.sender] = state.state
        self.send(StateKept(strategy=state.sender, state=state.state))

    def _begin_trading(self) -> None:
        asking = {request.actor for request in self.pending_resyncs}
        for strategy in self.recovery.on_ready():
            if strategy not in asking:
                self.pending_resyncs.append(ResyncRequest(actor=strategy))
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
                    has_traded=request.actor in self.books.traded or bool(positions or orders),
                    is_restart=request.is_restart,
                    instruments=list(self.books.instruments.values()),
                    saved_state=self.books.states.get(request.actor, b""),
                )
            )
        self.pending_resyncs.clear()

    # Strategies' commands.

    def on_place_order(self, place: PlaceOrder) -> None:
        """Sends an order, or tells why not."""
        strategy = place.sender
        if strategy not in self.books.names.parts:
            self.books.names.register(strategy)
        known = self._find_order(place) or self.parts.replacing.find_waiting(place)
        if known is not None:
            self.log.error("%s used the order id %s twice", strategy, place.order_id)
            self.publisher.tell(known, Reason.UNSUPPORTED, "an order id is never used twice")
            return
        if (place.exchange, place.symbol) not in self.readiness.markets:
            self.readiness.learn_market(place.exchange, place.symbol)
        if self.placements.place(build_order(place, self.now_ns), place.send_before_ns):
            self.books.traded.add(strategy)

    def on_place_order_list(self, place: PlaceOrderList) -> None:
        """Sends a list of orders, or tells why not."""
        self.books.names.register(place.sender)
        self.readiness.learn_market(place.exchange, place.symbol)
        if self.parts.listings.place(place):
            self.books.traded.add(place.sender)

    def on_replace_order(self, replace: ReplaceOrder) -> None:
        """Exchanges an order for another one, or tells why not."""
        old = self._find_order(replace)
        if old is None:
            self._tell_unknown(replace)
            self._tell_unknown(replace.order, replace.sender)
        else:
            self.parts.replacing.begin(old, replace)

    def on_cancel_order(self, cancel: CancelOrder) -> None:
        """Cancels an order; of one that is unknown or has ended the strategy is told so."""
        order = self._find_order(cancel)
        if order is None:
            if not self.parts.replacing.withdraw(cancel.sender, cancel.order_id):
                self._tell_unknown(cancel)
        elif order.is_open:
            self.amending.abandon(order)
            self.cancels.request_all(order)
        else:
            # A stop that waits to be armed again for the rest comes to its end by this word.
            self.books.unruled.pop(order.order_id, None)
            self.publisher.tell(order, Reason.CANCEL_REFUSED, "the order has ended already")

    def on_amend_order(self, amend: AmendOrder) -> None:
        """Changes the terms of an order."""
        order = self._find_order(amend)
        if order is None:
            self._tell_unknown(amend)
        elif order.is_open:
            self.amending.begin(order, amend)
        else:
            self.publisher.tell(order, Reason.UNKNOWN_ORDER, "the order has ended already")

    def on_close_position(self, close: ClosePosition) -> None:
        """Cancels what rests in a symbol and then sells what is held."""
        key = (close.sender, close.exchange, close.symbol)
        self.parts.replacing.withdraw_all(key)
        self.closings.begin(key, close.send_before_ns, decided_on_id=close.cause_id)

    def _find_order(self, command: OrderCommand) -> Order | None:
        """The strategy's own order of that id, at the venue its last leg."""
        chain = self.chains.by_handle.get(command.order_id)
        order = self.books.table.get(command.order_id) if chain is None else chain.current
        return order if order is not None and order.strategy == command.sender else None

    def _tell_unknown(self, command: OrderCommand, sender: str = "") -> None:
        command.sender = sender or command.sender
        if self.parts.refusals.is_remembered(command.sender, command.order_id):
            return  # the word that it was refused is on its way already
        text = f"no order {command.order_id} is known"
        self.publisher.tell(build_unknown(command), Reason.UNKNOWN_ORDER, text)

    # The venues' words.

    def on_order(self, event: Order) -> None:
        """What a venue says about an order: a reply, a report, or the answer to a question."""
        self.parts.words.take_order(event)

    def on_cancel_refused(self, refused: CancelRefused) -> None:
        """A cancel did not take place: the order may have ended or still rest, and the venue is asked which."""
        order = self.books.table.find(refused.exchange, refused.symbol, refused.client_order_id)
        if order is None:
            self.log.warning("refused: a cancel of the unknown %s", refused.client_order_id)
        else:
            self.settlement.refuse_cancel(order, refused.reason_text)

    def on_account_snapshot(self, snapshot: AccountSnapshot) -> None:
        """A venue's whole view of the account."""
        for balance in self.books.set_snapshot(snapshot, self.now_ns):
            self.send(balance)
        self.parts.words.take_snapshot(snapshot)

    def on_balance(self, balance: Balance) -> None:
        """A venue's statement about one asset."""
        if balance.sender != self.name:
            self.books.set_balance(balance)

    def on_instrument(self, instrument: Instrument) -> None:
        """A symbol's trading rules, the first or new ones."""
        self.books.set_instrument(instrument)
        self.publisher.on_instrument(instrument)
        self.parts.kept_lists.on_instrument(instrument)
        self.readiness.announce()

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """The best bid and ask: the market price for all checks."""
        self.books.tickers[ticker.exchange, ticker.symbol] = ticker

    # Holds, halts and failures.

    def on_hold_trading(self, hold: HoldTrading) -> None:
        """No new orders until its sender releases; resting ones stay."""
        self.gate.holds[hold.sender] = hold.reason
        self.halts.note(GateNote(event=GateEvent.HOLD, scope=hold.sender, reason=hold.reason))

    def on_release_trading(self, release: ReleaseTrading) -> None:
        """Ends the hold of its sender; what happened meanwhile is asked."""
        if self.gate.holds.pop(release.sender, None) is not None:
            self.halts.note(GateNote(event=GateEvent.RELEASE, scope=release.sender))
            self.reconciliation.on_release(release.sender)

    def on_halt_trading(self, halt: HaltTrading) -> None:
        """No new orders, and ours are canceled."""
        self.halts.begin(halt)

    def on_resume_trading(self, resume: ResumeTrading) -> None:
        """Ends a halt; losses are counted from now on."""
        self.halts.end(resume.strategy)
        self.parts.losses.forgive(resume.strategy)

    def on_actor_failed(self, failed: ActorFailed) -> None:
        """A gateway that failed has lost its requests in flight."""
        self.parts.failures.on_actor_failed(failed)

    def on_actor_restarted(self, restarted: ActorRestarted) -> None:
        """A gateway begins anew: what its venue knows is asked for as at the start."""
        for exchange in self.gate.venues.get(restarted.actor, ()):
            self.readiness.ask_snapshot(exchange)

    def on_actor_stopped(self, stopped: ActorStopped) -> None:
        """An actor is out for good; what a strategy still had on its way to us is refused."""
        self.gate.stops[stopped.actor] = stopped.reason
        self.halts.note(GateNote(event=GateEvent.STOP, scope=stopped.actor, reason=stopped.reason))

    def on_command_failed(self, failed: CommandFailed) -> None:
        """A gateway's handler raised: the request was certainly not sent."""
        self.parts.failures.on_command_failed(failed)

    def on_journal_failed(self, failed: JournalFailed) -> None:
        """Orders that could not be written down were not sent."""
        self.parts.failures.on_journal_failed(failed)
