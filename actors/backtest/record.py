"""What a backtest keeps of a run: orders, fills, closed trades and samples of the equity; and the actor that hears of them.

**Equity** is what trading has made of the account's worth at the start: that worth, plus what the strategies' fills have
brought and taken, valued at the market. What the account held before stays valued at its price at the start, so that the
equity tells of the trading and not of the holding. A fee in a third asset (BNB) counts at its price when it was paid.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from actors.runtime.actor import Actor
from actors.trading.closed_trade import ClosedTrade
from actors.trading.portfolio import Portfolio
from actors.trading.position_book import PRECISION
from messages.control import ActorFailed, ActorStopped
from messages.enums import Exchanges, OrderStatus, Reason, Side
from messages.instruments import Instrument, to_decimal
from messages.orders import Fill, Order, OrderUpdate

ZERO = Decimal(0)


@dataclass(slots=True)
class OrderRow:
    """One order and how it ended."""

    order_id: str
    strategy: str
    symbol: str
    side: Side
    order_type: str
    quantity: Decimal
    price: Decimal
    status: OrderStatus
    reason: Reason
    reason_text: str
    created_time_ns: int
    acknowledged_time_ns: int
    ended_time_ns: int
    executed_quantity: Decimal
    executed_quote_quantity: Decimal
    decided_on_id: str
    mid_price: float | None
    """The middle of the market when it was decided on."""
    decided_on: bytes = b""
    """The message that it was decided on, encoded; in no report."""


@dataclass(slots=True, frozen=True)
class FillRow:
    """One execution."""

    time_ns: int
    order_id: str
    trade_id: int
    strategy: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    mid_price: float | None
    """As in its order."""


@dataclass(slots=True, frozen=True)
class Sample:
    """The account at one instant, in the report's currency."""

    time_ns: int
    equity: float
    exposure: float
    """Worth of all that is held, long and short added up."""
    prices: tuple[float | None, ...]
    """The middle of each symbol's market, in the order of the symbols."""


@dataclass
class TradingRecord:
    """All that is kept."""

    orders: dict[str, OrderRow] = field(default_factory=dict)
    fills: list[FillRow] = field(default_factory=list)
    trades: list[ClosedTrade] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    portfolio: Portfolio = field(default_factory=Portfolio)
    third_fees: dict[str, Decimal] = field(default_factory=dict)
    """Per quote asset: fees in a third asset, at their price when they were paid."""
    assets: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Per symbol its base and quote asset."""

    def net_profit(self, quote_asset: str, prices: dict[str, Decimal]) -> Decimal:
        """What the fills of all symbols of a quote asset have made, at these prices, after all fees."""
        total = ZERO
        with localcontext(prec=PRECISION):
            for symbol, (_, quote) in self.assets.items():
                if quote == quote_asset:
                    price = prices.get(symbol)
                    if price is not None:
                        self.portfolio.set_market_price(Exchanges.BINANCE, symbol, price)
            total += self.portfolio.net_profits().get(quote_asset, ZERO)
            total -= self.third_fees.get(quote_asset, ZERO)
        return total

    def sum_of_trades(self, quote_asset: str) -> Decimal:
        """The closed trades' profits after fees, and what is open: its profit so far less the fees of its entry."""
        with localcontext(prec=PRECISION):
            closed = sum(
                (
                    trade.net_profit
                    for trade in self.trades
                    if self.assets[trade.symbol][1] == quote_asset
                ),
                ZERO,
            )
            open_part = self.portfolio.totals().unrealized_profit.get(quote_asset, ZERO)
            entry_fees = sum(
                (
                    state.entry_fees_in_quote
                    for state in self.portfolio.save()
                    if state.quote_asset == quote_asset
                ),
                ZERO,
            )
            return closed + open_part - entry_fees


class Bookkeeper(Actor):
    """Hears of every order and fill, and writes them down."""

    def __init__(
        self,
        record: TradingRecord,
        mid_price: Callable[[str], float | None],
        price_of: Callable[[str, str], Decimal | None],
    ) -> None:
        """`price_of(asset, quote)`: what an asset is worth at present; None if unknown."""
        self.record = record
        self.mid_price, self.price_of = mid_price, price_of

    def on_instrument(self, instrument: Instrument) -> None:
        """The assets of a symbol."""
        self.record.portfolio.set_instrument(instrument)
        self.record.assets[instrument.symbol] = (instrument.base_asset, instrument.quote_asset)

    def on_order_update(self, update: OrderUpdate) -> None:
        """How an order stands; of a refused request about it, only that it was refused."""
        order = update.order
        row = self.record.orders.get(order.order_id)
        if row is None:
            mid = self.mid_price(order.symbol)
            row = self.record.orders[order.order_id] = make_row(order, mid)
        row.status, row.quantity, row.price = order.status, order.quantity, order.price
        row.executed_quantity = order.executed_quantity
        row.executed_quote_quantity = order.executed_quote_quantity
        row.acknowledged_time_ns = order.acknowledged_time_ns
        if order.reason is not Reason.NONE:
            row.reason, row.reason_text = order.reason, order.reason_text
        if not order.is_open:
            row.ended_time_ns = self.now_ns

    def on_fill(self, fill: Fill) -> None:
        """One execution."""
        record = self.record
        row = record.orders.get(fill.order_id)
        mid = row.mid_price if row is not None else self.mid_price(fill.symbol)
        record.fills.append(
            FillRow(
                time_ns=fill.event_time_ns,
                order_id=fill.order_id,
                trade_id=fill.trade_id,
                strategy=fill.strategy,
                symbol=fill.symbol,
                side=fill.side,
                price=fill.price,
                quantity=fill.quantity,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
                is_maker=fill.is_maker,
                mid_price=mid,
            )
        )
        base, quote = record.assets[fill.symbol]
        fee_price = None
        if fill.fee and fill.fee_asset not in (base, quote):
            fee_price = self.price_of(fill.fee_asset, quote)
            if fee_price is not None:
                with localcontext(prec=PRECISION):
                    paid = record.third_fees.get(quote, ZERO)
                    record.third_fees[quote] = paid + fill.fee * fee_price
        trade = record.portfolio.apply(fill, fee_price)
        if trade is not None:
            record.trades.append(trade)

    def on_actor_failed(self, failed: ActorFailed) -> None:
        """A handler raised."""
        self.record.failures.append(f"{failed.actor} on {failed.failed_class}: {failed.error}")

    def on_actor_stopped(self, stopped: ActorStopped) -> None:
        """An actor is out for good."""
        self.record.failures.append(f"{stopped.actor} is out: {stopped.reason}")


def make_row(order: Order, mid_price: float | None) -> OrderRow:
    """An order as it is first heard of."""
    return OrderRow(
        order_id=order.order_id,
        strategy=order.strategy,
        symbol=order.symbol,
        side=order.side,
        order_type=str(order.order_type),
        quantity=order.quantity,
        price=order.price,
        status=order.status,
        reason=order.reason,
        reason_text=order.reason_text,
        created_time_ns=order.created_time_ns,
        acknowledged_time_ns=order.acknowledged_time_ns,
        ended_time_ns=0,
        executed_quantity=order.executed_quantity,
        executed_quote_quantity=order.executed_quote_quantity,
        decided_on_id=order.decided_on_id,
        mid_price=mid_price,
        decided_on=order.decided_on,
    )


def price_decimal(price: float | None) -> Decimal | None:
    """A price as a decimal."""
    return None if price is None else to_decimal(price)


def as_dict(row: Any) -> dict[str, Any]:
    """The fields of a row by name, but for its encoded message."""
    return {name: getattr(row, name) for name in row.__slots__ if name != "decided_on"}
