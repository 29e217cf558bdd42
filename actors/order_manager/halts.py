"""Halts: no new orders, ours canceled one by one, and a word when all are proven gone.

Only orders that we know for ours are canceled, each by its own id: the account's owner may have others in the same symbol.
The gate is shut before the first cancel is sent, so that no strategy's answer to a cancel passes. With `flatten` what the
strategies hold is sold once their orders are gone. `HaltCompleted` comes when nothing is open any more and every execution
is booked, or after a bounded time with the number of orders of which the venue has not said that they are gone; whoever
can wait longer hears it again when they are.
"""

from dataclasses import dataclass

from actors.order_manager.amending import Amending
from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.closings import Closings
from actors.order_manager.gate import ALL, TradingGate
from actors.order_manager.port import Port
from messages.control import HaltCompleted, HaltTrading
from messages.enums import GateEvent, Reason
from messages.orders import Order
from messages.recovery import GateNote


@dataclass(slots=True)
class Halt:
    """One halt that is being carried out."""

    reason: str
    wants_sale: bool
    timer: int = 0


class Halts:
    """Carries halts out, by strategy or for all."""

    def __init__(
        self,
        port: Port,
        books: Books,
        gate: TradingGate,
        cancels: Cancels,
        amending: Amending,
        closings: Closings,
        patience_s: float,
    ) -> None:
        self.port = port
        self.books = books
        self.gate = gate
        self.cancels = cancels
        self.amending = amending
        self.closings = closings
        self.patience_s = patience_s
        self.running: dict[str, Halt] = {}

    def begin(self, command: HaltTrading) -> None:
        """Shuts the gate and cancels; asked again it begins anew."""
        scope = command.strategy
        self._forget(scope)
        reason, is_kept = command.reason, command.is_kept
        earlier = self.gate.notes.get((GateEvent.HALT, scope))
        if earlier is not None and earlier.is_kept and not is_kept:
            # The bot's own end does not undo what a person or a limit of loss has ordered for longer.
            reason, is_kept = earlier.reason, True
        self.gate.halts[scope] = reason
        self.note(
            GateNote(
                event=GateEvent.HALT,
                scope=scope,
                reason=reason,
                is_kept=is_kept,
                flatten=command.flatten,
            )
        )
        self.closings.abandon(scope or None)
        halt = Halt(command.reason, command.flatten)
        halt.timer = self.port.schedule(self.patience_s, self._give_up, scope)
        self.running[scope] = halt
        untold = [each for each in self.books.unruled.values() if scope in (ALL, each.strategy)]
        for order in [*self._open_orders(scope), *untold]:
            self.cancel(order, command.reason)
        self.progress()

    def cancel(self, order: Order, reason: str) -> None:
        """Cancels one order for good."""
        self.amending.abandon(order)
        self.cancels.request(order, Reason.HALTED, reason, is_pursued=True)

    def end(self, scope: str) -> None:
        """Opens the gate again; a halt that is still being carried out is not completed any more."""
        self._forget(scope)
        if self.gate.halts.pop(scope, None) is not None:
            self.note(GateNote(event=GateEvent.RESUME, scope=scope))

    def note(self, note: GateNote) -> None:
        """Writes down that the gate was opened or shut, for a next instance of the order manager."""
        self.gate.keep(note)
        self.port.send(note)

    def on_adopted(self, order: Order) -> None:
        """An order of ours has turned up that nobody knew of: it is not spared by a halt."""
        if self.gate.is_halted(order.strategy):
            reason = self.gate.halts.get(ALL) or self.gate.halts.get(order.strategy, "")
            self.cancel(order, reason)

    def progress(self) -> None:
        """Sells, or says that all is done, where no order is open any more."""
        for scope, halt in list(self.running.items()):
            if self._open_orders(scope) or self.closings.is_running(scope or None):
                continue
            if halt.wants_sale:
                halt.wants_sale = False
                self._sell_all(scope)
                if self._open_orders(scope) or self.closings.is_running(scope or None):
                    continue
            if any(
                scope in (ALL, order.strategy) for order in self.books.unsettled_orders.values()
            ):
                # A canceled order counts what was executed and not told yet: the position stated now would lack it.
                continue
            self._forget(scope)
            self.port.send(HaltCompleted(open_orders=0, strategy=scope))

    def _open_orders(self, scope: str) -> list[Order]:
        return self.books.table.open_orders(None if scope == ALL else scope)

    def _sell_all(self, scope: str) -> None:
        keys = {
            (item.strategy, item.exchange, item.symbol): None
            for item in self.books.portfolio.positions(scope or None)
            if item.quantity > 0
        }
        for order in self.books.unsettled_orders.values():
            if scope in (ALL, order.strategy):
                keys[order.strategy, order.exchange, order.symbol] = None
        for key in keys:
            self.closings.begin(key, 0, ignores_halt=True)

    def _give_up(self, scope: str) -> None:
        if scope in self.running:
            count = len(self._open_orders(scope))
            self.port.send(HaltCompleted(open_orders=count, strategy=scope))

    def _forget(self, scope: str) -> None:
        halt = self.running.pop(scope, None)
        if halt is not None:
            self.port.cancel_timer(halt.timer)
