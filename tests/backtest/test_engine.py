"""The engine: the tight loop does what the runtime does, several symbols and strategies, failures, what is missing."""

import io
from decimal import Decimal
from typing import Any

import pytest

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.errors import BacktestError
from actors.backtest.latency import Latency
from actors.backtest.report import build_report, to_json
from actors.backtest.settings import BacktestSettings
from actors.runtime.actor import Actor
from actors.runtime.replay import replay
from actors.runtime.specification import ActorSpecification
from actors.strategies.breakout import Breakout
from actors.strategies.market_maker import MarketMaker
from actors.strategies.moving_average_cross import MovingAverageCross
from actors.strategies.price_alert import PriceAlert
from actors.strategies.strategy import Strategy
from actors.trading.risk import RiskLimits
from messages.base import Message
from messages.control import Resync
from messages.enums import KlineInterval, OrderStatus, Reason
from messages.market import BookTicker, Kline, MarketMessage, Trade
from messages.orders import OrderUpdate
from messages.recording import Entry, Opening, Output
from tests.backtest.markets import SECOND, START, make_data, ticker, trade
from tests.backtest.random_markets import bars, tickers, trades
from tests.backtest.wild_strategy import WildStrategy


class Recorder:
    """A tap that keeps what it sees."""

    def __init__(self) -> None:
        self.records: list[Any] = [
            Opening(run=0, seed=0, start_time_ns=START, versions={}, actors=[])
        ]
        self.file = io.BytesIO()

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        """One message handled."""
        self.records.append(Entry(actor=actor, time_ns=time_ns, frame=frame))

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None:
        """One message sent."""
        self.records.append(Output(actor=actor, time_ns=time_ns, frame=frame))

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Nothing is open."""


def shipped() -> list[ActorSpecification]:
    """Every strategy and actor that comes with the program."""
    return [
        ActorSpecification(
            MarketMaker,
            "maker",
            {
                "symbol": "BTCUSDT",
                "quantity": Decimal("0.01"),
                "spread": 0.0004,
                "time_to_cancel": 5.0,
            },
        ),
        ActorSpecification(
            MovingAverageCross,
            "cross",
            {"symbol": "BTCUSDT", "fast": 3, "slow": 8, "quantity": Decimal("0.01")},
        ),
        ActorSpecification(
            Breakout, "breakout", {"symbol": "BTCUSDT", "level": 100.0, "quantity": Decimal("0.01")}
        ),
        ActorSpecification(PriceAlert, "alert", {"symbol": "BTCUSDT", "level": 100.0}),
    ]


def report_of(run: BacktestRun) -> bytes:
    return to_json(build_report(run))


def wild(interval: str = "") -> list[ActorSpecification]:
    arguments = {"symbol": "BTCUSDT", "interval": interval, "activity": 0.1}
    return [ActorSpecification(WildStrategy, "wild", arguments)]


@pytest.mark.parametrize("kind", ["trades", "bars", "shipped"])
def test_the_tight_loop_does_what_the_mailboxes_do(kind: str) -> None:
    messages: list[MarketMessage] = list(bars(5) if kind == "bars" else trades(5, 600))
    actors = shipped() if kind == "shipped" else wild("1m" if kind == "bars" else "")
    tight = run_backtest(make_data(messages), actors)
    # With a tap everything goes through mailboxes, message by message.
    loose = run_backtest(make_data(messages), actors, tap=Recorder())
    assert report_of(tight) == report_of(loose)
    assert len(tight.record.fills) > 5
    sizes = [report_of(run_backtest(make_data(messages, size), actors)) for size in (1, 7, 1000)]
    without_digest = {item.split(b'"streams"')[1] for item in sizes}
    assert len(without_digest) == 1


@pytest.mark.parametrize("latency_ns", [0, 20_000_000])
def test_a_recorded_backtest_replays_to_the_same_bytes(latency_ns: int) -> None:
    market = [*tickers(3), *trades(3)]
    market.sort(key=lambda item: item.receive_time_ns)  # type: ignore[attr-defined] # all have one
    tap = Recorder()
    settings = BacktestSettings(order_latency=Latency(latency_ns), feed_latency=Latency(latency_ns))
    actors = shipped()
    run_backtest(make_data(market), actors, settings, tap=tap)
    found = replay(tap.records, actors)
    assert {item.specification.name: item.divergence for item in found} == dict.fromkeys(
        ["maker", "cross", "breakout", "alert"]
    )
    assert all(item.handled > 100 for item in found)
    assert sum(item.outputs for item in found) > 20


def test_the_tick_is_kept_with_the_order() -> None:
    class Keeper(Strategy):
        """Buys on the third trade, after it has spoiled its copy."""

        def __init__(self) -> None:
            self.symbol, self.count = "BTCUSDT", 0

        def on_trade(self, trade: Trade) -> None:
            """Changes its copy, and then orders."""
            self.count += 1
            trade.price = 1.0
            if self.count == 3:
                self.buy(self.symbol, "0.1")

    tap = Recorder()
    market = [trade(number, 100.0 + number, trade_id=number) for number in range(5)]
    for given in (None, tap):
        run = run_backtest(make_data(market), [ActorSpecification(Keeper, "keeper")], tap=given)
        (order,) = run.record.orders.values()
        assert order.decided_on_id == "market_data:3"
        assert order.mid_price == 102.0


def test_symbols_merge_and_strategies_share_the_account() -> None:
    market = [*trades(1), *(item for item in trades(2))]
    for item in market[300:]:
        item.symbol, item.price = "ETHUSDT", round(item.price / 20, 2)
    market.sort(key=lambda item: (item.receive_time_ns, item.symbol))
    actors = [
        ActorSpecification(WildStrategy, name, {"symbol": symbol, "activity": 0.2, "seed": index})
        for index, (name, symbol) in enumerate(
            [("one", "BTCUSDT"), ("two", "ETHUSDT"), ("three", "ETHUSDT")]
        )
    ]
    run = run_backtest(make_data(market), actors)
    assert {(item.strategy, item.symbol) for item in run.record.fills} == {
        ("one", "BTCUSDT"),
        ("two", "ETHUSDT"),
        ("three", "ETHUSDT"),
    }
    report = build_report(run)
    assert report["accounts"]["agrees"]
    assert set(run.final_balances) == {"USDT", "BTC", "ETH"}


def test_bars_are_built_from_trades_where_the_data_have_none() -> None:
    class Minutes(Strategy):
        """Keeps the bars it hears."""

        def __init__(self) -> None:
            self.symbol, self.interval = "BTCUSDT", KlineInterval.MINUTE_1
            self.closes: list[float] = []

        def on_kline(self, kline: Kline) -> None:
            """One bar, told when it has closed."""
            assert self.now_ns > kline.close_time_ns
            self.closes.append(kline.close)
            self.buy(self.symbol, "0.1")

    market = [trade(number * 10, 100.0 + number, trade_id=number) for number in range(30)]
    run = run_backtest(make_data(market), [ActorSpecification(Minutes, "minutes")])
    assert run.notes == ["BTCUSDT Kline 1m: built from trades"]
    assert [item.time_ns - START for item in run.record.fills] == [
        number * 60 * SECOND for number in (1, 2, 3, 4)
    ]


def test_a_lazy_actor_hears_the_newest_ahead_of_its_own_news() -> None:
    class Lazy(Strategy):
        """Takes book tickers lazily: only the newest, before a timer."""

        lazy_inputs = frozenset({BookTicker})

        def __init__(self) -> None:
            self.symbol = "BTCUSDT"

        def on_start(self) -> None:
            """Looks every ten seconds."""
            self.schedule(10.0, self.look)

        def on_book_ticker(self, ticker: BookTicker) -> None:
            """The newest."""
            heard.append((self.now_ns - START) // SECOND)

        def look(self) -> None:
            """Comes again."""
            self.schedule(10.0, self.look)

    heard: list[int] = []
    market = [ticker(number, 99.0, 101.0) for number in range(35)]
    run_backtest(make_data(market), [ActorSpecification(Lazy, "lazy")])
    assert heard == [10, 20, 30]


def test_what_the_data_do_not_hold_is_said_before_the_start() -> None:
    with pytest.raises(
        BacktestError, match="wild asks for BTCUSDT Kline 1s, which the data do not hold"
    ):
        run_backtest(make_data(list(bars(1))), wild("1s"))


def test_a_failing_strategy_is_told_and_its_orders_are_canceled() -> None:
    class Failing(Strategy):
        """Rests an order and fails on the fifth trade."""

        def __init__(self) -> None:
            self.symbol, self.count = "BTCUSDT", 0

        def on_trade(self, trade: Trade) -> None:
            """Counts."""
            self.count += 1
            if self.count == 1:
                self.buy(self.symbol, "0.1", price=50)
            if self.count == 5:
                raise ValueError("five")

        def on_resync(self, resync: Resync) -> None:
            """A fresh instance counts anew."""

    market = [trade(number * 20, 100.0) for number in range(40)]
    run = run_backtest(make_data(market), [ActorSpecification(Failing, "failing")])
    assert run.record.failures[0] == "failing on Trade: ValueError: five"
    assert run.failure is None
    statuses = {item.status for item in run.record.orders.values()}
    assert statuses <= {OrderStatus.CANCELED, OrderStatus.NEW}


def test_an_actor_with_a_task_of_its_own_cannot_be_backtested() -> None:
    class Tasked(Actor[Message]):
        """Has a run()."""

        async def run(self) -> None:
            """Would await."""

    with pytest.raises(BacktestError, match=r"run\(\) of their own"):
        run_backtest(make_data([trade(0, 1.0)]), [ActorSpecification(Tasked, "tasked")])


def test_timers_and_order_updates_come_in_time_order() -> None:
    class Timed(Strategy):
        """Writes down when it hears what."""

        def __init__(self) -> None:
            self.symbol = "BTCUSDT"
            self.heard: list[tuple[float, str]] = []

        def on_trade(self, trade: Trade) -> None:
            """Sets a timer at each trade."""
            self.note("trade")
            self.schedule(1.5, self.note, "timer")
            if trade.trade_id == 1:
                self.buy(self.symbol, "0.1")

        def on_order_update(self, update: OrderUpdate) -> None:
            """How the order comes along."""
            self.note(str(update.status))
            if update.status is OrderStatus.FILLED:
                assert self.position(self.symbol).quantity > 0
                log.extend(self.heard)

        def note(self, what: str) -> None:
            """One thing."""
            self.heard.append(((self.now_ns - START) / SECOND, what))

    log: list[tuple[float, str]] = []
    market = [trade(number, 100.0, trade_id=number) for number in range(5)]
    settings = BacktestSettings(order_latency=Latency(700_000_000))
    run_backtest(make_data(market), [ActorSpecification(Timed, "timed")], settings)
    assert log == [
        (0.0, "trade"),
        (1.0, "trade"),
        (1.0, "PENDING_NEW"),
        (1.5, "timer"),
        (2.0, "trade"),
        (2.4, "FILLED"),
    ]


def test_the_limits_of_risk_hold_in_a_backtest() -> None:
    settings = BacktestSettings(risk=RiskLimits(maximum_order_notional=Decimal(5)))
    market = [trade(0, 100.0), trade(1, 101.0), trade(2, 102.0)]
    breakout = ActorSpecification(
        Breakout, "breakout", {"symbol": "BTCUSDT", "level": 100.5, "quantity": Decimal("0.1")}
    )
    run = run_backtest(make_data(market), [breakout], settings)
    assert {item.reason for item in run.record.orders.values()} == {Reason.MAX_NOTIONAL}
