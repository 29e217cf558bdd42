"""What one strategy holds in one symbol, exact to the last digit.

The cost of what is held is kept as one amount of quote asset, not as an average price: a quotient is taken only where a
part is closed, after the multiplication, and what it rounds away stays with the rest. So the profit of a position that
was opened and closed in any number of parts is exactly its proceeds less its cost.

A fee in the base asset changes what is held: a BUY of 0.73 with a fee of 0.00073 is an entry of 0.72927 at the fill's
price. The fee itself is no loss of the trade but a fee, worth its quantity at that price.
"""

from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from actors.trading.closed_trade import ClosedTrade
from messages.account import Position
from messages.enums import Exchanges, Side
from messages.orders import Fill
from messages.recovery import PositionState

PRECISION = 60
"""Digits of every intermediate result; a price, a quantity and a fee rate of 20 digits each fit without rounding."""
ZERO = Decimal(0)


@dataclass(slots=True)
class PositionBook:
    """The running account of one strategy in one symbol."""

    strategy: str
    exchange: Exchanges
    symbol: str
    base_asset: str
    quote_asset: str
    quantity: Decimal = ZERO
    """Signed, in the base asset, net of fees in it."""
    cost: Decimal = ZERO
    """What was paid for it, in the quote asset before fees; has the sign of the quantity."""
    realized_profit: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    """All that were paid, per asset."""
    entry_fees: dict[str, Decimal] = field(default_factory=dict)
    """The part of them that no exit has borne yet, per asset."""
    entry_fees_in_quote: Decimal = ZERO
    flows: dict[str, Decimal] = field(default_factory=dict)
    """What the fills did to the account, per asset."""
    open_time_ns: int = 0
    event_time_ns: int = 0
    third_fees_in_quote: Decimal = ZERO
    """Fees in neither of the two assets, at the price that was known first."""
    unvalued_fees: dict[str, Decimal] = field(default_factory=dict)
    """Such fees for which no price is known yet, per asset."""

    def apply(self, fill: Fill, fee_price: Decimal | None = None) -> ClosedTrade | None:
        """Books one fill; the closed trade if it closed anything.

        `fee_price` is what one unit of the fee asset is worth in the quote asset, for a fee in a third asset.
        """
        with localcontext(prec=PRECISION):
            return self._apply(fill, fee_price)

    def _apply(self, fill: Fill, fee_price: Decimal | None) -> ClosedTrade | None:
        sign = 1 if fill.side is Side.BUY else -1
        self._flow(self.base_asset, sign * fill.quantity)
        self._flow(self.quote_asset, -sign * fill.price * fill.quantity)
        change = sign * fill.quantity
        fee_in_quote = ZERO
        if fill.fee:
            self._flow(fill.fee_asset, -fill.fee)
            self.fees[fill.fee_asset] = self.fees.get(fill.fee_asset, ZERO) + fill.fee
            if fill.fee_asset == self.base_asset:
                change -= fill.fee
                fee_in_quote = fill.fee * fill.price
            elif fill.fee_asset == self.quote_asset:
                fee_in_quote = fill.fee
            elif fee_price is not None:
                fee_in_quote = fill.fee * fee_price
                self.third_fees_in_quote += fee_in_quote
            else:
                left = self.unvalued_fees.get(fill.fee_asset, ZERO)
                self.unvalued_fees[fill.fee_asset] = left + fill.fee
        self.event_time_ns = max(self.event_time_ns, fill.event_time_ns)
        closing = ZERO
        if self.quantity * change < 0:
            closing = min(abs(change), abs(self.quantity))
        trade = None
        exit_fee, exit_fee_in_quote = fill.fee, fee_in_quote
        if closing:
            if closing < abs(change):  # through zero: the rest of the fill is a new entry
                exit_fee = fill.fee * closing / abs(change)
                exit_fee_in_quote = fee_in_quote * closing / abs(change)
            trade = self._close(fill, closing, exit_fee, exit_fee_in_quote)
        opening = abs(change) - closing
        if opening:
            if not self.quantity:
                self.open_time_ns = fill.event_time_ns
            signed = opening if change > 0 else -opening
            self.quantity += signed
            self.cost += signed * fill.price
            if not closing:
                exit_fee = exit_fee_in_quote = ZERO
            if fill.fee:
                left = self.entry_fees.get(fill.fee_asset, ZERO)
                self.entry_fees[fill.fee_asset] = left + fill.fee - exit_fee
            self.entry_fees_in_quote += fee_in_quote - exit_fee_in_quote
        return trade

    def _close(
        self, fill: Fill, closing: Decimal, exit_fee: Decimal, exit_fee_in_quote: Decimal
    ) -> ClosedTrade:
        held = abs(self.quantity)
        cost = self.cost if closing == held else self.cost * closing / held
        sign = 1 if self.quantity > 0 else -1
        profit = sign * closing * fill.price - cost
        fees = {fill.fee_asset: exit_fee} if exit_fee else {}
        for asset, left in self.entry_fees.items():
            share = left if closing == held else left * closing / held
            self.entry_fees[asset] = left - share
            fees[asset] = fees.get(asset, ZERO) + share
        fees_share = self.entry_fees_in_quote
        if closing != held:
            fees_share = fees_share * closing / held
        self.entry_fees_in_quote -= fees_share
        self.cost -= cost
        self.quantity -= sign * closing
        self.realized_profit += profit
        if not self.quantity:
            self.entry_fees.clear()
        return ClosedTrade(
            strategy=self.strategy,
            exchange=self.exchange,
            symbol=self.symbol,
            side=Side.BUY if sign > 0 else Side.SELL,
            quantity=closing,
            entry_price=abs(cost) / closing,
            exit_price=fill.price,
            profit=profit,
            fees=fees,
            fees_in_quote=fees_share + exit_fee_in_quote,
            open_time_ns=self.open_time_ns,
            close_time_ns=fill.event_time_ns,
        )

    def unrealized_profit(self, market_price: Decimal | None) -> Decimal:
        """In the quote asset, at this price; 0 when none is known."""
        if market_price is None or not self.quantity:
            return ZERO
        with localcontext(prec=PRECISION):
            return self.quantity * market_price - self.cost

    def state(self, market_price: Decimal | None = None) -> Position:
        """The position as a message, valued at this price."""
        return Position(
            strategy=self.strategy,
            exchange=self.exchange,
            symbol=self.symbol,
            quantity=self.quantity,
            average_price=self.cost / self.quantity if self.quantity else ZERO,
            realized_profit=self.realized_profit,
            unrealized_profit=self.unrealized_profit(market_price),
            fees=dict(self.fees),
            event_time_ns=self.event_time_ns,
        )

    def restore(self, position: Position) -> None:
        """Takes over a position as it was told; its cost is exact as far as its average price is.

        What the venue's account did before is not known to it: `flows` begin anew, and so do fees of open entries.
        """
        with localcontext(prec=PRECISION):
            self.quantity = position.quantity
            self.cost = position.quantity * position.average_price
        self.realized_profit = position.realized_profit
        self.fees = dict(position.fees)
        self.entry_fees, self.entry_fees_in_quote, self.flows = {}, ZERO, {}
        self.third_fees_in_quote, self.unvalued_fees = ZERO, {}
        self.open_time_ns = self.event_time_ns = position.event_time_ns

    def save(self) -> PositionState:
        """All of it, to the last digit."""
        return PositionState(
            strategy=self.strategy,
            exchange=self.exchange,
            symbol=self.symbol,
            base_asset=self.base_asset,
            quote_asset=self.quote_asset,
            quantity=self.quantity,
            cost=self.cost,
            realized_profit=self.realized_profit,
            fees=dict(self.fees),
            entry_fees=dict(self.entry_fees),
            entry_fees_in_quote=self.entry_fees_in_quote,
            flows=dict(self.flows),
            open_time_ns=self.open_time_ns,
            event_time_ns=self.event_time_ns,
            third_fees_in_quote=self.third_fees_in_quote,
            unvalued_fees=dict(self.unvalued_fees),
        )

    def value_fees(self, asset: str, price: Decimal) -> None:
        """What one unit of a third asset is worth in the quote asset: fees in it that had no price yet get this one."""
        with localcontext(prec=PRECISION):
            self.third_fees_in_quote += self.unvalued_fees.pop(asset, ZERO) * price

    @classmethod
    def load(cls, state: PositionState) -> "PositionBook":
        """The book that was saved."""
        return cls(**{name: getattr(state, name) for name in state.__struct_fields__})

    def net_profit(self, market_price: Decimal | None) -> Decimal:
        """In the quote asset, after fees in the symbol's own assets, valued at this price; at cost if none is known."""
        with localcontext(prec=PRECISION):
            base = self.flows.get(self.base_asset, ZERO)
            value = self.cost if market_price is None else base * market_price
            return self.flows.get(self.quote_asset, ZERO) + value

    def _flow(self, asset: str, amount: Decimal) -> None:
        self.flows[asset] = self.flows.get(asset, ZERO) + amount
