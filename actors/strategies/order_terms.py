"""What no order can have, whatever a symbol's rules are; and the orders of a bracket. Pure."""

import math
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from actors.spelling import suggest
from messages.enums import ListRole, OrderType, Side
from messages.instruments import to_decimal
from messages.orders import Order, PlaceOrder

Number = Decimal | float | int | str
ZERO = Decimal(0)
Leg = tuple[str, ListRole, Number | None, dict[str, Any]]
"""Name, role, price and further terms."""


TERMS = frozenset(
    {
        "exchange",
        "order_type",
        "quote_quantity",
        "self_trade_prevention",
        "stop_price",
        "time_in_force",
        "time_to_cancel",
        "trailing_delta",
    }
)
"""What every call takes by name, beside its own parameters."""


def check_names(terms: Mapping[str, Any]) -> None:
    """Raises TypeError for a term that there is not, with the one that was probably meant."""
    if TERMS.issuperset(terms):
        return
    known = {*TERMS, "price", "quantity", "symbol"}
    listing = f"there are {', '.join(sorted(TERMS))}"
    unknown = [name for name in terms if name not in TERMS]
    faults = [f"{name!r} ({suggest(name, known, listing)})" for name in unknown]
    raise TypeError(f"an order has no term {', '.join(faults)}")


def read_number(key: str, value: Number) -> Decimal:
    """A number of an order. Raises ValueError that names it by its key."""
    try:
        return to_decimal(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{key}: {error}") from error


def find_fault_in_terms(command: PlaceOrder) -> str | None:
    """What no order can have in an order's terms, or None."""
    order_type, price = command.order_type, command.price
    quantity, quote_quantity = command.quantity, command.quote_quantity
    if quantity < 0 or quote_quantity < 0 or quantity + quote_quantity <= 0:
        if not quote_quantity:
            return f"an order needs a quantity above 0, not {quantity}"
        return f"an order needs a quote_quantity above 0, not {quote_quantity}"
    if quantity and quote_quantity:
        return "an order has a quantity or a quote_quantity, not both"
    if quote_quantity and order_type is not OrderType.MARKET:
        return f"only a MARKET order has a quote_quantity, not a {order_type}"
    if price is not None and not order_type.has_price:
        return f"a {order_type} order has no price"
    if price is None and order_type.has_price:
        return f"a {order_type} order needs a price"
    if price is not None and price <= 0:
        return f"a price must be above 0, not {price}"
    seconds = command.time_to_cancel
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        return f"time_to_cancel must be above 0 seconds (absent: never), not {seconds}"
    stop_price, trailing_delta = command.stop_price, command.trailing_delta
    if stop_price is None and trailing_delta is None and not order_type.is_contingent:
        return None
    return find_fault_in_trigger(order_type, stop_price, trailing_delta)


def find_fault_in_trigger(
    order_type: OrderType, stop_price: Decimal | None, trailing_delta: int | None
) -> str | None:
    """What is wrong with what sets an order off, or None."""
    if stop_price is not None and stop_price <= 0:
        return f"a stop price must be above 0, not {stop_price}"
    if trailing_delta is not None and (
        type(trailing_delta) is not int or not 0 < trailing_delta < 10_000
    ):
        return f"a trailing delta is 1 to 9999 whole basis points, not {trailing_delta}"
    has_trigger = stop_price is not None or trailing_delta is not None
    if order_type.is_contingent and not has_trigger:
        return f"a {order_type} order needs a stop price or a trailing delta"
    if has_trigger and not order_type.is_contingent:
        return f"a {order_type} order has neither stop price nor trailing delta"
    return None


def check_amendment(price: Decimal | None, quantity: Decimal | None) -> None:
    """Raises ValueError for a price or quantity that is not above 0, or if neither is given."""
    if price is None and quantity is None:
        raise ValueError("an order is amended by a new price, a new quantity or both")
    if any(number is not None and number <= 0 for number in (price, quantity)):
        raise ValueError(f"price and quantity must be above 0, not {price} and {quantity}")


def check_bracket(
    side: Side,
    entry: Number | None,
    stop: Number | None,
    trailing_delta: int | None,
    target: Number | None,
) -> None:
    """Raises ValueError if the prices of a bracket do not lie on their sides of each other, or an order is missing."""
    if side not in (Side.BUY, Side.SELL):
        raise ValueError(f"a bracket is of a BUY or a SELL, not {side}")
    has_stop = stop is not None or trailing_delta is not None
    if not (has_stop or target is not None):
        raise ValueError("a bracket needs a stop, a target or both")
    if entry is None and not (has_stop and target is not None):
        raise ValueError("without an entry a bracket needs a stop and a target")
    # A stop price beside a trailing delta is where it begins to trail: on the target's side.
    levels = [target, entry] if trailing_delta is not None else [target, entry, stop]
    prices = [to_decimal(level) for level in levels if level is not None]
    if side is Side.SELL:
        prices.reverse()
    if any(upper <= lower for upper, lower in pairwise(prices)):
        raise ValueError(
            f"of a {side} bracket the entry {entry} lies between the stop {stop} and the target {target}"
        )


def find_exit_legs(
    side: Side,
    stop: Number | None,
    stop_limit: Number | None,
    trailing_delta: int | None,
    target: Number | None,
) -> list[Leg]:
    """The exits of a bracket, the upper one first. Of a long one (`side` BUY) the target lies above."""
    legs: list[Leg] = []
    if target is not None:
        terms: dict[str, Any] = {"order_type": OrderType.LIMIT_MAKER}
        role = ListRole.ABOVE if side is Side.BUY else ListRole.BELOW
        legs.append(("target", role, target, terms))
    if stop is not None or trailing_delta is not None:
        order_type = OrderType.STOP_LOSS if stop_limit is None else OrderType.STOP_LOSS_LIMIT
        terms = {"order_type": order_type, "stop_price": stop, "trailing_delta": trailing_delta}
        role = ListRole.BELOW if side is Side.BUY else ListRole.ABOVE
        legs.append(("stop", role, stop_limit, terms))
    return legs if side is Side.BUY else legs[::-1]


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
        price=command.price or ZERO,
        time_in_force=command.time_in_force,
        time_to_cancel=command.time_to_cancel,
        created_time_ns=command.time_ns,
        stop_price=command.stop_price or ZERO,
        trailing_delta=command.trailing_delta or 0,
        self_trade_prevention=command.self_trade_prevention,
    )
