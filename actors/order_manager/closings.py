"""Closing a position: cancel what rests, wait for the venue's word on each, then sell at market what is free.

The sale is decided only when nothing can change what is held any more: each order that rested has ended, and every
execution of it that the venue speaks of has been booked. So an order that filled instead of being canceled is not sold
twice. What is left after rounding down stays, as dust, and is sold with the next position; if the venue would not take
the sale, that is told once, as the refusal of an order, and nothing is tried again. More than one MARKET order may be is
sold in several.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from actors.order_manager.amending import Amending
from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.placements import Placements
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from messages.enums import Exchanges, OrderType, Side
from messages.instruments import Instrument
from messages.orders import Order

PositionKey = tuple[str, Exchanges, str]
MOST_SALES = 20
"""So many orders one close makes at most; whatever is left then is told, and another close may be asked for."""
NOTIONAL_SHARE = Decimal("0.9")
"""Of the greatest notional: the venue measures it at a mean price, and not at ours."""


@dataclass(slots=True)
class Closing:
    """One position that is being closed."""

    send_before_ns: int
    ignores_halt: bool
    decided_on_id: str = ""
    waiting: dict[str, Order] = field(default_factory=dict)
    """Orders on which the venue's last word is awaited."""


class Closings:
    """Carries the closing of positions out, by (strategy, exchange, symbol)."""

    def __init__(
        self,
        port: Port,
        books: Books,
        publisher: Publisher,
        placements: Placements,
        cancels: Cancels,
        amending: Amending,
    ) -> None:
        self.port = port
        self.books = books
        self.publisher = publisher
        self.placements = placements
        self.cancels = cancels
        self.amending = amending
        self.running: dict[PositionKey, Closing] = {}

    def begin(
        self,
        key: PositionKey,
        send_before_ns: int,
        *,
        ignores_halt: bool = False,
        decided_on_id: str = "",
    ) -> None:
        """Begins to close a position; one that is being closed already is not closed twice."""
        if key in self.running:
            return
        closing = Closing(send_before_ns, ignores_halt, decided_on_id)
        self.running[key] = closing
        for order in self.books.table.open_orders(*key):
            self.amending.abandon(order)
            closing.waiting[order.order_id] = order
            self.cancels.request(order, is_pursued=True)
        for order in self.books.unsettled(*key):
            closing.waiting[order.order_id] = order
        self.progress()

    def abandon(self, strategy: str | None) -> None:
        """Forgets what is being closed, for one strategy or for all: nothing will be sold."""
        for key in list(self.running):
            if strategy is None or key[0] == strategy:
                del self.running[key]

    def is_running(self, strategy: str | None) -> bool:
        """Whether a position of this strategy (None: of any) is being closed."""
        return any(strategy is None or key[0] == strategy for key in self.running)

    def progress(self) -> None:
        """Sells where the venue has said its last word."""
        for key, closing in list(self.running.items()):
            for order_id, order in list(closing.waiting.items()):
                if not (order.is_open or self.books.is_unsettled(order)):
                    del closing.waiting[order_id]
            if not closing.waiting:
                del self.running[key]
                self._sell(key, closing)

    def _sell(self, key: PositionKey, closing: Closing) -> None:
        strategy, exchange, symbol = key
        books = self.books
        held = books.portfolio.quantity(exchange, symbol, strategy)
        free = held - books.under_way(exchange, symbol, Side.SELL, strategy)
        if free <= 0:
            self.publisher.tell_position(strategy, exchange, symbol)
            return
        instrument = books.instruments.get((exchange, symbol))
        if instrument is not None:
            # The account's owner may have taken some of it away.
            in_account = books.free(exchange, instrument.base_asset)
            if in_account is not None and 0 < in_account < free:
                free = in_account
        most = None if instrument is None else self._find_most(instrument)
        for _ in range(MOST_SALES):
            quantity = free if most is None else min(free, most)
            order = Order(
                side=Side.SELL,
                order_type=OrderType.MARKET,
                symbol=symbol,
                exchange=exchange,
                strategy=strategy,
                quantity=quantity,
                created_time_ns=self.port.now_ns,
                decided_on_id=closing.decided_on_id,
            )
            sent = self.placements.close(
                order, closing.send_before_ns, ignores_halt=closing.ignores_halt
            )
            free -= quantity
            if not sent or free <= 0:
                break
        if not sent or free > 0:
            self.publisher.tell_position(strategy, exchange, symbol)

    def _find_most(self, instrument: Instrument) -> Decimal | None:
        """How much one MARKET order may sell by the symbol's rules; None for any amount."""
        bounds = [instrument.max_quantity, instrument.market_max_quantity]
        price = self.books.mid_price(instrument.exchange, instrument.symbol)
        if instrument.max_notional_applies_to_market and price:
            bounds.append(instrument.max_notional * NOTIONAL_SHARE / price)
        roundeds = (instrument.round_quantity(bound, OrderType.MARKET) for bound in bounds)
        return min((bound for bound in roundeds if bound > 0), default=None)
