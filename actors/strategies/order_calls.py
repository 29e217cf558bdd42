"""What a strategy may ask of the order manager: a call for each kind of order, which returns the order's own id.

Every price is rounded to the instrument's tick on the way, every quantity to its lot. What no order can have (a stop of 0,
a target on the wrong side of the entry) is a ValueError at once, and nothing is sent.
"""

from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Never, Self

from typing_extensions import TypeVar

from actors.runtime.actor import Actor
from actors.strategies.holdings import Holdings
from actors.strategies.order_terms import (
    check_amendment,
    check_bracket,
    check_names,
    find_exit_legs,
    find_fault_in_terms,
    order_on_its_way,
    read_number,
)
from messages.base import Message
from messages.enums import (
    Exchanges,
    ListRole,
    OrderStatus,
    OrderType,
    ReplaceMode,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from messages.order_lists import PlaceOrderList, ReplaceOrder
from messages.orders import AmendOrder, CancelOrder, ClosePosition, Order, PlaceOrder

Number = Decimal | float | int | str
ZERO = Decimal(0)
OwnOutput = TypeVar("OwnOutput", bound=Message, default=Never, covariant=True)


class Bracket(NamedTuple):
    """Own ids of a bracket: of the list and of its orders; empty for an order that it has not."""

    list_id: str
    entry: str
    stop: str
    target: str


class OrderCalls(
    Actor[
        PlaceOrder
        | PlaceOrderList
        | ReplaceOrder
        | CancelOrder
        | AmendOrder
        | ClosePosition
        | OwnOutput
    ]
):
    """The calls, and the open orders that they leave."""

    exchange: Exchanges = Exchanges.BINANCE
    order_validity_s: ClassVar[float] = 5.0
    """A decision older than this is not sent to the venue any more."""

    _holdings: Holdings
    _has_traded: bool

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the calls need."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._holdings = Holdings()
        instance._has_traded = False
        return instance

    def open_orders(
        self, symbol: str | None = None, side: Side | None = None, exchange: Exchanges | None = None
    ) -> list[Order]:
        """Its orders that may still be executed, those on their way included, oldest first.

        With a symbol: in that symbol at its `exchange` (or the one given). Without one: all.
        """
        market = None if symbol is None else (exchange or self.exchange, symbol)
        return self._holdings.open_orders(market, side)

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

    def stop(
        self,
        symbol: str,
        quantity: Number,
        stop_price: Number,
        price: Number | None = None,
        *,
        side: Side = Side.SELL,
        **terms: Any,
    ) -> str:
        """Sells at market once a trade is at the stop price or below (a BUY: at it or above); with a `price`, as a LIMIT."""
        order_type = OrderType.STOP_LOSS if price is None else OrderType.STOP_LOSS_LIMIT
        return self.place(
            side, symbol, quantity, price, order_type=order_type, stop_price=stop_price, **terms
        )

    def take_profit(
        self,
        symbol: str,
        quantity: Number,
        stop_price: Number,
        price: Number | None = None,
        *,
        side: Side = Side.SELL,
        **terms: Any,
    ) -> str:
        """Sells at market once a trade is at the stop price or above (a BUY: at it or below); with a `price`, as a LIMIT."""
        order_type = OrderType.TAKE_PROFIT if price is None else OrderType.TAKE_PROFIT_LIMIT
        return self.place(
            side, symbol, quantity, price, order_type=order_type, stop_price=stop_price, **terms
        )

    def trailing_stop(
        self,
        symbol: str,
        quantity: Number,
        trailing_delta: int,
        price: Number | None = None,
        *,
        side: Side = Side.SELL,
        **terms: Any,
    ) -> str:
        """A stop that follows the best price since it began, `trailing_delta` basis points (100 are 1 %) behind it.

        With a `stop_price` it begins to follow when that is reached, else at once.
        """
        order_type = OrderType.STOP_LOSS if price is None else OrderType.STOP_LOSS_LIMIT
        return self.place(
            side,
            symbol,
            quantity,
            price,
            order_type=order_type,
            trailing_delta=trailing_delta,
            **terms,
        )

    def place(
        self,
        side: Side,
        symbol: str,
        quantity: Number = 0,
        price: Number | None = None,
        **terms: Any,
    ) -> str:
        """Asks for an order and returns its own id, which `cancel`, `amend` and every `OrderUpdate` use.

        `quantity` in the base asset, or for a MARKET order `quote_quantity` in the quote asset; all are rounded to the
        instrument's steps on the way. Further terms, by name: `order_type`, `time_in_force`, `time_to_cancel` (seconds
        from its acknowledgement), `stop_price`, `trailing_delta`, `self_trade_prevention`, `exchange`.
        Raises ValueError for terms that no order can have, and TypeError for names of terms that there are not; nothing is
        sent then.
        """
        check_names(terms)
        command = self._command(self._next_id(), side, symbol, quantity, price, **terms)
        self.send(command)
        self._has_traded = True
        self._holdings.add(order_on_its_way(command))
        return command.order_id

    def bracket(
        self,
        symbol: str,
        quantity: Number,
        entry: Number | None = None,
        stop: Number | None = None,
        target: Number | None = None,
        *,
        side: Side = Side.BUY,
        stop_limit: Number | None = None,
        trailing_delta: int | None = None,
        time_to_cancel: float | None = None,
        self_trade_prevention: SelfTradePrevention | None = None,
        exchange: Exchanges | None = None,
    ) -> Bracket:
        """Asks for an entry and its exits in one request: what is left of stop and target is canceled when one executes.

        `side` and `time_to_cancel` are the entry's, a LIMIT order at `entry`; the exits come to the book when it is filled
        whole. Without an entry the exits of what is held already (then `side` is still that of the position). The stop is
        at market unless it has a `stop_limit`, and trails with a `trailing_delta` in basis points. Raises ValueError for
        prices in the wrong order, and for fewer than two orders.
        """
        exits = find_exit_legs(side, stop, stop_limit, trailing_delta, target)
        check_bracket(side, entry, stop, trailing_delta, target)
        list_id = self._next_id()
        common: dict[str, Any] = {
            "self_trade_prevention": self_trade_prevention,
            "exchange": exchange,
        }
        orders, roles = [], []
        if entry is not None:
            terms = common | {"time_to_cancel": time_to_cancel}
            orders.append(self._command(f"{list_id}.entry", side, symbol, quantity, entry, **terms))
            roles.append(ListRole.ENTRY)
        for name, role, price, terms in exits:
            leg = (f"{list_id}.{name}", side.opposite, symbol, quantity, price)
            orders.append(self._command(*leg, **(common | terms)))
            roles.append(role if len(exits) > 1 else ListRole.EXIT)
        self.send(
            PlaceOrderList(
                exchange=exchange or self.exchange,
                symbol=symbol,
                list_id=list_id,
                orders=orders,
                roles=roles,
                send_before_ns=self._send_before_ns(),
            )
        )
        self._has_traded = True
        for command, role in zip(orders, roles, strict=True):
            order = order_on_its_way(command)
            order.list_id, order.list_role = list_id, role
            order.is_waiting = entry is not None and role is not ListRole.ENTRY
            self._holdings.add(order)
        ids = {command.order_id.rpartition(".")[2]: command.order_id for command in orders}
        return Bracket(list_id, *(ids.get(name, "") for name in ("entry", "stop", "target")))

    def replace(
        self,
        order_id: str,
        price: Number | None = None,
        quantity: Number | None = None,
        *,
        stop_price: Number | None = None,
        trailing_delta: int | None = None,
        time_to_cancel: float | None = None,
        mode: ReplaceMode = ReplaceMode.STOP_ON_FAILURE,
    ) -> str:
        """Cancels one of its orders and places another in the same request; returns the new order's own id.

        What is not given is as in the old order (the quantity: what of it is open). Unless `mode` says otherwise nothing
        new is placed if the old order cannot be canceled, as when it was filled meanwhile. For an order that has ended, or
        is being canceled, nothing is sent and the id is empty. Raises ValueError like `place`.
        """
        old = self._holdings.orders.get(order_id)
        if old is None or old.status is OrderStatus.PENDING_CANCEL:
            return ""
        new_stop = stop_price if stop_price is not None else old.stop_price or None
        command = self._command(
            self._next_id(),
            old.side,
            old.symbol,
            old.open_quantity if quantity is None else quantity,
            price if price is not None else old.price or None,
            order_type=old.order_type,
            time_in_force=old.time_in_force,
            time_to_cancel=old.time_to_cancel if time_to_cancel is None else time_to_cancel,
            stop_price=new_stop,
            trailing_delta=trailing_delta
            if trailing_delta is not None
            else old.trailing_delta or None,
            self_trade_prevention=old.self_trade_prevention,
            exchange=old.exchange,
        )
        self.send(
            ReplaceOrder(
                exchange=old.exchange,
                symbol=old.symbol,
                order_id=order_id,
                order=command,
                mode=mode,
                send_before_ns=self._send_before_ns(),
            )
        )
        self._holdings.request_cancel(order_id)
        self._holdings.add(order_on_its_way(command))
        return command.order_id

    def _next_id(self) -> str:
        context = self._context
        return f"{self.name}-{context.run}-{context.counter + 1}"

    def _command(
        self,
        order_id: str,
        side: Side,
        symbol: str,
        quantity: Number,
        price: Number | None,
        *,
        quote_quantity: Number = ZERO,
        order_type: OrderType | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        time_to_cancel: float | None = None,
        stop_price: Number | None = None,
        trailing_delta: int | None = None,
        self_trade_prevention: SelfTradePrevention | None = None,
        exchange: Exchanges | None = None,
    ) -> PlaceOrder:
        if order_type is None:
            order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        command = PlaceOrder(
            exchange=exchange or self.exchange,
            symbol=symbol,
            order_id=order_id,
            side=side,
            order_type=order_type,
            quantity=read_number("quantity", quantity),
            quote_quantity=ZERO
            if quote_quantity is ZERO
            else read_number("quote_quantity", quote_quantity),
            price=None if price is None else read_number("price", price),
            time_in_force=time_in_force,
            time_to_cancel=time_to_cancel,
            decided_on=self._frame_in_hand(),
            send_before_ns=self._send_before_ns(),
            stop_price=None if stop_price is None else read_number("stop_price", stop_price),
            trailing_delta=trailing_delta,
            self_trade_prevention=self_trade_prevention,
        )
        if fault := find_fault_in_terms(command):
            raise ValueError(fault)
        return command

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
        new_price = None if price is None else read_number("price", price)
        new_quantity = None if quantity is None else read_number("quantity", quantity)
        check_amendment(new_price, new_quantity)
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
