"""Orders: what strategies ask, what the order manager asks of a gateway, and what comes back.

`Order` is one side's view of an order. The venue's view arrives as an event of the gateway; the order manager folds it
into its own with `Order.update` and tells the world by `OrderUpdate` and `Fill`.
"""

from decimal import Decimal
from typing import Any

import msgspec

from messages.base import Message, Routing
from messages.enums import (
    Exchanges,
    ExecutionType,
    ListRole,
    OrderStatus,
    OrderType,
    Reason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from messages.order_status import LIVING_WORDS, next_status


class Execution(msgspec.Struct, array_like=True, kw_only=True, frozen=True):
    """One execution of a part of an order; `trade_id` tells it from every other of its symbol."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    fee: Decimal = Decimal(0)
    fee_asset: str = ""
    is_maker: bool = False
    event_time_ns: int = 0


class Order(Message, kw_only=True):
    """One order: identity, terms, and how far it has come.

    From a gateway it is the venue's view, with in `executions` those that this event reports. In the order manager it
    is our own view, with in `executions` all of them, each once.
    """

    side: Side
    order_type: OrderType
    symbol: str = ""
    exchange: Exchanges = Exchanges.BINANCE
    order_id: str = ""
    """Our own id, which the strategy got from `buy` or `sell`; never used twice."""
    client_order_id: str = ""
    """What the venue calls it by; empty until the order manager has named it."""
    exchange_order_id: int = 0
    """The venue's own id; 0 until it has said it."""
    strategy: str = ""
    """Name of the strategy that owns it; empty for an order that is not ours."""
    quantity: Decimal = Decimal(0)
    quote_quantity: Decimal = Decimal(0)
    """For a MARKET order by amount of quote asset; else 0."""
    price: Decimal = Decimal(0)
    time_in_force: TimeInForce = TimeInForce.GTC
    time_to_cancel: float | None = None
    """Seconds it may rest, from its acknowledgement on, before we cancel it; None means for ever."""
    status: OrderStatus = OrderStatus.PENDING_NEW
    venue_status: OrderStatus | None = None
    """The venue's last word; None until it has spoken."""
    executed_quantity: Decimal = Decimal(0)
    executed_quote_quantity: Decimal = Decimal(0)
    executions: list[Execution] = msgspec.field(default_factory=list)
    execution_type: ExecutionType = ExecutionType.UNRECOGNISED
    execution_id: int = 0
    """The venue's counter of reports (`I`); 0 where its answer has none."""
    reason: Reason = Reason.NONE
    reason_text: str = ""
    """The venue's code and message, or our own words."""
    reason_code: int = 0
    """The venue's error code; 0 if none."""
    created_time_ns: int = 0
    """When the strategy asked for it; our clock."""
    acknowledged_time_ns: int = 0
    """When the venue's first word about it reached us; our clock."""
    event_time_ns: int = 0
    """The venue's clock."""
    decided_on: bytes = b""
    """The encoded message whose handler decided on this order: its tick, kept for good."""
    decided_on_id: str = ""
    origin_request_ns: int = 0
    """When that tick was received; our clock."""
    sent_time_ns: int = 0
    """When its request was handed to the venue's connection; our clock. 0 if it was not, or was by an earlier run."""
    stop_price: Decimal = Decimal(0)
    """The trade price that sets it off, or from which it begins to trail; 0 for none."""
    trailing_delta: int = 0
    """How far it trails the best price, in basis points; 0 if it does not."""
    self_trade_prevention: SelfTradePrevention | None = None
    """None for the symbol's own mode."""
    list_id: str = ""
    """Our own id of the list that it is in; empty for a single order."""
    list_role: ListRole = ListRole.NONE
    exchange_list_id: int = -1
    """The venue's id of that list; -1 for none, as on the wire."""
    is_waiting: bool = False
    """Another order of its list must be filled first: until then it can execute nothing and locks nothing."""
    is_armed: bool = False
    """The order manager keeps its trigger, for want of the type at the venue, which knows nothing of the order yet."""
    best_price: Decimal = Decimal(0)
    """Of an armed order that trails: the best price since it began to; 0 before that."""
    is_list_kept: bool = False
    """The order manager keeps its list, for want of such lists at the venue, which knows the orders one by one."""
    executed_beside: Decimal = Decimal(0)
    """Of an exit of such a list: what the others had executed when it was sent; its quantity is what they had left."""
    is_end_wanted: bool = False
    """Its cancel was asked for, and not to put another one in its place: if it was given up and turns up, it is canceled."""

    def routing_key(self) -> tuple[Any, ...]:
        """`(exchange, symbol)`."""
        return (self.exchange, self.symbol)

    @property
    def is_open(self) -> bool:
        """Whether the venue may still execute it, as far as we know."""
        return self.status.is_open

    @property
    def open_quantity(self) -> Decimal:
        """What is still to be executed."""
        return max(self.quantity - self.executed_quantity, Decimal(0))

    @property
    def unbooked_quantity(self) -> Decimal:
        """What the venue says was executed beyond the executions known one by one: their trades must be asked."""
        booked = sum((execution.quantity for execution in self.executions), Decimal(0))
        return max(self.executed_quantity - booked, Decimal(0))

    @property
    def average_price(self) -> Decimal:
        """Average price of what was executed; 0 if nothing was."""
        if not self.executed_quantity:
            return Decimal(0)
        return self.executed_quote_quantity / self.executed_quantity

    def update(self, other: "Order") -> bool:
        """Folds another view of the same order into this one; True if anything changed.

        Late, doubled and out-of-order views are harmless: the status moves only along the table of `order_status`,
        executed quantities only grow, and an execution is taken once, by its trade id, even after the end.

        Raises ValueError if `other` is not an `Order`.
        """
        if not isinstance(other, Order):
            raise ValueError(f"an Order is updated by another Order, not by {type(other).__name__}")
        changed = self.add_executions(other.executions)
        if other.time_to_cancel is not None and other.time_to_cancel != self.time_to_cancel:
            self.time_to_cancel = other.time_to_cancel
            changed = True
        if other.exchange_order_id and not self.exchange_order_id:
            self.exchange_order_id = other.exchange_order_id
            changed = True
        if other.exchange_list_id >= 0 and self.exchange_list_id < 0:
            self.exchange_list_id = other.exchange_list_id
            changed = True
        if other.quantity and (
            not self.quantity or (other.exchange_order_id and other.quantity < self.quantity)
        ):
            # A MARKET order by amount of quote asset learns its quantity from the venue; and an amended order's only
            # ever shrinks (rest-api.md, Order Amend Keep Priority), so that an older view changes nothing.
            self.quantity = other.quantity
            changed = True
        if other.executed_quantity > self.executed_quantity:
            self.executed_quantity = other.executed_quantity
            self.executed_quote_quantity = other.executed_quote_quantity
            changed = True
        self.event_time_ns = max(self.event_time_ns, other.event_time_ns)
        self.execution_id = max(self.execution_id, other.execution_id)
        self.sent_time_ns = self.sent_time_ns or other.sent_time_ns
        return self.say(other.status, other) or changed

    def say(self, said: OrderStatus, other: "Order | None" = None) -> bool:
        """Applies one word about the order's status by the table; True if anything changed."""
        changed = self.is_waiting and (said in LIVING_WORDS or said is OrderStatus.FILLED)
        self.is_waiting = self.is_waiting and not changed
        # PENDING_NEW is the venue's word too, of a leg that waits, if it comes with the venue's id.
        is_leg = said is OrderStatus.PENDING_NEW and other is not None and other.exchange_order_id
        if said in LIVING_WORDS or said.is_terminal or is_leg:
            is_news = self.venue_status is None or next_status(self.venue_status, said) is not None
            if said.is_terminal and not is_news and self.venue_status is not said:
                # The venue's last word rules this end out, whatever we have said since.
                return False
            if is_news and self.venue_status is not said:
                self.venue_status = said
                changed = True
        new = next_status(self.status, said)
        if new is not None and self.status is OrderStatus.NOT_FOUND and not new.is_terminal:
            new = self.venue_status or new
        if new is None or new is self.status:
            return changed
        self.status = new
        if self.reason is Reason.OUTCOME_UNKNOWN and new is not OrderStatus.UNKNOWN:
            self.reason, self.reason_text, self.reason_code = Reason.NONE, "", 0
        if other is not None and (other.reason is not Reason.NONE or other.reason_text):
            self.reason, self.reason_code = other.reason, other.reason_code
            self.reason_text = other.reason_text
        return True

    def restore_venue_status(self) -> bool:
        """After a refused cancel: back to the venue's last word; True if the status changed.

        An order that the venue has not spoken of is `UNKNOWN` then: whether its placement arrived must be asked.
        """
        if self.status is not OrderStatus.PENDING_CANCEL:
            return False
        self.status = self.venue_status or OrderStatus.UNKNOWN
        return True

    def add_executions(self, executions: list[Execution]) -> bool:
        """Takes those not yet known by their trade id; True if there were any."""
        known = {each.trade_id for each in self.executions} if executions else ()
        added = {each.trade_id: each for each in executions if each.trade_id not in known}
        if not added:
            return False
        self.executions.extend(added.values())
        quantity = sum((each.quantity for each in self.executions), Decimal(0))
        if quantity > self.executed_quantity:
            self.executed_quantity = quantity
            amounts = (each.price * each.quantity for each in self.executions)
            self.executed_quote_quantity = sum(amounts, Decimal(0))
        return True


class StrategyCommand(Message, kw_only=True):
    """What a strategy asks of the order manager. The sender's name is the strategy's."""

    exchange: Exchanges
    symbol: str

    is_command = True


class PlaceOrder(StrategyCommand, kw_only=True):
    """Asks for a new order. Without a price it is a MARKET order."""

    order_id: str
    side: Side
    order_type: OrderType
    quantity: Decimal = Decimal(0)
    quote_quantity: Decimal = Decimal(0)
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    time_to_cancel: float | None = None
    decided_on: bytes = b""
    send_before_ns: int = 0
    """Past this instant (our clock) it must not be sent any more; 0 means no limit."""
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    """In basis points."""
    self_trade_prevention: SelfTradePrevention | None = None


class CancelOrder(StrategyCommand, kw_only=True):
    """Asks for the cancel of the strategy's own order."""

    order_id: str
    side: Side = Side.UNRECOGNISED
    """The order's, so that an answer about an order that is not known (any more) can name it."""


class AmendOrder(StrategyCommand, kw_only=True):
    """Asks for another price or quantity of the strategy's own resting order; None keeps what it has."""

    order_id: str
    price: Decimal | None = None
    quantity: Decimal | None = None
    send_before_ns: int = 0
    side: Side = Side.UNRECOGNISED
    """The order's, as in `CancelOrder`."""


class ClosePosition(StrategyCommand, kw_only=True):
    """Asks to be flat in a symbol: cancel what rests, wait for the venue's word on each, then sell what is free."""

    send_before_ns: int = 0


class VenueRequest(Message, kw_only=True):
    """What the order manager asks of one venue's gateway."""

    exchange: Exchanges

    routing = Routing.BY_VENUE
    is_command = True

    def routing_key(self) -> tuple[Any, ...]:
        """`(exchange,)`."""
        return (self.exchange,)


class NewOrderRequest(VenueRequest, kw_only=True):
    """An intent to place an order, with everything rounded and checked; durable before it is sent."""

    order: Order
    send_before_ns: int = 0

    is_durable = True
    needs_journal = True


class CancelOrderRequest(VenueRequest, kw_only=True):
    """A request to cancel one of our orders."""

    symbol: str
    client_order_id: str
    exchange_order_id: int = 0
    order_id: str = ""
    list_id: str = ""
    """If it is in a list: the list's client id. The list is canceled whole then, in one request."""
    exchange_list_id: int = -1

    is_durable = True
    is_retold = True


class AmendOrderRequest(VenueRequest, kw_only=True):
    """A request to reduce an order's quantity and keep its place in the queue."""

    symbol: str
    client_order_id: str
    new_client_order_id: str
    quantity: Decimal
    exchange_order_id: int = 0
    order_id: str = ""
    send_before_ns: int = 0

    is_durable = True
    needs_journal = True


class QueryOrderRequest(VenueRequest, kw_only=True):
    """Asks the venue how one order stands."""

    symbol: str
    client_order_id: str
    exchange_order_id: int = 0
    order_id: str = ""


class OrderUpdate(Message, kw_only=True):
    """How an order stands now, after something changed or a request was refused."""

    strategy: str
    order: Order
    reason: Reason = Reason.NONE
    """Why a request about it was refused; NONE when nothing was."""
    reason_text: str = ""

    routing = Routing.TO_OWNER
    is_durable = True
    is_retold = True

    def routing_key(self) -> tuple[Any, ...]:
        """`(strategy,)`."""
        return (self.strategy,)

    @property
    def order_id(self) -> str:
        """The order's own id."""
        return self.order.order_id

    @property
    def status(self) -> OrderStatus:
        """The order's status."""
        return self.order.status


class Fill(Message, kw_only=True):
    """One execution of one of our orders; published once for each trade id."""

    strategy: str
    exchange: Exchanges
    symbol: str
    order_id: str
    client_order_id: str
    exchange_order_id: int
    trade_id: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal = Decimal(0)
    fee_asset: str = ""
    is_maker: bool = False
    event_time_ns: int = 0

    routing = Routing.TO_OWNER
    is_durable = True
    is_retold = True

    def routing_key(self) -> tuple[Any, ...]:
        """`(strategy,)`."""
        return (self.strategy,)
