"""The base class of strategies: orders by plain calls, and the state that a decision needs.

The base keeps position and open orders, own orders on their way included, and gets them back after a restart, so that a
strategy asks for state instead of remembering what it did.
"""

from decimal import Decimal
from typing import Any, ClassVar, Never, Self

from typing_extensions import TypeVar

from actors.runtime.actor import Actor
from messages.account import Position
from messages.base import Message
from messages.codec import decoder_of
from messages.control import CommandFailed, Resync
from messages.enums import Exchanges, OrderStatus, OrderType, Side, TimeInForce
from messages.instruments import Instrument, to_decimal
from messages.orders import AmendOrder, CancelOrder, ClosePosition, Order, OrderUpdate, PlaceOrder

Number = Decimal | float | int | str
OwnOutput = TypeVar("OwnOutput", bound=Message, default=Never, covariant=True)


class Strategy(Actor[PlaceOrder | CancelOrder | AmendOrder | ClosePosition | OwnOutput]):
    """Decides on orders. Further outputs of its own: `class Mine(Strategy[Signal])`."""

    is_owner = True
    exchange: Exchanges = Exchanges.BINANCE
    order_validity_s: ClassVar[float] = 5.0
    """A decision older than this is not sent to the venue any more."""

    _orders: dict[str, Order]
    _positions: dict[tuple[Exchanges, str], Position]
    _instruments: dict[tuple[Exchanges, str], Instrument]
    _has_traded: bool

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the base keeps."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._orders = {}
        instance._positions = {}
        instance._instruments = {}
        instance._has_traded = False
        return instance

    def may_restart(self) -> bool:
        """A fresh instance that has forgotten could buy twice: once it has traded it must know how to go on."""
        return not self._has_traded or not self.handlers[Resync][-1].startswith("_")

    # State.

    def position(self, symbol: str, exchange: Exchanges | None = None) -> Position:
        """What it holds in a symbol: quantity, average price, profit, fees."""
        key = (exchange or self.exchange, symbol)
        held = self._positions.get(key)
        if held is None:
            held = Position(strategy=self.name, exchange=key[0], symbol=symbol)
        return held

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Its orders that may still be executed, those on their way included, oldest first."""
        return [order for order in self._orders.values() if symbol in (None, order.symbol)]

    def order(self, order_id: str) -> Order | None:
        """One of its open orders, or None once it has ended."""
        return self._orders.get(order_id)

    def instrument(self, symbol: str, exchange: Exchanges | None = None) -> Instrument | None:
        """A symbol's trading rules, or None until the venue has told them."""
        return self._instruments.get((exchange or self.exchange, symbol))

    def is_flat(self, symbol: str, exchange: Exchanges | None = None) -> bool:
        """Whether nothing is held or on its way that could be sold: dust below the venue's least order counts as nothing."""
        if any(order.side is Side.BUY for order in self.open_orders(symbol)):
            return False
        held = self.position(symbol, exchange)
        if held.quantity == 0:
            return True
        instrument = self.instrument(symbol, exchange)
        if instrument is None or held.quantity < 0:
            return False
        sellable = instrument.round_quantity(held.quantity)
        return instrument.find_fault(OrderType.LIMIT, sellable, held.average_price) is not None

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
        Raises ValueError for numbers that are no numbers, a quantity that is not above 0, or such a time.
        """
        if order_type is None:
            order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        base, quote = to_decimal(quantity), to_decimal(quote_quantity)
        limit = None if price is None else to_decimal(price)
        if base < 0 or quote < 0 or base + quote <= 0:
            raise ValueError(
                f"an order needs a quantity above 0, not {quantity} (or {quote_quantity})"
            )
        if time_to_cancel is not None and not time_to_cancel > 0:
            raise ValueError(f"time_to_cancel must be above 0 seconds, not {time_to_cancel}")
        venue = exchange or self.exchange
        context = self._context
        order_id = f"{self.name}-{context.run}-{context.counter + 1}"
        self.send(
            PlaceOrder(
                exchange=venue,
                symbol=symbol,
                order_id=order_id,
                side=side,
                order_type=order_type,
                quantity=base,
                quote_quantity=quote,
                price=limit,
                time_in_force=time_in_force,
                time_to_cancel=time_to_cancel,
                decided_on=self._cause_frame,
                send_before_ns=self._send_before_ns(),
            )
        )
        self._has_traded = True
        self._orders[order_id] = Order(
            side=side,
            order_type=order_type,
            symbol=symbol,
            exchange=venue,
            order_id=order_id,
            strategy=self.name,
            quantity=base,
            quote_quantity=quote,
            price=limit or Decimal(0),
            time_in_force=time_in_force,
            time_to_cancel=time_to_cancel,
            created_time_ns=self.now_ns,
        )
        return order_id

    def cancel(self, order_id: str) -> None:
        """Asks for the cancel of one of its orders; for one that has ended, or is being canceled, nothing is sent."""
        order = self._orders.get(order_id)
        if order is None or order.status is OrderStatus.PENDING_CANCEL:
            return
        order.status = OrderStatus.PENDING_CANCEL
        self.send(CancelOrder(exchange=order.exchange, symbol=order.symbol, order_id=order_id))

    def cancel_all(self, symbol: str | None = None) -> None:
        """Asks for the cancel of all its orders, or of those in one symbol."""
        for order in self.open_orders(symbol):
            self.cancel(order.order_id)

    def amend(
        self, order_id: str, price: Number | None = None, quantity: Number | None = None
    ) -> None:
        """Asks for another price or quantity of one of its resting orders; for one that has ended nothing is sent."""
        order = self._orders.get(order_id)
        if order is None or order.status is OrderStatus.PENDING_CANCEL:
            return
        self.send(
            AmendOrder(
                exchange=order.exchange,
                symbol=order.symbol,
                order_id=order_id,
                price=None if price is None else to_decimal(price),
                quantity=None if quantity is None else to_decimal(quantity),
                send_before_ns=self._send_before_ns(),
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
        order = update.order
        if order.is_open:
            self._orders[order.order_id] = order
        else:
            self._orders.pop(order.order_id, None)

    def _on_position(self, position: Position) -> None:
        self._positions[position.exchange, position.symbol] = position

    def _on_instrument(self, instrument: Instrument) -> None:
        self._instruments[instrument.exchange, instrument.symbol] = instrument

    def _on_resync(self, resync: Resync) -> None:
        self._positions = {(item.exchange, item.symbol): item for item in resync.positions}
        self._orders = {order.order_id: order for order in resync.open_orders}
        self._has_traded = resync.has_traded

    def _on_command_failed(self, failed: CommandFailed) -> None:
        if failed.failed_class == PlaceOrder.__name__:
            self._orders.pop(decoder_of(PlaceOrder).decode(failed.failed_frame).order_id, None)
