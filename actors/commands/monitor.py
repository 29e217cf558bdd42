"""The observer behind terminal and summary: one actor that hears what all others report, and the figures it keeps."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hdrh.histogram import HdrHistogram

from actors.commands.latencies import StrategyLatency, has_tick, make_histogram, record
from actors.runtime.actor import Actor
from actors.strategies.strategy import is_dust
from actors.trading.balances import Balances
from actors.trading.portfolio import add_to
from messages.account import AccountSnapshot, Balance, Position
from messages.control import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    HaltCompleted,
    HaltTrading,
    HoldTrading,
    Ready,
    ReleaseTrading,
)
from messages.enums import FeedState, GateEvent, OrderStatus, OrderType, Reason
from messages.instruments import Instrument
from messages.market import BookTicker, FeedStatus
from messages.orders import Fill, Order, OrderUpdate
from messages.recovery import GateNote

RECENT = 8
EXPECTED_REFUSALS = frozenset({Reason.HALTED, Reason.HELD, Reason.STOPPED})
"""Why they came was said when the halt, hold or stop began."""


@dataclass
class BotFigures:
    """What is known of the running bot, for people and for the summary."""

    is_ready: bool = False
    halted: str = ""
    held: str = ""
    last_prices: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Best bid and ask per symbol."""
    feed_states: dict[str, FeedState] = field(default_factory=dict)
    quote_assets: dict[str, str] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    unheard_orders: list[Order] = field(default_factory=list)
    """Not open any more by the venue's list, or not yet: of their end nothing was heard."""
    order_count: int = 0
    """Orders that were sent, or were to be sent, to a venue; those refused before that are in `refusals` alone."""
    orders_by_status: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    refusal_texts: dict[str, str] = field(default_factory=dict)
    """The last order's by reason, in words."""
    fill_count: int = 0
    last_fill_ns: int = 0
    """When the last execution was, by the venue's clock."""
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))
    """Fills, refusals and failures, oldest first, as short lines."""
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    balances: dict[str, Balance] = field(default_factory=dict)
    balances_time_ns: int = 0
    """When the venue stated them last, by its clock."""
    is_account_closed: bool = False
    """Whether they were read when the last of our orders had ended: they hold every fill."""
    account_failure: str = ""
    """Why they could not be read then."""
    restarts: int = 0
    stopped_actors: dict[str, str] = field(default_factory=dict)
    halts_left: dict[str, int] = field(default_factory=dict)
    """By strategy, or "" for all: of how many orders a halt has not proven that they are gone; none: not known yet."""
    tick_to_acknowledged_us: HdrHistogram = field(default_factory=make_histogram)
    request_to_acknowledged_us: HdrHistogram = field(default_factory=make_histogram)
    latencies: dict[str, StrategyLatency] = field(default_factory=dict)
    """By strategy."""

    def realized_profit(self) -> dict[str, Decimal]:
        """Per quote asset, before fees."""
        profit: dict[str, Decimal] = {}
        for position in self.positions.values():
            add_to(profit, self.quote_asset(position.symbol), position.realized_profit)
        return profit

    def unrealized_profit(self) -> dict[str, Decimal]:
        """Per quote asset, at the last known price."""
        profit: dict[str, Decimal] = {}
        for position in self.positions.values():
            add_to(profit, self.quote_asset(position.symbol), position.unrealized_profit)
        return profit

    def fees(self) -> dict[str, Decimal]:
        """Per asset."""
        fees: dict[str, Decimal] = {}
        for position in self.positions.values():
            for asset, fee in position.fees.items():
                add_to(fees, asset, fee)
        return fees

    def is_unsellable(self, position: Position) -> bool:
        """Whether something is held, and less of it than the venue takes an order for."""
        instrument = self.instruments.get(position.symbol)
        return position.quantity > 0 and instrument is not None and is_dust(position, instrument)

    def quote_asset(self, symbol: str) -> str:
        """The asset that a symbol's profit is in; before its rules are known the symbol stands for it."""
        return self.quote_assets.get(symbol, symbol)

    def keep_open(self, found: Mapping[str, Order]) -> None:
        """The venue's last word, when the order manager cannot tell it: these are open, by client order id, no others.

        How the others have ended nobody has heard.
        """
        for order_id, order in list(self.open_orders.items()):
            if order.client_order_id not in found:
                del self.open_orders[order_id]
                self.unheard_orders.append(order)
                self.count_end(OrderStatus.UNKNOWN)
        known = {order.client_order_id for order in self.open_orders.values()}
        for name, order in found.items():
            if name not in known:
                self.open_orders[name] = order

    def lose_account(self) -> None:
        """The account is gone with its venue: nothing is open there, and nobody will say how it ended."""
        for _ in self.open_orders:
            self.count_end(OrderStatus.UNKNOWN)
        self.open_orders.clear()

    def count_end(self, status: OrderStatus) -> None:
        """One more order has ended so."""
        self.orders_by_status[status.value] = self.orders_by_status.get(status.value, 0) + 1


class Monitor(Actor):
    """Hears everything that is reported and keeps the figures."""

    lazy_inputs = frozenset({BookTicker})

    def __init__(self) -> None:
        self.figures = BotFigures()
        # An account that took long to be read is older than the events that came meanwhile.
        self.balances = Balances()
        self.told_refusals: set[tuple[str, Reason]] = set()
        self.told_self_trades: set[str] = set()
        """Strategies of which it was told that their orders meet others of the account."""
        self.halts_completed: dict[str, asyncio.Event] = {}
        """By the strategy that was halted, or "" for all: set when the order manager has said how that went."""
        self.resumes: dict[str, asyncio.Event] = {}
        """By the same: set when the order manager has lifted the halt that somebody waits for."""

    def begin_halt(self, scope: str) -> asyncio.Event:
        """Forgets how an earlier halt of this scope went; the event of the next word on it."""
        self.figures.halts_left.pop(scope, None)
        event = self.halts_completed.setdefault(scope, asyncio.Event())
        event.clear()
        return event

    def begin_resume(self, scope: str) -> asyncio.Event:
        """The event that is set when trading goes on in this scope, though it may be halted again at once."""
        event = self.resumes[scope] = asyncio.Event()
        return event

    def on_ready(self, ready: Ready) -> None:
        """Trading has begun."""
        self.figures.is_ready = True

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """The market's price."""
        self.figures.last_prices[ticker.symbol] = (ticker.bid_price, ticker.ask_price)

    def on_instrument(self, instrument: Instrument) -> None:
        """Which asset a symbol's profit is in."""
        self.figures.quote_assets[instrument.symbol] = instrument.quote_asset
        self.figures.instruments[instrument.symbol] = instrument

    def on_feed_status(self, status: FeedStatus) -> None:
        """Whether the market data can be trusted."""
        known = self.figures.feed_states.get(status.symbol)
        self.figures.feed_states[status.symbol] = status.state
        if known is not status.state and status.state is not FeedState.LIVE:
            self.figures.recent.append(f"{status.symbol} feed {status.state}: {status.reason}")

    def on_order_update(self, update: OrderUpdate) -> None:
        """Counts orders and their ends; measures the way from tick to acknowledgement."""
        figures, order = self.figures, update.order
        if update.reason is not Reason.NONE:
            name = update.reason.value
            figures.refusals[name] = figures.refusals.get(name, 0) + 1
        before = figures.open_orders.get(order.order_id)
        if before is None and order.status is OrderStatus.PENDING_NEW:
            figures.order_count += 1
        self._measure(before, order)
        if order.is_open:
            figures.open_orders[order.order_id] = order
            return
        if figures.open_orders.pop(order.order_id, None) is not None:
            figures.count_end(order.status)
            if order.status is OrderStatus.EXPIRED_IN_MATCH:
                self._tell_self_trade(order)
        if order.status is OrderStatus.REJECTED:
            reason = update.reason_text or order.reason_text or update.reason
            figures.recent.append(f"{order.strategy} {order.side} {order.symbol} refused: {reason}")
            figures.refusal_texts[update.reason.value] = str(reason)
            self._tell_refusal(order, update.reason, str(reason))

    def _tell_self_trade(self, order: Order) -> None:
        """Says once for each strategy that its orders meet others of the account: nothing else tells why they are gone."""
        text = f"{order.strategy} {order.side} {order.symbol} expired: it met another order of the account"
        self.figures.recent.append(text)
        if order.strategy not in self.told_self_trades:
            self.told_self_trades.add(order.strategy)
            self.log.warning(
                "%s, and an account does not trade with itself; more of the kind are only counted",
                text,
            )

    def _tell_refusal(self, order: Order, reason: Reason, text: str) -> None:
        """Says why, once for each strategy and reason: a strategy that is refused every time would look idle."""
        if (order.strategy, reason) in self.told_refusals:
            return
        self.told_refusals.add((order.strategy, reason))
        # A LIMIT_MAKER order asks to be refused where it would take.
        is_asked_for = reason is Reason.VENUE and order.order_type is OrderType.LIMIT_MAKER
        level = logging.INFO if is_asked_for or reason in EXPECTED_REFUSALS else logging.WARNING
        self.log.log(
            level,
            "%s: %s %s was refused (%s): %s; more of the kind are only counted",
            *(order.strategy, order.side, order.symbol, reason, text),
        )

    def _measure(self, before: Order | None, order: Order) -> None:
        if not order.acknowledged_time_ns or (before is not None and before.acknowledged_time_ns):
            return
        figures, end_ns = self.figures, order.acknowledged_time_ns
        figures.latencies.setdefault(order.strategy, StrategyLatency()).note(order)
        if has_tick(order):
            record(figures.tick_to_acknowledged_us, order.origin_request_ns, end_ns)
        record(figures.request_to_acknowledged_us, order.created_time_ns, end_ns)

    def on_fill(self, fill: Fill) -> None:
        """Counts and shows an execution."""
        self.figures.fill_count += 1
        self.figures.last_fill_ns = max(self.figures.last_fill_ns, fill.event_time_ns)
        if fill.event_time_ns > self.figures.balances_time_ns:
            # Of an order that could not be canceled: the account was read before.
            self.figures.is_account_closed = False
        self.figures.recent.append(
            f"{fill.strategy} {fill.side} {fill.quantity.normalize():f} {fill.symbol} @ {fill.price.normalize():f}"
        )

    def on_position(self, position: Position) -> None:
        """What a strategy holds."""
        self.figures.positions[position.strategy, position.symbol] = position

    def on_balance(self, balance: Balance) -> None:
        """What the account holds."""
        if not self.figures.is_account_closed and self.balances.apply(balance):
            self.figures.balances[balance.asset] = balance
            self._note_time(balance.event_time_ns or balance.time_ns)

    def on_account_snapshot(self, snapshot: AccountSnapshot) -> None:
        """What the account holds, whole."""
        if self.figures.is_account_closed:
            return
        for balance in self.balances.apply_snapshot(
            snapshot.exchange, snapshot.balances, snapshot.event_time_ns
        ):
            self.figures.balances[balance.asset] = balance
        self._note_time(snapshot.event_time_ns or snapshot.time_ns)

    def close_account(self, snapshot: AccountSnapshot) -> None:
        """What the account holds after the last of our orders: an event that comes late is one of before.

        What the venue answers may lag behind its matching engine: then it is only the last word so far.
        """
        self.on_account_snapshot(snapshot)
        self.figures.is_account_closed = snapshot.event_time_ns >= self.figures.last_fill_ns

    def _note_time(self, time_ns: int) -> None:
        self.figures.balances_time_ns = max(self.figures.balances_time_ns, time_ns)

    def on_actor_failed(self, failed: ActorFailed) -> None:
        """Shows a failure."""
        self.figures.recent.append(f"{failed.actor} failed: {failed.error}")

    def on_actor_restarted(self, restarted: ActorRestarted) -> None:
        """Counts restarts."""
        self.figures.restarts += 1

    def on_actor_stopped(self, stopped: ActorStopped) -> None:
        """Remembers who is out."""
        self.figures.stopped_actors[stopped.actor] = stopped.reason
        self.figures.recent.append(f"{stopped.actor} is out: {stopped.reason}")

    def on_halt_trading(self, halt: HaltTrading) -> None:
        """Shows why nothing is traded any more."""
        if not halt.strategy:
            self.figures.halted = halt.reason
        self.begin_halt(halt.strategy)

    def on_halt_completed(self, completed: HaltCompleted) -> None:
        """The order manager's word that our orders are gone, or how many are not."""
        self.figures.halts_left[completed.strategy] = completed.open_orders
        self.halts_completed.setdefault(completed.strategy, asyncio.Event()).set()

    def on_gate_note(self, note: GateNote) -> None:
        """The order manager halts by itself too: at a limit of loss, and after a restart that must not undo a halt."""
        figures = self.figures
        if note.event is GateEvent.HALT and note.scope:
            figures.recent.append(f"{note.scope} halts: {note.reason}")
        elif note.event is GateEvent.HALT:
            figures.halted = note.reason
        elif note.event is GateEvent.RESUME:
            if not note.scope:
                figures.halted = ""
            if event := self.resumes.pop(note.scope, None):
                event.set()

    def on_hold_trading(self, hold: HoldTrading) -> None:
        """Shows why no new orders are placed for now."""
        self.figures.held = hold.reason

    def on_release_trading(self, release: ReleaseTrading) -> None:
        """The hold is over."""
        self.figures.held = ""
