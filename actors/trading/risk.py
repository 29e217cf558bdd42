"""Limits that every order must pass before it goes to a venue, and the funds it needs.

A limit that is not set does not limit. A limit that cannot be checked, because no market price is known, refuses: an
order without a price under a limit of notional or position, and any order under a price collar.
"""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from actors.spelling import suggest
from messages.enums import Reason, Side
from messages.instruments import to_decimal, to_text
from messages.orders import Order

RATE_WINDOW_NS = 1_000_000_000
COUNTS = (
    "maximum_open_orders",
    "maximum_orders_per_second",
    "maximum_strategy_open_orders",
    "maximum_refusals_in_a_row",
)
"""Limits that are whole numbers."""
MAXIMUM_COUNT = 1_000_000_000
"""More is no limit, and no memory has room for the times of so many orders."""
SWITCHES = ("may_sell_account_holdings",)
"""Limits that are on or off."""


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of one bot; None means no limit. Raises ValueError with a line for each that is not above 0."""

    maximum_order_notional: Decimal | None = None
    """Price times quantity of one order, in the quote asset."""
    maximum_position_notional: Decimal | None = None
    """Of one symbol over all strategies: what is held, what may still be bought, and the new order."""
    maximum_open_orders: int | None = None
    """Of the whole bot, those on their way included."""
    maximum_orders_per_second: int | None = None
    """Of the whole bot, in any window of one second; cancels do not count."""
    price_collar: Decimal | None = None
    """How far a price may lie from the mid of the last book ticker, on either side: 0.05 is 5 percent."""
    maximum_strategy_position_notional: Decimal | None = None
    """As `maximum_position_notional`, of each strategy for itself."""
    maximum_strategy_open_orders: int | None = None
    """Of each strategy for itself."""
    maximum_daily_loss: Decimal | None = None
    """Of the whole bot within one day (UTC), per quote asset and in it, after fees. At it trading halts."""
    maximum_drawdown: Decimal | None = None
    """How far the bot's net profit may fall from its highest, per quote asset and in it. At it trading halts."""
    maximum_strategy_daily_loss: Decimal | None = None
    """As `maximum_daily_loss`, of each strategy for itself, whose trading alone halts."""
    maximum_strategy_drawdown: Decimal | None = None
    """As `maximum_drawdown`, of each strategy for itself, whose trading alone halts."""
    maximum_refusals_in_a_row: int | None = None
    """After so many refused orders of one strategy, none accepted between, its orders are held for a while."""
    may_sell_account_holdings: bool = False
    """Whether a strategy may sell more than it holds itself, out of what the account holds beside: its position may then
    be negative."""

    def __post_init__(self) -> None:
        faults = [
            f"{name}: must be above 0, not {value}; leave it out for no limit"
            for name, value in msgspec.structs.asdict(self).items()
            if value is not None
            and not isinstance(value, bool)
            and not (Decimal(value).is_finite() and value > 0)
        ]
        faults += [
            f"{name}: must be at most {MAXIMUM_COUNT}; leave it out for no limit"
            for name in COUNTS
            if (getattr(self, name) or 0) > MAXIMUM_COUNT
        ]
        collar = self.price_collar
        if collar is not None and Decimal(collar).is_finite() and collar >= 1:
            faults.append(
                f"price_collar: must be below 1 (0.02 is 2 percent), not {self.price_collar}"
            )
        if faults:
            raise ValueError("\n".join(faults))

    @classmethod
    def from_configuration(cls, section: Mapping[str, Any]) -> "RiskLimits":
        """Limits from a table of the configuration file.

        Raises ValueError that names every faulty key at once, and for an unknown one the nearest that is known.
        """
        values: dict[str, Any] = {}
        faults = []
        for key, value in section.items():
            if key not in cls.__struct_fields__:
                known = cls.__struct_fields__
                hint = suggest(key, known, f"valid keys: {', '.join(known)}")
                faults.append(f"{key!r}: unknown; {hint}")
            elif key in SWITCHES and isinstance(value, bool):
                values[key] = value
            elif isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
                faults.append(f"{key}: must be a number, not {value!r}")
            elif key in COUNTS:
                if isinstance(value, int):
                    values[key] = value
                else:
                    faults.append(f"{key}: must be a whole number, not {value!r}")
            else:
                try:
                    values[key] = to_decimal(value)
                except ValueError as error:
                    faults.append(f"{key}: {error}")
        try:
            limits = cls(**values)
        except ValueError as error:
            faults.extend(str(error).splitlines())
        if faults:
            raise ValueError("; ".join(faults))
        return limits


class RiskState(msgspec.Struct, kw_only=True, gc=False):
    """What an order is judged against: the state of bot, account and market at one instant."""

    now_ns: int
    base_asset: str
    quote_asset: str
    mid_price: Decimal | None = None
    """Of the last book ticker; None if none is known, and where neither the order nor a limit asks for it."""
    open_orders: int = 0
    """Of the whole bot, those on their way included; 0 where no limit asks for it, as with the strategy's own."""
    held_quantity: Decimal = Decimal(0)
    """Held in the symbol by all strategies; signed."""
    open_buy_quantity: Decimal = Decimal(0)
    """What resting orders of all strategies may still buy in the symbol."""
    strategy_quantity: Decimal = Decimal(0)
    """Held in the symbol by the strategy that asks; signed."""
    strategy_open_orders: int = 0
    """Of the strategy that asks, those on their way included."""
    strategy_open_buy_quantity: Decimal = Decimal(0)
    """What that strategy's own orders may still buy in the symbol."""
    strategy_open_sell_quantity: Decimal = Decimal(0)
    """What that strategy's own orders may still sell in the symbol."""
    free_base: Decimal | None = None
    """Free at the venue, less what orders on their way will lock; None if the venue has not said. A SELL is judged by it."""
    free_quote: Decimal | None = None
    """The same of the quote asset. A BUY is judged by it."""
    may_sell_account_holdings: bool = False
    orders_placed: int = 1
    """How many orders go with the one that is judged, itself included: a list counts each of its own."""


Refusal = tuple[Reason, str]
Check = Callable[[Order, RiskState], Refusal | None]


class RiskChecker:
    """Judges orders by the limits; remembers the times of those that were sent, for their rate.

    Only spot is known here: a sale of more than the strategy itself has free is refused with INSUFFICIENT_FUNDS,
    whatever else the account holds, so that no strategy sells another's holding or the owner's. As sales can
    only reduce what is held, they are exempt from the limit of position.
    """

    def __init__(self, limits: RiskLimits) -> None:
        self.limits = limits
        self.limits_positions = (
            limits.maximum_position_notional is not None
            or limits.maximum_strategy_position_notional is not None
        )
        """Whether an order is judged by what is held and may still be bought."""
        self.limits_open_orders = (
            limits.maximum_open_orders is not None
            or limits.maximum_strategy_open_orders is not None
        )
        """Whether an order is judged by how many are open."""
        self.asks_market_price = (
            limits.price_collar is not None
            or limits.maximum_order_notional is not None
            or self.limits_positions
        )
        """Whether an order that has a price of its own is judged by the market's too."""
        self.limits_rate = limits.maximum_orders_per_second is not None
        """Whether the times of orders that were sent are asked for."""
        # Limits that are not set are not asked, order for order.
        checks: tuple[tuple[Check, bool], ...] = (
            (self._check_open_orders, self.limits_open_orders),
            (self._check_rate, self.limits_rate),
            (self._check_price, limits.price_collar is not None),
            (
                self._check_notional,
                limits.maximum_order_notional is not None or self.limits_positions,
            ),
        )
        self._checks = tuple(check for check, is_set in checks if is_set)
        self._sent_times_ns: deque[int] = deque(maxlen=limits.maximum_orders_per_second or 0)

    def check(self, order: Order, state: RiskState) -> Refusal | None:
        """Why a rounded order may not be sent, or None; changes nothing."""
        for check in self._checks:
            if (refusal := check(order, state)) is not None:
                return refusal
        return check_funds(order, state)

    def on_sent(self, now_ns: int, count: int = 1) -> None:
        """Counts orders that passed and were sent."""
        self._sent_times_ns.extend([now_ns] * count)

    def _check_open_orders(self, order: Order, state: RiskState) -> Refusal | None:
        for most, count, whose in (
            (self.limits.maximum_open_orders, state.open_orders, ""),
            (self.limits.maximum_strategy_open_orders, state.strategy_open_orders, " of its own"),
        ):
            if most is not None and count + state.orders_placed > most:
                return Reason.MAX_OPEN_ORDERS, f"{count} orders{whose} are open, {most} are allowed"
        return None

    def _check_rate(self, order: Order, state: RiskState) -> Refusal | None:
        most = self.limits.maximum_orders_per_second
        if most is None:
            return None
        # A time that lies ahead was told by a clock that has since been set back: it limits nothing.
        recent = sum(
            0 <= state.now_ns - sent_ns < RATE_WINDOW_NS for sent_ns in self._sent_times_ns
        )
        if recent + state.orders_placed <= most:
            return None
        return Reason.ORDER_RATE, f"{recent} orders within the last second, {most} are allowed"

    def _check_price(self, order: Order, state: RiskState) -> Refusal | None:
        collar = self.limits.price_collar
        if collar is None:
            return None
        mid = state.mid_price
        if mid is None or mid <= 0:
            return Reason.NO_MARKET_PRICE, f"no market price of {order.symbol} is known yet"
        # What a stop price sets off is executed when the market is there, and is measured from there.
        mid = order.stop_price or mid
        if not order.price or abs(order.price - mid) <= collar * mid:
            return None
        return (
            Reason.PRICE_COLLAR,
            f"price {to_text(order.price)} is further than {to_text(collar * 100)} % "
            f"from the mid price {to_text(mid)}",
        )

    def _check_notional(self, order: Order, state: RiskState) -> Refusal | None:
        limits = self.limits
        most_order = limits.maximum_order_notional
        positions = [
            (most, held, whose)
            for most, held, whose in (
                (
                    limits.maximum_position_notional,
                    state.held_quantity + state.open_buy_quantity,
                    "",
                ),
                (
                    limits.maximum_strategy_position_notional,
                    state.strategy_quantity + state.strategy_open_buy_quantity,
                    "its own ",
                ),
            )
            if most is not None and order.side is not Side.SELL
        ]
        if most_order is None and not positions:
            return None
        notional = find_notional(order, state.mid_price)
        price = state.mid_price or order.price
        if notional is None or (positions and not price):
            return Reason.NO_MARKET_PRICE, f"no market price of {order.symbol} is known yet"
        unit = state.quote_asset
        if most_order is not None and notional > most_order:
            return (
                Reason.MAX_NOTIONAL,
                f"worth {to_text(notional)} {unit}, {to_text(most_order)} are allowed",
            )
        for most, held, whose in positions:
            exposure = held * price + notional
            if exposure > most:
                return (
                    Reason.MAX_POSITION,
                    f"would bring {whose}{order.symbol} to {to_text(exposure)} {unit}, "
                    f"{to_text(most)} are allowed",
                )
        return None


def find_notional(order: Order, market_price: Decimal | None) -> Decimal | None:
    """What an order is worth in the quote asset; None for one without a price where no market price is known."""
    if order.quote_quantity:
        return order.quote_quantity
    price = order.price or order.stop_price or market_price
    return price * order.quantity if price else None


def check_funds(order: Order, state: RiskState) -> Refusal | None:
    """Whether account and strategy have what an order would lock; what is not known is left to the venue."""
    if order.side is Side.BUY:
        if state.free_quote is None:
            return None
        needed = find_notional(order, state.mid_price)
        if needed is None or needed <= state.free_quote:
            return None
        return (
            Reason.INSUFFICIENT_FUNDS,
            f"needs {to_text(needed)} {state.quote_asset}, {to_text(state.free_quote)} are free",
        )
    quantity = order.quantity
    if order.quote_quantity:
        if not state.mid_price:
            return Reason.NO_MARKET_PRICE, f"no market price of {order.symbol} is known yet"
        quantity = order.quote_quantity / state.mid_price
    free = state.strategy_quantity - state.strategy_open_sell_quantity
    if quantity > free and not state.may_sell_account_holdings:
        return (
            Reason.INSUFFICIENT_FUNDS,
            f"would sell {to_text(quantity)} {state.base_asset}, the strategy has "
            f"{to_text(max(free, Decimal(0)))} free",
        )
    if state.free_base is not None and quantity > state.free_base:
        return (
            Reason.INSUFFICIENT_FUNDS,
            f"needs {to_text(quantity)} {state.base_asset}, {to_text(state.free_base)} are free",
        )
    return None
