"""One exit, with its share of what the entry cost."""

from dataclasses import dataclass
from decimal import Decimal

from messages.enums import Exchanges, Side


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """The closing of a position or of a part of it, by one fill. Over all exits every entry fee counts once."""

    strategy: str
    exchange: Exchanges
    symbol: str
    side: Side
    """The side that was held: BUY for a long position."""
    quantity: Decimal
    """In the base asset."""
    entry_price: Decimal
    """Average price of what was closed; rounded where the quotient has no end."""
    exit_price: Decimal
    profit: Decimal
    """In the quote asset, before fees."""
    fees: dict[str, Decimal]
    """Per asset: those of this exit, and the share of the entry's that falls on this quantity."""
    fees_in_quote: Decimal
    """The same in the quote asset, each at the price at which it was paid.

    Fees in a third asset are in it only where the portfolio was told what that asset was worth.
    """
    open_time_ns: int
    """The venue's clock, as in the fills."""
    close_time_ns: int

    @property
    def net_profit(self) -> Decimal:
        """In the quote asset, after fees."""
        return self.profit - self.fees_in_quote
