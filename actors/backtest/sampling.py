"""Samples of the equity: taken at a fixed interval of simulated time, at the start and at the end."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from actors.backtest.errors import BacktestError
from actors.backtest.outside import Outside
from actors.backtest.record import Sample, TradingRecord, price_decimal
from actors.exchange.symbols import SymbolRules
from actors.trading.position_book import PRECISION

if TYPE_CHECKING:
    from actors.backtest.player import Player

LADDER_S = (1, 5, 10, 30, 60, 300, 900, 1_800, 3_600, 14_400, 86_400)
MAXIMUM_SAMPLES = 2_000
SECOND_NS = 1_000_000_000
CURRENCIES = ("USDT", "USDC", "FDUSD", "EUR", "BTC")
ZERO = Decimal(0)


def choose_interval_s(duration_s: float) -> int:
    """The shortest interval of the ladder that gives no more samples than are kept."""
    for interval_s in LADDER_S:
        if duration_s / interval_s <= MAXIMUM_SAMPLES:
            return interval_s
    return LADDER_S[-1]


class Sampler:
    """Values the account."""

    def __init__(
        self,
        record: TradingRecord,
        player: "Player",
        outside: Outside,
        rules: Mapping[str, SymbolRules],
        interval_s: int,
        bnb_price: Decimal | None,
    ) -> None:
        self.record, self.player, self.outside = record, player, outside
        self.assets = {item.name: (item.base_asset, item.quote_asset) for item in rules.values()}
        self.symbols = tuple(sorted(rules))
        self.interval_ns = interval_s * SECOND_NS
        self.bnb_price = bnb_price
        self.currency = self._choose_currency()
        self.initial_equity = ZERO
        self.first_rates: dict[str, Decimal] = {}
        """What one unit of each asset that the account began with was worth when that was known first."""
        self.is_begun = False
        self.last_fills = -1
        """How many fills the last sample knew, while nothing was held; -1 while anything was."""

    def _choose_currency(self) -> str:
        quotes = {quote for _, quote in self.assets.values()}
        if len(quotes) == 1:
            return next(iter(quotes))
        for currency in CURRENCIES:
            if currency in quotes:
                return currency
        return min(quotes)

    # Prices.

    def rate(self, asset: str, quote: str) -> Decimal | None:
        """What one unit of an asset is worth in another, at the last middle of their market; None if unknown."""
        if asset == quote:
            return Decimal(1)
        direct = price_decimal(self.player.mid_price(asset + quote))
        if direct is not None:
            return direct
        inverse = price_decimal(self.player.mid_price(quote + asset))
        if inverse:
            with localcontext(prec=PRECISION):
                return 1 / inverse
        if asset != "BNB":
            return None
        if quote == "USDT":
            return self.bnb_price
        bnb, in_usdt = self.rate("BNB", "USDT"), self.rate(quote, "USDT")
        if bnb is None or not in_usdt:
            return None
        with localcontext(prec=PRECISION):
            return bnb / in_usdt

    def decimal_prices(self) -> dict[str, Decimal]:
        """The last middle of each symbol's market, as far as there is one."""
        found = {}
        for symbol in self.symbols:
            price = price_decimal(self.player.mid_price(symbol))
            if price is not None:
                found[symbol] = price
        return found

    # Samples.

    def begin(self, time_ns: int) -> None:
        """Takes samples from now on; the account's worth at the start is taken when the first prices are known."""
        self._sample(time_ns)
        next_ns = (time_ns // self.interval_ns + 1) * self.interval_ns
        self.player.timeline.at(next_ns, self._on_time, next_ns)

    def _on_time(self, time_ns: int) -> None:
        self._sample(time_ns)
        self.player.timeline.at(
            time_ns + self.interval_ns, self._on_time, time_ns + self.interval_ns
        )

    def end(self, time_ns: int) -> None:
        """The last sample, in place of one at the same instant."""
        samples = self.record.samples
        if samples and samples[-1].time_ns >= time_ns:
            samples.pop()
        self._sample(time_ns)

    def _value_start(self) -> bool:
        """The worth of what the account began with; False as long as a price is not known.

        An asset whose price comes late was held from the beginning: its worth is no profit, so that the samples before are
        raised by it.
        """
        before, total = self.initial_equity, ZERO
        waits = False
        with localcontext(prec=PRECISION):
            for asset, amount in self.outside.initial.items():
                rate = self.first_rates.get(asset) or self.rate(asset, self.currency)
                if rate is not None:
                    self.first_rates[asset] = rate
                    total += amount * rate
                elif any(asset in pair for pair in self.assets.values()):
                    waits = True
        self.initial_equity = total
        if total != before:
            raised = float(total - before)
            samples = self.record.samples
            samples[:] = [replace(item, equity=item.equity + raised) for item in samples]
        return not waits

    def _sample(self, time_ns: int) -> None:
        if not self.is_begun:
            self.is_begun = self._value_start()
        samples = self.record.samples
        middles = tuple(self.player.mid_price(symbol) for symbol in self.symbols)
        if samples and self.is_begun and self.last_fills == len(self.record.fills):
            # Nothing is held and nothing was traded: only prices have moved.
            samples.append(Sample(time_ns, samples[-1].equity, 0.0, middles))
            return
        prices = self.decimal_prices()
        equity, exposure = self.initial_equity, ZERO
        with localcontext(prec=PRECISION):
            for quote in sorted({quote for _, quote in self.assets.values()}):
                profit = self.record.net_profit(quote, prices)
                if profit:
                    equity += profit * self._rate_to_currency(quote)
            for held in self.record.portfolio.positions():
                price = prices.get(held.symbol)
                if held.quantity and price is not None:
                    quote = self.assets[held.symbol][1]
                    exposure += abs(held.quantity) * price * self._rate_to_currency(quote)
        samples.append(Sample(time_ns, float(equity), float(exposure), middles))
        is_flat = not exposure and len({quote for _, quote in self.assets.values()}) == 1
        is_flat = is_flat and all(not held.quantity for held in self.record.portfolio.positions())
        self.last_fills = len(self.record.fills) if is_flat and self.is_begun else -1

    def _rate_to_currency(self, quote: str) -> Decimal:
        rate = self.rate(quote, self.currency)
        if rate is None:
            raise BacktestError(
                f"profits in {quote} cannot be valued in {self.currency}: add data of {quote}{self.currency}"
            )
        return rate
