"""A backtest of a fixed size, for measuring how fast the engine is: trades or bars made up here, the same every time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.merge import Chunk
from actors.backtest.row_messages import FEED_NAME
from actors.backtest.settings import BacktestSettings
from actors.backtest.source import MarketData, Stream
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.enums import Exchanges, KlineInterval
from messages.market import Kline, Trade

START_NS = 1_767_225_600_000_000_000
SYMBOL = "BTCUSDT"
CHUNK = 512
MINUTE_NS = 60_000_000_000


class MadeData(MarketData, frozen=True):
    """Data that are in memory, encoded, as the cache of converted files holds them."""

    made: tuple[Chunk, ...] = ()

    def chunks(self) -> Iterator[Chunk]:
        """All of them."""
        return iter(self.made)


class CloseCross(Strategy):
    """Holds while a fast exponential average of the prices is above a slow one, by a margin; of trades or of bars."""

    def __init__(
        self,
        symbol: str,
        fast: float,
        slow: float,
        quantity: Decimal,
        margin: float = 0.0,
        interval: KlineInterval | None = None,
    ) -> None:
        """`fast` and `slow`: how far an average moves towards each price, as a fraction."""
        self.symbol, self.quantity, self.interval = symbol, quantity, interval
        self.by_fast, self.by_slow, self.margin = fast, slow, margin
        self.fast = self.slow = 0.0
        self.is_above = False

    def turn(self) -> None:
        """The averages have crossed."""
        self.is_above = not self.is_above
        if not self.is_above:
            self.close(self.symbol)
        elif self.is_flat(self.symbol):
            self.buy(self.symbol, self.quantity)


class TradeCross(CloseCross):
    """By every trade."""

    def on_trade(self, trade: Trade) -> None:
        """One price."""
        price = trade.price
        if not self.fast:
            self.fast = self.slow = price
        self.fast += (price - self.fast) * self.by_fast
        self.slow += (price - self.slow) * self.by_slow
        distance = self.fast - self.slow
        if distance < -self.margin if self.is_above else distance > self.margin:
            self.turn()


class BarCross(CloseCross):
    """By every bar's close."""

    def on_kline(self, kline: Kline) -> None:
        """One price."""
        price = kline.close
        if not self.fast:
            self.fast = self.slow = price
        self.fast += (price - self.fast) * self.by_fast
        self.slow += (price - self.slow) * self.by_slow
        distance = self.fast - self.slow
        if distance < -self.margin if self.is_above else distance > self.margin:
            self.turn()


@dataclass(frozen=True, slots=True)
class Rule:
    """The cross as one job has it."""

    strategy: type[CloseCross]
    price_field: str
    fast: float
    slow: float
    margin: float
    quantity: Decimal = Decimal("0.01")
    interval: KlineInterval | None = None

    @property
    def class_name(self) -> str:
        """The strategy as the command line names it."""
        return f"{self.strategy.__module__}.{self.strategy.__qualname__}"

    def arguments(self) -> dict[str, Any]:
        """The strategy's arguments."""
        names = ("quantity", "fast", "slow", "margin")
        found = {"symbol": SYMBOL} | {name: getattr(self, name) for name in names}
        return found if self.interval is None else found | {"interval": self.interval}

    def words(self) -> list[str]:
        """The same for the command line."""
        return [f"{name}={value}" for name, value in self.arguments().items()]


TRADE_RULE = Rule(TradeCross, "price", fast=0.002, slow=0.0005, margin=0.0)
BAR_RULE = Rule(
    BarCross, "close", fast=0.05, slow=0.01, margin=2.0, interval=KlineInterval.MINUTE_1
)


def make_trades(count: int, seed: int = 1) -> MarketData:
    """A walk of trades, twenty a second."""
    dice = random.Random(seed)
    price = 60_000.0
    messages: list[Trade] = []
    chunks: list[Chunk] = []
    for number in range(count):
        price = round(price + dice.randint(-2, 2) / 2, 2)
        time_ns = START_NS + number * 50_000_000
        messages.append(
            Trade(
                sender=FEED_NAME,
                time_ns=time_ns,
                origin_time_ns=time_ns,
                exchange=Exchanges.BINANCE,
                symbol=SYMBOL,
                trade_id=number + 1,
                price=price,
                quantity=dice.randint(1, 500) / 1_000,
                buyer_is_maker=dice.random() < 0.5,
                trade_time_ns=time_ns,
                event_time_ns=time_ns,
                receive_time_ns=time_ns,
            )
        )
        if len(messages) == CHUNK:
            chunks.append(chunk_of(messages))
            messages = []
    if messages:
        chunks.append(chunk_of(messages))
    return data_of("Trade", "", count, chunks)


def make_bars(count: int, seed: int = 1) -> MarketData:
    """A walk of one-minute bars."""
    dice = random.Random(seed)
    price = 60_000.0
    messages: list[Kline] = []
    chunks: list[Chunk] = []
    for number in range(count):
        begin_ns = START_NS + number * MINUTE_NS
        end_ns = begin_ns + MINUTE_NS
        opened, price = price, round(max(price + dice.gauss(0, 20), 1_000.0), 2)
        messages.append(
            Kline(
                sender=FEED_NAME,
                time_ns=end_ns,
                origin_time_ns=end_ns,
                exchange=Exchanges.BINANCE,
                symbol=SYMBOL,
                interval=KlineInterval.MINUTE_1,
                open_time_ns=begin_ns,
                close_time_ns=end_ns - 1_000_000,
                open=opened,
                high=max(opened, price) + 3,
                low=min(opened, price) - 3,
                close=price,
                volume=dice.randint(1, 90) / 10,
                event_time_ns=end_ns,
                receive_time_ns=end_ns,
            )
        )
        if len(messages) == CHUNK:
            chunks.append(chunk_of(messages))
            messages = []
    if messages:
        chunks.append(chunk_of(messages))
    return data_of("Kline", "1m", count, chunks)


def chunk_of(messages: list[Trade] | list[Kline]) -> Chunk:
    """Messages of the one stream as a list-frame."""
    first_ns, last_ns = messages[0].receive_time_ns, messages[-1].receive_time_ns
    return Chunk(msgspec.msgpack.encode(messages), len(messages), first_ns, last_ns, 0)


def data_of(name: str, interval: str, count: int, chunks: list[Chunk]) -> MarketData:
    """The one stream as data."""
    first_ns, last_ns = chunks[0].first_time_ns, chunks[-1].last_time_ns
    stream = Stream(name, str(Exchanges.BINANCE), SYMBOL, interval, count, first_ns, last_ns)
    return MadeData(streams=(stream,), notes=(), digest="", segments=(), made=tuple(chunks))


def run_million(data: MarketData) -> BacktestRun:
    """A moving-average cross on made data, with order manager, risk and portfolio; a few hundred orders a million."""
    rule = BAR_RULE if data.streams[0].interval else TRADE_RULE
    specification = ActorSpecification(rule.strategy, "cross", rule.arguments())
    return run_backtest(data, [specification], BacktestSettings())


def write_trades(path: Path, count: int) -> None:
    """The same trades as a file in the venue's own format."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        for batch in make_trades(count).batches():
            for trade in batch:
                worth = round(trade.price * trade.quantity, 8)
                time_ms = trade.trade_time_ns // 1_000_000
                file.write(
                    f"{trade.trade_id},{trade.price:.2f},{trade.quantity:.3f},{worth:.8f},{time_ms},"
                    f"{trade.buyer_is_maker},True\n"
                )


def write_bars(path: Path, count: int) -> None:
    """The same bars as a file in the venue's own format."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        for batch in make_bars(count).batches():
            for bar in batch:
                begin_ms, end_ms = bar.open_time_ns // 1_000_000, bar.close_time_ns // 1_000_000
                prices = f"{bar.open:.2f},{bar.high:.2f},{bar.low:.2f},{bar.close:.2f}"
                file.write(f"{begin_ms},{prices},{bar.volume:.1f},{end_ms},0,0,0,0,0\n")
