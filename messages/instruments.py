"""A symbol's trading rules, and the only place where prices and quantities are rounded.

Rules: filters.md of the Binance Spot API. A bound of 0 disables that bound.
"""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

from messages.base import Message, Routing
from messages.enums import (
    Exchanges,
    OrderType,
    Reason,
    SelfTradePrevention,
    Side,
    SymbolStatus,
)

DECIMAL_TEXT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
ZERO = Decimal(0)


def to_decimal(value: Decimal | str | int | float) -> Decimal:
    """The exact decimal that was meant: a float by its shortest text, so that 0.29 is 0.29.

    Raises ValueError for what is no finite plain number (`NaN`, `1_000`, full-width digits, exponents in a text).
    """
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, float):
        number = Decimal(repr(value))
    elif isinstance(value, int) or DECIMAL_TEXT.fullmatch(value):
        number = Decimal(value)
    else:
        raise ValueError(f"{value!r} is not a plain decimal number")
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def to_text(value: Decimal) -> str:
    """Fixed-point text without exponent and without needless zeros, as a venue accepts it."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_down(value: Decimal | str | int | float, step: Decimal) -> Decimal:
    """The greatest multiple of `step` that is not above `value`; a step of 0 rounds nothing."""
    return round_to_step(value, step, ROUND_FLOOR)


def round_up(value: Decimal | str | int | float, step: Decimal) -> Decimal:
    """The least multiple of `step` that is not below `value`; a step of 0 rounds nothing."""
    return round_to_step(value, step, ROUND_CEILING)


def round_nearest(value: Decimal | str | int | float, step: Decimal) -> Decimal:
    """The nearest multiple of `step`, ties to even; a step of 0 rounds nothing."""
    return round_to_step(value, step, ROUND_HALF_EVEN)


def round_to_step(value: Decimal | str | int | float, step: Decimal, rounding: str) -> Decimal:
    """A multiple of `step` by one of the decimal module's rounding modes."""
    number = value if isinstance(value, Decimal) and value.is_finite() else to_decimal(value)
    if step <= 0:
        return number
    return (number / step).to_integral_value(rounding=rounding) * step


class Instrument(Message, kw_only=True):
    """The trading rules of one symbol at one venue; sent again whenever they change."""

    exchange: Exchanges
    symbol: str
    base_asset: str
    quote_asset: str
    status: SymbolStatus = SymbolStatus.TRADING
    order_types: list[OrderType] = msgspec.field(default_factory=list)
    tick_size: Decimal = ZERO
    min_price: Decimal = ZERO
    max_price: Decimal = ZERO
    lot_size: Decimal = ZERO
    min_quantity: Decimal = ZERO
    max_quantity: Decimal = ZERO
    market_lot_size: Decimal = ZERO
    market_min_quantity: Decimal = ZERO
    market_max_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO
    max_notional: Decimal = ZERO
    min_notional_applies_to_market: bool = False
    max_notional_applies_to_market: bool = False
    bid_multiplier_up: Decimal = ZERO
    bid_multiplier_down: Decimal = ZERO
    ask_multiplier_up: Decimal = ZERO
    ask_multiplier_down: Decimal = ZERO
    max_open_orders: int = 0
    base_precision: int = 8
    quote_precision: int = 8
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO
    event_time_ns: int = 0
    allows_trailing_stop: bool = True
    allows_oco: bool = True
    allows_oto: bool = True
    allows_cancel_replace: bool = True
    self_trade_prevention_modes: list[SelfTradePrevention] = msgspec.field(default_factory=list)
    """Empty where the venue does not say."""
    allows_emulation: bool = True
    """Whether prices come as they are traded, so that the order manager may keep triggers that the venue does not take."""
    bid_price: float = 0.0
    ask_price: float = 0.0
    """The best ones when the rules were first read, 0 where they were not: what counts until the first book ticker, which
    comes only when a price changes."""

    routing = Routing.BY_MARKET

    def routing_key(self) -> tuple[Any, ...]:
        """`(exchange, symbol)`."""
        return (self.exchange, self.symbol)

    def round_price(self, price: Decimal | str | int | float, side: Side) -> Decimal:
        """To the tick, never to a worse price than was asked: a BUY down, a SELL up."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return round_to_step(price, self.tick_size, rounding)

    def round_quantity(
        self, quantity: Decimal | str | int | float, order_type: OrderType = OrderType.LIMIT
    ) -> Decimal:
        """Down to the lot size (a MARKET order obeys its own lot size too)."""
        rounded = round_to_step(quantity, self.lot_size, ROUND_FLOOR)
        if order_type is OrderType.MARKET and self.market_lot_size > 0:
            rounded = round_down(rounded, self.market_lot_size)
        return rounded

    def find_fault(
        self,
        order_type: OrderType,
        quantity: Decimal,
        price: Decimal | None,
        market_price: Decimal | None = None,
    ) -> tuple[Reason, str] | None:
        """Why the venue would refuse these rounded terms, or None.

        `price` is None for a MARKET order; its notional is then taken at `market_price`, if there is one.
        PERCENT_PRICE_BY_SIDE is left to the venue: its reference price is known there alone.
        """
        is_market = order_type is OrderType.MARKET
        if quantity <= 0:
            return Reason.QUANTITY, f"quantity {to_text(quantity)} is not above 0 after rounding"
        # The bounds of a MARKET order may be narrower, never wider.
        is_outside = quantity < self.min_quantity or 0 < self.max_quantity < quantity
        if (is_outside or is_market) and (fault := self.find_quantity_fault(quantity, is_market)):
            return Reason.QUANTITY, fault
        if price is not None:
            if price <= 0:
                return Reason.PRICE, f"price {to_text(price)} is not above 0 after rounding"
            if price < self.min_price:
                return Reason.PRICE, f"price {to_text(price)} is below {to_text(self.min_price)}"
            if 0 < self.max_price < price:
                return Reason.PRICE, f"price {to_text(price)} is above {to_text(self.max_price)}"
        reference = market_price if is_market else price
        if reference is None:
            return None
        notional = reference * quantity
        if notional < self.min_notional and (not is_market or self.min_notional_applies_to_market):
            return (
                Reason.NOTIONAL,
                f"worth {to_text(notional)} {self.quote_asset}, less than the venue's least "
                f"of {to_text(self.min_notional)}",
            )
        if 0 < self.max_notional < notional and (
            not is_market or self.max_notional_applies_to_market
        ):
            return (
                Reason.NOTIONAL,
                f"worth {to_text(notional)} {self.quote_asset}, more than the venue's most "
                f"of {to_text(self.max_notional)}",
            )
        return None

    def find_quantity_fault(self, quantity: Decimal, is_market: bool) -> str | None:
        """Which bound of LOT_SIZE or MARKET_LOT_SIZE a quantity breaks, or None."""
        least, most = self.min_quantity, self.max_quantity
        if is_market:
            least = max(least, self.market_min_quantity)
            if self.market_max_quantity > 0:
                most = min(most, self.market_max_quantity) if most > 0 else self.market_max_quantity
        if quantity < least:
            return f"quantity {to_text(quantity)} is below {to_text(least)}"
        if 0 < most < quantity:
            return f"quantity {to_text(quantity)} is above {to_text(most)}"
        return None
