"""The base class of strategies: orders by plain calls, and the state that a decision needs.

The base keeps position and open orders, own orders on their way included, and gets them back after a restart, so that a
strategy asks for state instead of remembering what it did.
"""

from decimal import Decimal
from typing import Any, Self

from actors.strategies.order_calls import OrderCalls, OwnOutput
from actors.strategies.saved_state import decode_state, encode_state
from messages.account import Position
from messages.base import Message
from messages.codec import decoder_of
from messages.control import CommandFailed, Resync, Stop
from messages.enums import Exchanges, OrderType
from messages.instruments import Instrument
from messages.order_lists import PlaceOrderList, ReplaceOrder
from messages.orders import CancelOrder, Order, OrderUpdate, PlaceOrder
from messages.recovery import StrategyState

SAVING_MESSAGES = (OrderUpdate, Position, Resync, Stop)


class Strategy(OrderCalls[StrategyState | OwnOutput]):
    """Decides on orders. Further outputs of its own: `class Mine(Strategy[Signal])`.

    Position and open orders come back by themselves after a restart, of the strategy or of the whole bot, before the first
    market message. What else must survive, such as how many entries were made today, a strategy keeps by two methods:

        def save_state(self) -> dict[str, Any]:
            return {"entries": self.entries}

        def load_state(self, state: dict[str, Any]) -> None:
            self.entries = state["entries"]

    `save_state` is asked after every handler that sent an order, a cancel or the like, after every news of orders and
    positions, and at the end; what it returns is written to the journal if it has changed. It may be anything that msgpack
    holds (numbers, texts, lists, dicts, dataclasses, msgspec structs), up to 64 KiB; `load_state` gets it back in the type
    of its annotation, before `on_resync`, and is not called if there is none. A crash may lose the last change, never the
    order that came with it: what was really ordered, `open_orders` and `position` say.
    """

    is_owner = True

    _instruments: dict[tuple[Exchanges, str], Instrument]
    _saved_state: bytes
    _has_begun: bool

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls._has_afterwork = cls.save_state is not Strategy.save_state

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the base keeps."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._instruments = {}
        instance._saved_state = b""
        instance._has_begun = False
        return instance

    def may_restart(self) -> bool:
        """A fresh instance that has forgotten could buy twice: once it has traded it must know how to go on."""
        return not self._has_traded or not self.handlers[Resync][-1].startswith("_")

    # What outlives it.

    def save_state(self) -> Any:
        """What it wants to find again after a restart; None for nothing. See the class."""
        return None

    def load_state(self, state: Any) -> None:
        """Gets back what `save_state` last returned."""

    def _after_handlers(self, message: Message, keep: int) -> None:
        """Sees to it that what must outlive the strategy is written down."""
        if len(self._envelopes) <= keep and not isinstance(message, SAVING_MESSAGES):
            return
        state = self.save_state()
        encoded = b"" if state is None else encode_state(state)
        if encoded != self._saved_state:
            self._saved_state = encoded
            self.send(StrategyState(state=encoded))

    # State.

    def position(self, symbol: str, exchange: Exchanges | None = None) -> Position:
        """What it holds in a symbol: quantity, average price, profit, fees."""
        market = (exchange or self.exchange, symbol)
        held = self._holdings.positions.get(market)
        if held is None:
            held = Position(strategy=self.name, exchange=market[0], symbol=symbol)
        return held

    def order(self, order_id: str) -> Order | None:
        """One of its open orders, or None once it has ended."""
        return self._holdings.orders.get(order_id)

    def instrument(self, symbol: str, exchange: Exchanges | None = None) -> Instrument | None:
        """A symbol's trading rules, or None until the venue has told them."""
        return self._instruments.get((exchange or self.exchange, symbol))

    def free_quantity(self, symbol: str, exchange: Exchanges | None = None) -> Decimal:
        """What it holds and does not offer yet, in the base asset; fills that the position lacks are counted."""
        return self._holdings.free_quantity((exchange or self.exchange, symbol))

    def possible_quantity(self, symbol: str, exchange: Exchanges | None = None) -> Decimal:
        """What it would hold if all its BUY orders were filled and none of its SELL orders."""
        return self._holdings.possible_quantity((exchange or self.exchange, symbol))

    def is_flat(self, symbol: str, exchange: Exchanges | None = None) -> bool:
        """Whether nothing is held or on its way that could be sold: dust below the venue's least order counts as nothing."""
        market = (exchange or self.exchange, symbol)
        if self._holdings.is_buying(market):
            return False
        held = self.position(symbol, exchange)
        if held.quantity <= 0:
            return held.quantity == 0
        instrument = self._instruments.get(market)
        return instrument is not None and is_dust(held, instrument)

    # What the base keeps, before the strategy's own handlers run.

    def _on_order_update(self, update: OrderUpdate) -> None:
        self._holdings.on_order_update(update)

    def _on_position(self, position: Position) -> None:
        self._holdings.on_position(position)

    def _on_instrument(self, instrument: Instrument) -> None:
        self._instruments[instrument.exchange, instrument.symbol] = instrument

    def _on_resync(self, resync: Resync) -> None:
        self._holdings.on_resync(resync)
        self._has_traded = self._has_traded or resync.has_traded
        for instrument in resync.instruments:
            self._instruments.setdefault((instrument.exchange, instrument.symbol), instrument)
        if not self._has_begun and resync.saved_state:
            self._saved_state = resync.saved_state
            self.load_state(decode_state(resync.saved_state, type(self).load_state))
        self._has_begun = True

    def _on_command_failed(self, failed: CommandFailed) -> None:
        if failed.failed_class == PlaceOrder.__name__:
            placement = decoder_of(PlaceOrder).decode(failed.failed_frame)
            self._holdings.remove(placement.order_id)
        elif failed.failed_class == PlaceOrderList.__name__:
            for order in decoder_of(PlaceOrderList).decode(failed.failed_frame).orders:
                self._holdings.remove(order.order_id)
        elif failed.failed_class == ReplaceOrder.__name__:
            replacement = decoder_of(ReplaceOrder).decode(failed.failed_frame)
            self._holdings.remove(replacement.order.order_id)
            self._holdings.withdraw_cancel(replacement.order_id)
        elif failed.failed_class == CancelOrder.__name__:
            cancel = decoder_of(CancelOrder).decode(failed.failed_frame)
            self._holdings.withdraw_cancel(cancel.order_id)


def is_dust(position: Position, instrument: Instrument) -> bool:
    """Whether what is held is less than the venue's least order, at the last known price.

    Too much for one order is not dust, and what may be sold as a MARKET order alone is not either.
    """
    value = position.quantity * position.average_price + position.unrealized_profit
    for order_type in (OrderType.LIMIT, OrderType.MARKET):
        quantity = instrument.round_quantity(position.quantity, order_type)
        least = instrument.min_quantity
        needs_notional = True
        if order_type is OrderType.MARKET:
            least = max(least, instrument.market_min_quantity)
            needs_notional = instrument.min_notional_applies_to_market
        if quantity <= 0 or quantity < least:
            continue
        worth = value * quantity / position.quantity
        if needs_notional and 0 < worth < instrument.min_notional:
            continue
        return False
    return True
