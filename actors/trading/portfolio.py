"""What all strategies hold, earned and paid: one account per (strategy, exchange, symbol), built from fills alone.

The same portfolio serves strategies, the order manager and the backtest. It trusts its fills: each is to be applied
once (the order table tells every execution once). It holds no trades: `apply` hands a closed one out and forgets it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from actors.trading.closed_trade import ClosedTrade
from actors.trading.position_book import PRECISION, ZERO, PositionBook
from messages.account import Position
from messages.enums import Exchanges
from messages.instruments import Instrument
from messages.orders import Fill
from messages.recovery import PositionState


@dataclass(slots=True)
class Totals:
    """Sums over symbols; each amount in its own asset, since assets do not add up."""

    realized_profit: dict[str, Decimal] = field(default_factory=dict)
    """Per quote asset, before fees."""
    unrealized_profit: dict[str, Decimal] = field(default_factory=dict)
    """Per quote asset; symbols without a market price count 0."""
    fees: dict[str, Decimal] = field(default_factory=dict)
    """Per asset in which they were paid."""


class Portfolio:
    """Positions, profits and fees. Instruments tell it what is base and what is quote in a symbol."""

    def __init__(self) -> None:
        self._assets: dict[tuple[Exchanges, str], tuple[str, str]] = {}
        self._books: dict[tuple[str, Exchanges, str], PositionBook] = {}
        self._market_prices: dict[tuple[Exchanges, str], Decimal] = {}

    def set_instrument(self, instrument: Instrument) -> None:
        """Tells the assets of a symbol; needed before its first fill."""
        self.set_assets(
            instrument.exchange, instrument.symbol, instrument.base_asset, instrument.quote_asset
        )

    def set_assets(self, exchange: Exchanges, symbol: str, base: str, quote: str) -> None:
        """The same as `set_instrument`, where there is no instrument."""
        self._assets[exchange, symbol] = (base, quote)

    def knows(self, exchange: Exchanges, symbol: str) -> bool:
        """Whether the assets of a symbol are known, so that its fills can be booked."""
        return (exchange, symbol) in self._assets

    def set_market_price(self, exchange: Exchanges, symbol: str, price: Decimal) -> None:
        """The price at which unrealised profit is told from now on."""
        self._market_prices[exchange, symbol] = price

    def apply(self, fill: Fill, fee_price: Decimal | None = None) -> ClosedTrade | None:
        """Books one fill; the closed trade if it closed anything.

        `fee_price` is what one unit of the fee asset is worth in the quote asset, for a fee in a third asset (BNB);
        without it such a fee is counted in its own asset only. Raises ValueError for a symbol without instrument.
        """
        return self._book(fill.strategy, fill.exchange, fill.symbol).apply(fill, fee_price)

    def restore(self, position: Position) -> None:
        """Takes over a position as it was told (after a restart), in place of what is known.

        Raises ValueError for a symbol without instrument.
        """
        self._book(position.strategy, position.exchange, position.symbol).restore(position)

    def save(self) -> list[PositionState]:
        """All of it, to the last digit."""
        return [book.save() for book in self._books.values()]

    def load(self, states: list[PositionState]) -> None:
        """Takes over what was saved, in place of what is known of those positions."""
        for state in states:
            self.set_assets(state.exchange, state.symbol, state.base_asset, state.quote_asset)
            key = (state.strategy, state.exchange, state.symbol)
            self._books[key] = PositionBook.load(state)

    def net_profits(self, strategy: str | None = None) -> dict[str, Decimal]:
        """Per quote asset: realised and unrealised profit after fees. A fee in a third asset (BNB) is left out."""
        profits: dict[str, Decimal] = {}
        for book in self._select(strategy, None, None):
            price = self._market_prices.get((book.exchange, book.symbol))
            add_to(profits, book.quote_asset, book.net_profit(price))
        return profits

    def profits_after_all_fees(self, strategy: str | None = None) -> dict[str, Decimal]:
        """As `net_profits`, less the fees in third assets that have a price (`value_fees`)."""
        profits = self.net_profits(strategy)
        for book in self._select(strategy, None, None):
            add_to(profits, book.quote_asset, -book.third_fees_in_quote)
        return profits

    def unvalued_fees(self) -> list[tuple[Exchanges, str, str]]:
        """Fees that have no price yet, as (exchange, asset, quote asset), each once."""
        found: dict[tuple[Exchanges, str, str], None] = {}
        for book in self._books.values():
            for asset in book.unvalued_fees:
                found[book.exchange, asset, book.quote_asset] = None
        return list(found)

    def value_fees(self, exchange: Exchanges, asset: str, quote_asset: str, price: Decimal) -> None:
        """Gives the fees in a third asset that have none yet a price in a quote asset."""
        for book in self._select(None, exchange, None):
            if book.quote_asset == quote_asset:
                book.value_fees(asset, price)

    def position(self, strategy: str, exchange: Exchanges, symbol: str) -> Position:
        """What one strategy holds in one symbol; an empty position if it never traded it."""
        book = self._books.get((strategy, exchange, symbol))
        if book is None:
            return Position(strategy=strategy, exchange=exchange, symbol=symbol)
        return book.state(self._market_prices.get((exchange, symbol)))

    def positions(
        self,
        strategy: str | None = None,
        exchange: Exchanges | None = None,
        symbol: str | None = None,
    ) -> list[Position]:
        """All that were ever traded, in the order of their first fill; None stands for any."""
        return [
            book.state(self._market_prices.get((book.exchange, book.symbol)))
            for book in self._select(strategy, exchange, symbol)
        ]

    def quantity(self, exchange: Exchanges, symbol: str, strategy: str | None = None) -> Decimal:
        """What is held in a symbol, by one strategy or by all together; signed."""
        if strategy is not None:
            book = self._books.get((strategy, exchange, symbol))
            return book.quantity if book is not None else ZERO
        return sum((book.quantity for book in self._select(None, exchange, symbol)), ZERO)

    def totals(self, strategy: str | None = None) -> Totals:
        """Profits and fees of one strategy, or of all together."""
        totals = Totals()
        for book in self._select(strategy, None, None):
            price = self._market_prices.get((book.exchange, book.symbol))
            add_to(totals.realized_profit, book.quote_asset, book.realized_profit)
            add_to(totals.unrealized_profit, book.quote_asset, book.unrealized_profit(price))
            for asset, fee in book.fees.items():
                add_to(totals.fees, asset, fee)
        return totals

    def flows(self, exchange: Exchanges, strategy: str | None = None) -> dict[str, Decimal]:
        """What the fills of all strategies did to the account, per asset.

        Conservation: a balance of the venue is what it was at the start, plus this, plus what others did.
        """
        flows: dict[str, Decimal] = {}
        for book in self._select(strategy, exchange, None):
            for asset, amount in book.flows.items():
                add_to(flows, asset, amount)
        return flows

    def _select(
        self, strategy: str | None, exchange: Exchanges | None, symbol: str | None
    ) -> Iterator[PositionBook]:
        for book in self._books.values():
            if (
                (strategy is None or book.strategy == strategy)
                and (exchange is None or book.exchange is exchange)
                and (symbol is None or book.symbol == symbol)
            ):
                yield book

    def _book(self, strategy: str, exchange: Exchanges, symbol: str) -> PositionBook:
        book = self._books.get((strategy, exchange, symbol))
        if book is None:
            assets = self._assets.get((exchange, symbol))
            if assets is None:
                raise ValueError(
                    f"no instrument is known for {symbol} at {exchange.value}: "
                    "give it to the portfolio by set_instrument before the first fill"
                )
            book = PositionBook(strategy, exchange, symbol, *assets)
            self._books[strategy, exchange, symbol] = book
        return book


def add_to(amounts: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    """Adds an amount to what is there for its asset, exactly."""
    with localcontext(prec=PRECISION):
        amounts[asset] = amounts.get(asset, ZERO) + amount
