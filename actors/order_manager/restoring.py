"""From what was written down to what was known: the order manager's own messages, read again in their order. Pure.

The checkpoint gives the state at one moment; the messages after it say what has changed since. Only what was booked and
told counts as booked: an execution that an update counts and no fill has told is asked for again.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from actors.order_manager.books import Books, copy_order
from actors.order_manager.chains import Chains
from actors.order_manager.gate import TradingGate
from actors.order_manager.publisher import Publisher
from messages.base import Message
from messages.codec import class_name_of, decoder_of
from messages.control import HaltTrading
from messages.enums import Exchanges, GateEvent
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import Execution, Fill, NewOrderRequest, Order, OrderUpdate
from messages.recovery import (
    GateNote,
    LossMark,
    OrderManagerCheckpoint,
    OrderNote,
    StateKept,
    TriggerArmed,
)

WORDS = (
    *("status", "venue_status", "client_order_id", "reason", "reason_text", "reason_code"),
    *("acknowledged_time_ns", "event_time_ns", "execution_id", "time_to_cancel"),
    *("is_waiting", "exchange_list_id", "is_armed", "best_price"),
    *("executed_beside", "is_end_wanted"),
)
"""What a later word about an order replaces."""
RUN_SHIFT = 40
"""A message's number is `run << 40 | counter` (see `Message.number`)."""


class Restoring:
    """Reads the frames of a journal back."""

    def __init__(
        self, books: Books, chains: Chains, gate: TradingGate, publisher: Publisher, run: int
    ) -> None:
        self.books = books
        self.chains = chains
        self.gate = gate
        self.publisher = publisher
        self.run = run
        self.is_same_run = False
        """Whether it is the order manager alone that began anew, and not the bot."""
        self.loss_marks: list[LossMark] = []
        self.halts: dict[str, HaltTrading] = {}
        """Halts that must be carried on, by their scope."""
        self.sent_before: dict[str, int] = {}
        """For each intent the instant after which it was not sent any more, where it has one."""
        self.early_executions: dict[str, list[Execution]] = {}
        """Of adopted orders, by client order id: their fills stand before the update that describes them."""
        self.readers: dict[str, Callable[[Any], None]] = {
            OrderManagerCheckpoint.__name__: self._read_checkpoint,
            NewOrderRequest.__name__: self._read_request,
            ReplaceOrderRequest.__name__: self._read_request,
            NewOrderListRequest.__name__: self._read_list,
            Fill.__name__: self._read_fill,
            OrderUpdate.__name__: self._read_update,
            OrderNote.__name__: self._read_order_note,
            TriggerArmed.__name__: self._read_armed,
            StateKept.__name__: self._read_state,
            GateNote.__name__: self._read_gate_note,
        }
        classes: tuple[type[Message], ...] = (
            *(OrderManagerCheckpoint, NewOrderRequest, Fill, OrderUpdate),
            *(ReplaceOrderRequest, NewOrderListRequest),
            *(OrderNote, StateKept, GateNote, TriggerArmed),
        )
        self.decoders = {item.__name__: decoder_of(item) for item in classes}

    def read(self, frame: bytes) -> None:
        """Takes one message. Raises msgspec.MsgspecError or ValueError for one that is damaged."""
        name = class_name_of(frame)
        if name not in self.readers:
            return
        message = self.decoders[name].decode(frame)
        self.is_same_run = message.number >> RUN_SHIFT == self.run
        self.readers[name](message)

    def _read_checkpoint(self, checkpoint: OrderManagerCheckpoint) -> None:
        books = self.books
        self._leave_run(checkpoint.naming_run)
        for order in checkpoint.orders:
            books.names.register(order.strategy)
            books.table.restore(order)
            books.note_unsettled(order)
        for chain in checkpoint.chains:
            legs = [books.table.get(order_id) for order_id in chain.legs]
            self.chains.restore(chain.handle, [leg for leg in legs if leg is not None])
        books.portfolio.load(checkpoint.positions)
        books.last_trade_ids.update(
            {(exchange, symbol): last for exchange, symbol, last in checkpoint.last_trade_ids}
        )
        books.traded.update(checkpoint.traded)
        books.states.update(checkpoint.states)
        for note in checkpoint.gate:
            self._read_gate_note(note)
        for balance in checkpoint.baselines:
            books.baselines[balance.exchange, balance.asset] = balance.free
        self.loss_marks = checkpoint.loss_marks
        for fill in checkpoint.fills_to_book:
            self.publisher.restore_fill(fill)
        for fill in checkpoint.fills_to_tell:
            self.publisher.waiting_fills.setdefault((fill.exchange, fill.symbol), []).append(fill)

    def _leave_run(self, run: int | None) -> None:
        """A number that another start has named orders by is not used again."""
        names = self.books.names
        if run is None or run < names.run_number or (run == names.run_number and self.is_same_run):
            return
        names.move_to(run + 1)

    def _read_request(self, request: NewOrderRequest | ReplaceOrderRequest) -> None:
        self._read_intent(request.order, request.send_before_ns)

    def _read_list(self, request: NewOrderListRequest) -> None:
        for order in request.orders:
            self._read_intent(order, request.send_before_ns)

    def _read_intent(self, order: Order, send_before_ns: int) -> None:
        table = self.books.table
        self.books.traded.add(order.strategy)
        self.books.names.register(order.strategy)
        self._leave_run(self.books.names.find_run(order.client_order_id))
        known = table.get(order.order_id)
        if known is not None and known.is_armed:
            # Its trigger went off: from here on the venue is asked, and nothing is sent again.
            known.is_armed, known.status, known.venue_status = False, order.status, None
            known.is_waiting = False
            for name in ("quantity", "price", "best_price", "executed_beside"):
                setattr(known, name, getattr(order, name))
            table.restore(known)
        elif known is None and self._find(order) is None:
            table.restore(order)
            self.chains.restore_leg(order, table.get)
            if send_before_ns:
                self.sent_before[order.order_id] = send_before_ns

    def _read_armed(self, armed: TriggerArmed) -> None:
        self._read_intent(armed.order, 0)

    def _read_fill(self, fill: Fill) -> None:
        books = self.books
        books.traded.add(fill.strategy)
        market = (fill.exchange, fill.symbol)
        books.last_trade_ids[market] = max(fill.trade_id, books.last_trade_ids.get(market, 0))
        execution = Execution(
            trade_id=fill.trade_id,
            price=fill.price,
            quantity=fill.quantity,
            fee=fill.fee,
            fee_asset=fill.fee_asset,
            is_maker=fill.is_maker,
            event_time_ns=fill.event_time_ns,
        )
        order = self._find(fill)
        if order is None:
            self.early_executions.setdefault(fill.client_order_id, []).append(execution)
        elif order.add_executions([execution]):
            books.table.restore(order)
            books.note_unsettled(order)
        self.publisher.restore_fill(fill)

    def _read_update(self, update: OrderUpdate) -> None:
        view = update.order
        if not view.client_order_id:
            return  # refused before it had a name: nothing of it is left
        order = self._find(view)
        if order is None:
            order = copy_order(view)
            order.executions = self.early_executions.pop(view.client_order_id, [])
            self.books.traded.add(order.strategy)
        before = self.chains.executed_before(order)
        for name in WORDS:
            setattr(order, name, getattr(view, name))
        order.exchange_order_id = view.exchange_order_id or order.exchange_order_id
        order.quantity = max(view.quantity - before, Decimal(0))
        if view.executed_quantity - before > order.executed_quantity:
            earlier = [leg for leg in self.chains.legs(order) if leg is not order]
            order.executed_quantity = view.executed_quantity - before
            order.executed_quote_quantity = view.executed_quote_quantity - sum(
                leg.executed_quote_quantity for leg in earlier
            )
        self.books.table.restore(order)
        self.books.note_unsettled(order)

    def _read_order_note(self, note: OrderNote) -> None:
        order = self._find(note.order)
        if order is None:
            return
        for name in (*WORDS, "exchange_order_id", "quantity"):
            setattr(order, name, getattr(note.order, name))
        if note.order.executed_quantity > order.executed_quantity:
            order.executed_quantity = note.order.executed_quantity
            order.executed_quote_quantity = note.order.executed_quote_quantity
        self.books.table.restore(order)
        self.books.note_unsettled(order)

    def _read_state(self, kept: StateKept) -> None:
        self.books.states[kept.strategy] = kept.state

    def _read_gate_note(self, note: GateNote) -> None:
        if not (self.is_same_run or note.is_kept or note.event is GateEvent.RESUME):
            return  # a new start of the bot is a new word to trade
        self.gate.restore(note)
        if note.event is GateEvent.HALT:
            self.halts[note.scope] = HaltTrading(
                reason=note.reason,
                strategy=note.scope,
                flatten=note.flatten and self.is_same_run,
                is_kept=note.is_kept,
            )
        elif note.event is GateEvent.RESUME:
            self.halts.pop(note.scope, None)

    def _find(self, told: Order | Fill) -> Order | None:
        """The order at the venue that a message is about: by the venue's own id, else by ours."""
        table, exchange, symbol = self.books.table, told.exchange, told.symbol
        order = table.find(exchange, symbol, "", told.exchange_order_id)
        if order is None:
            order = self._find_by_name(exchange, symbol, told.client_order_id)
            if order is not None and order.exchange_order_id not in (0, told.exchange_order_id):
                # Another order of this name, unless the message does not say which.
                return order if not told.exchange_order_id else None
        return order

    def _find_by_name(self, exchange: Exchanges, symbol: str, name: str) -> Order | None:
        return self.books.table.find(exchange, symbol, name) if name else None
