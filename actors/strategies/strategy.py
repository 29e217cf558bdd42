"""The base class of strategies: orders by plain calls, and the state that a decision needs.

The base keeps position and open orders, own orders on their way included, and gets them back after a restart, so that a
strategy asks for state instead of remembering what it did.
"""

import math
from decimal import Decimal
from typing import Any, ClassVar, Never, Self

from typing_extensions import TypeVar

from actors.runtime.actor import Actor
from actors.strategies.holdings import Holdings
from actors.strategies.saved_state import decode_state, encode_state
from messages.account import Position
from messages.base import Message
from messages.codec import decoder_of
from messages.control import CommandFailed, Resync, Stop
from messages.enums import Exchanges, OrderStatus, OrderType, Side, TimeInForce
from messages.instruments import Instrument, to_decimal
from messages.orders import AmendOrder, CancelOrder, ClosePosition, Order, OrderUpdate, PlaceOrder
from messages.recovery import StrategyState

Number = Decimal | float | int | str
OwnOutput = TypeVar("OwnOutput", bound=Message, default=Never, covariant=True)


SAVING_MESSAGES = (OrderUpdate, Position, Resync, Stop)


class Strategy(
    Actor[PlaceOrder | CancelOrder | AmendOrder | ClosePosition | StrategyState | OwnOutput]
):
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
    exchange: Exchanges = Exchanges.BINANCE
    order_validity_s: ClassVar[float] = 5.0
    """A decision older than this is not sent to the venue any more."""

    _holdings: Holdings
    _instruments: dict[tuple[Exchanges, str], Instrument]
    _has_traded: bool
    _saved_state: bytes
    _has_begun: bool

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the base keeps."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._holdings = Holdings()
        instance._instruments = {}
        instance._has_traded = False
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

    def run_handlers(self, message: Message, frame: bytes, now_ns: int, keep: int = 0) -> None:
        """Runs the handlers, and sees to it that what must outlive them is written down."""
        super().run_handlers(message, frame, now_ns, keep)
        if type(self).save_state is Strategy.save_state:
            return
        if len(self.outbox) > keep or isinstance(message, SAVING_MESSAGES):
            self._in_handler = True
            try:
                self._save()
            except BaseException:
                self.discard(keep)
                raise
            finally:
                self._in_handler = False

    def _save(self) -> None:
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

    def open_orders(
        self, symbol: str | None = None, side: Side | None = None, exchange: Exchanges | None = None
    ) -> list[Order]:
        """Its orders that may still be executed, those on their way included, oldest first.

        With a symbol: in that symbol at its `exchange` (or the one given). Without one: all.
        """
        market = None if symbol is None else (exchange or self.exchange, symbol)
        return self._holdings.open_orders(market, side)

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

    # Orders.

    def buy(
        self, symbol: str, quantity: Number = 0, price: Number | None = None, **terms: Any
    ) -> str:
        """Buys; a MARKET order without a price. Returns the order's own id. For the other terms see `place`."""
        return self.place(Side.BUY, symbol, quantity, price, **terms)

    def sell(
        self, symbol: str, quantity: Number = 0, price: Number | None = None, **terms: Any
    ) -> str:
        """Sells; a MARKET order without a price. Returns the order's own id. For the other terms see `place`."""
        return self.place(Side.SELL, symbol, quantity, price, **terms)

    def place(
        self,
        side: Side,
        symbol: str,
        quantity: Number = 0,
        price: Number | None = None,
        *,
        quote_quantity: Number = 0,
        order_type: OrderType | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        time_to_cancel: float | None = None,
        exchange: Exchanges | None = None,
    ) -> str:
        """Asks for an order and returns its own id, which `cancel`, `amend` and every `OrderUpdate` use.

        `quantity` in the base asset, or for a MARKET order `quote_quantity` in the quote asset; both, like `price`, are
        rounded to the instrument's steps on the way. `time_to_cancel` in seconds from its acknowledgement.
        Raises ValueError for terms that no order can have; nothing is sent then.
        """
        if order_type is None:
            order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        base, quote = to_decimal(quantity), to_decimal(quote_quantity)
        limit = None if price is None else to_decimal(price)
        if fault := find_fault_in_terms(order_type, base, quote, limit, time_to_cancel):
            raise ValueError(fault)
        context = self._context
        order_id = f"{self.name}-{context.run}-{context.counter + 1}"
        command = PlaceOrder(
            exchange=exchange or self.exchange,
            symbol=symbol,
            order_id=order_id,
            side=side,
            order_type=order_type,
            quantity=base,
            quote_quantity=quote,
            price=limit,
            time_in_force=time_in_force,
            time_to_cancel=time_to_cancel,
            decided_on=self._frame_in_hand(),
            send_before_ns=self._send_before_ns(),
        )
        self.send(command)
        self._has_traded = True
        self._holdings.add(order_on_its_way(command))
        return order_id

    def cancel(self, order_id: str) -> None:
        """Asks for the cancel of one of its orders; for one that has ended, or is being canceled, nothing is sent."""
        order = self._holdings.request_cancel(order_id)
        if order is not None:
            self.send(
                CancelOrder(
                    exchange=order.exchange,
                    symbol=order.symbol,
                    order_id=order_id,
                    side=order.side,
                )
            )

    def cancel_all(self, symbol: str | None = None, exchange: Exchanges | None = None) -> None:
        """Asks for the cancel of all its orders, or of those in one symbol."""
        for order in self.open_orders(symbol, exchange=exchange):
            self.cancel(order.order_id)

    def amend(
        self, order_id: str, price: Number | None = None, quantity: Number | None = None
    ) -> None:
        """Asks for another price or quantity of one of its resting orders; None keeps what it has.

        For an order that has ended, or is being canceled, nothing is sent.
        Raises ValueError for a price or quantity that is not above 0, or if neither is given.
        """
        new_price = None if price is None else to_decimal(price)
        new_quantity = None if quantity is None else to_decimal(quantity)
        if new_price is None and new_quantity is None:
            raise ValueError("an order is amended by a new price, a new quantity or both")
        if any(number is not None and number <= 0 for number in (new_price, new_quantity)):
            raise ValueError(f"price and quantity must be above 0, not {price} and {quantity}")
        order = self._holdings.orders.get(order_id)
        if order is None or order.status is OrderStatus.PENDING_CANCEL:
            return
        self.send(
            AmendOrder(
                exchange=order.exchange,
                symbol=order.symbol,
                order_id=order_id,
                price=new_price,
                quantity=new_quantity,
                send_before_ns=self._send_before_ns(),
                side=order.side,
            )
        )

    def close(self, symbol: str, exchange: Exchanges | None = None) -> None:
        """Asks to be flat: what rests is canceled, and once the venue has confirmed each, what is free is sold."""
        self._has_traded = True
        self.send(
            ClosePosition(
                exchange=exchange or self.exchange,
                symbol=symbol,
                send_before_ns=self._send_before_ns(),
            )
        )

    def _send_before_ns(self) -> int:
        return self.now_ns + round(self.order_validity_s * 1e9)

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
        elif failed.failed_class == CancelOrder.__name__:
            cancel = decoder_of(CancelOrder).decode(failed.failed_frame)
            self._holdings.withdraw_cancel(cancel.order_id)


def find_fault_in_terms(
    order_type: OrderType,
    quantity: Decimal,
    quote_quantity: Decimal,
    price: Decimal | None,
    time_to_cancel: float | None,
) -> str | None:
    """What is wrong with an order's terms whatever the symbol's rules are, or None."""
    is_market = order_type is OrderType.MARKET
    if quantity < 0 or quote_quantity < 0 or quantity + quote_quantity <= 0:
        return f"an order needs a quantity above 0, not {quantity} (or {quote_quantity})"
    if quantity and quote_quantity:
        return "an order has a quantity or a quote_quantity, not both"
    if quote_quantity and not is_market:
        return f"only a MARKET order has a quote_quantity, not a {order_type}"
    if is_market and price is not None:
        return "a MARKET order has no price"
    if price is None and order_type in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
        return f"a {order_type} order needs a price"
    if price is not None and price <= 0:
        return f"a price must be above 0, not {price}"
    if time_to_cancel is not None and not (math.isfinite(time_to_cancel) and time_to_cancel > 0):
        return f"time_to_cancel must be above 0 seconds (absent: never), not {time_to_cancel}"
    return None


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


def order_on_its_way(command: PlaceOrder) -> Order:
    """A strategy's view of an order that it has just asked for."""
    return Order(
        side=command.side,
        order_type=command.order_type,
        symbol=command.symbol,
        exchange=command.exchange,
        order_id=command.order_id,
        strategy=command.sender,
        quantity=command.quantity,
        quote_quantity=command.quote_quantity,
        price=command.price or Decimal(0),
        time_in_force=command.time_in_force,
        time_to_cancel=command.time_to_cancel,
        created_time_ns=command.time_ns,
    )
