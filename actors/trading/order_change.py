"""What one event did to an order: the answer of every operation of the order table."""

import enum
from decimal import Decimal

import msgspec

from messages.enums import OrderStatus
from messages.order_status import LIVING_WORDS, next_status
from messages.orders import Execution, Fill, Order


class Verdict(enum.Enum):
    """What an event was worth."""

    APPLIED = "APPLIED"
    """It told something new: publish an `OrderUpdate`, and a `Fill` for each new execution."""
    ADOPTED = "ADOPTED"
    """It told of an order under one of our names that the table did not know; publish likewise."""
    REPEATED = "REPEATED"
    """It told what was known already; the second of the two roads that bring every event."""
    STALE = "STALE"
    """It told of an earlier state, or doubted what the venue has settled; nothing changed."""
    CONTRADICTION = "CONTRADICTION"
    """It cannot be true beside what the venue said before; nothing changed, and somebody should look."""
    FOREIGN = "FOREIGN"
    """It tells of somebody else's order, or of none that the table could know."""


class OrderChange(msgspec.Struct, frozen=True):
    """What one event did. `order` is the table's own instance: encode or copy it, never change it."""

    verdict: Verdict
    order: Order | None = None
    executions: tuple[Execution, ...] = ()
    """Those booked by this event; each is told in no other change."""
    status_changed: bool = False
    quantity_changed: bool = False
    is_acknowledged: bool = False
    """True for the venue's first word about the order."""
    is_ended: bool = False
    """True when the order came to its end by this event."""

    @property
    def is_news(self) -> bool:
        """Whether observers should hear of it."""
        return self.verdict is Verdict.APPLIED or self.verdict is Verdict.ADOPTED

    @property
    def unbooked_quantity(self) -> Decimal:
        """Executed according to the venue, its trades still untold: they must be asked for."""
        return self.order.unbooked_quantity if self.order is not None else Decimal(0)


def build_fill(order: Order, execution: Execution) -> Fill:
    """The message that tells one execution of one order."""
    return Fill(
        strategy=order.strategy,
        exchange=order.exchange,
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        exchange_order_id=order.exchange_order_id,
        trade_id=execution.trade_id,
        side=order.side,
        price=execution.price,
        quantity=execution.quantity,
        fee=execution.fee,
        fee_asset=execution.fee_asset,
        is_maker=execution.is_maker,
        event_time_ns=execution.event_time_ns,
    )


def is_contradiction(order: Order, said: OrderStatus) -> bool:
    """Whether the venue cannot have meant both this and what it said before."""
    last = order.venue_status
    if last is None or said is last or next_status(last, said) is not None:
        return False
    return said.is_terminal or (last is OrderStatus.REJECTED and said in LIVING_WORDS)


def judge_silence(order: Order, said: OrderStatus, contradicts: bool) -> Verdict:
    """What an event that changed nothing was."""
    if contradicts:
        return Verdict.CONTRADICTION
    if said is order.status or said is order.venue_status:
        return Verdict.REPEATED
    return Verdict.STALE
