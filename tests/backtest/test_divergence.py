"""Live run against backtest: orders are paired well, and each difference gets the reason that was put there.

The live run is a backtest of its own, recorded, with known terms: so each test knows what the two differ in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.backtest.divergence import (
    Difference,
    compare_orders,
    read_live_orders,
    read_live_ticks,
)
from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.latency import Latency
from actors.backtest.pairing import pair_orders
from actors.backtest.record import OrderRow
from actors.backtest.settings import BacktestSettings, FillModel
from actors.runtime.specification import ActorSpecification
from actors.runtime.tap import RecordingTap
from actors.strategies.market_maker import MarketMaker
from actors.strategies.strategy import Strategy
from messages.codec import encode
from messages.enums import Side
from messages.market import BookTicker, MarketMessage, Trade
from messages.recording import Opening
from tests.backtest.command import call
from tests.backtest.markets import make_data, ticker, trade
from tests.backtest.random_markets import tickers, trades

MS = 1_000_000
ARGUMENTS: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "quantity": Decimal("0.01"),
    "spread": 0.0001,
}


def market() -> list[MarketMessage]:
    found: list[MarketMessage] = [*tickers(7, 1_000), *trades(7, 1_000)]
    found.sort(key=lambda item: item.receive_time_ns)  # type: ignore[attr-defined] # all have one
    return found


class TickBuyer(Strategy):
    """Buys on every twentieth trade: what it decides hangs on nothing but that."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def on_trade(self, trade: Trade) -> None:
        if trade.trade_id % 20 == 0:
            self.buy(self.symbol, Decimal("0.001"))


class Rester(Strategy):
    """Rests a purchase at the bid, and sells what it has got."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def on_book_ticker(self, ticker: BookTicker) -> None:
        if not self.is_flat(self.symbol):
            self.close(self.symbol)
        elif not self.open_orders(self.symbol):
            self.buy(self.symbol, Decimal("0.1"), price=ticker.bid_price)


MAKER = ActorSpecification(MarketMaker, "maker", ARGUMENTS)
BUYER = ActorSpecification(TickBuyer, "buyer", {"symbol": "BTCUSDT"})
RESTER = ActorSpecification(Rester, "rester", {"symbol": "BTCUSDT"})


def play(
    messages: Sequence[MarketMessage],
    tap: RecordingTap | None = None,
    actor: ActorSpecification = MAKER,
    latency_ms: int = 20,
    usdt: int = 10_000,
    fill_model: FillModel = FillModel.TOUCH,
) -> BacktestRun:
    settings = BacktestSettings(
        order_latency=Latency(latency_ms * MS),
        balances={"USDT": Decimal(usdt), "BTC": Decimal(1)},
        fill_model=fill_model,
    )
    return run_backtest(make_data(messages), [actor], settings, tap=tap)


def record(
    path: Path, messages: Sequence[MarketMessage], actor: ActorSpecification = MAKER
) -> Path:
    tap = RecordingTap(path, Opening(run=0, seed=0, start_time_ns=0, versions={}, actors=[]))
    try:
        play(messages, tap, actor)
    finally:
        tap.close()
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("runs") / "live.recording", market())


def compare(
    recording: Path, messages: Sequence[MarketMessage], **terms: Any
) -> tuple[list[Difference], list[OrderRow]]:
    """The differences of the live run from a backtest on other terms, and the live orders."""
    live = read_live_orders(recording)
    run = play(messages, **terms)
    found = compare_orders(
        live.values(),
        run.record.orders.values(),
        lambda: read_live_ticks(recording, {"maker", "buyer", "rester"}),
        lambda: (encode(item) for item in messages),
    )
    return found, list(live.values())


def test_a_market_makers_run_is_paired_whole(recording: Path) -> None:
    found, live = compare(recording, market())
    assert len(live) > 200
    assert sum(row.executed_quantity > 0 for row in live) > 20
    assert found == []


def test_another_latency_is_told_as_such(recording: Path) -> None:
    found, live = compare(recording, market(), latency_ms=35)
    reasons = Counter(item.reason for item in found)
    assert found[0].reason == "latency"
    assert "30.0 ms earlier live" in found[0].text
    assert reasons["latency"] > len(live) / 3
    assert not reasons["missed data"]
    assert not reasons["fill model"], "the same rules: nothing fills otherwise for another reason"


def test_another_fill_model_is_told_as_such(tmp_path: Path) -> None:
    """Five lie ahead of each order and one is sold at a time: by touch the first sale fills it, by queue the sixth."""
    messages: list[MarketMessage] = [
        ticker(number * 0.5, 100.0, 101.0, 5.0, 5.0) for number in range(200)
    ]
    messages += [
        trade(number * 0.3 + 0.1, 100.0, 1.0, sold=True, trade_id=number) for number in range(300)
    ]
    messages.sort(key=lambda item: item.receive_time_ns)  # type: ignore[attr-defined] # all have one
    path = record(tmp_path / "live.recording", messages, RESTER)
    found, _ = compare(path, messages, actor=RESTER, fill_model=FillModel.QUEUE)
    assert found[0].reason == "fill model"
    assert found[0].text == "executed 0.1 live, 0 in the backtest"
    assert not {"latency", "missed data", "rejection"} & {item.reason for item in found}
    later = [item for item in found if item.reason == "an earlier difference"]
    assert later
    assert "the last one was rester-0-" in later[0].text


def lacking() -> tuple[list[MarketMessage], set[int]]:
    """The market without a part, and the ids of the trades in that part on which the buyer decides."""
    whole = market()
    part = whole[600:900]
    lost = {item.trade_id for item in part if isinstance(item, Trade) and not item.trade_id % 20}
    assert lost
    return whole[:600] + whole[900:], lost


def test_ticks_that_the_backtest_never_had_are_told(tmp_path: Path) -> None:
    path = record(tmp_path / "live.recording", market(), BUYER)
    part, lost = lacking()
    found, live = compare(path, part, actor=BUYER)
    assert len(live) == 50
    # One more was decided on just before, and filled by the first trade after it.
    assert {item.reason for item in found} == {"missed data"}
    assert sum("which the backtest never had" in item.text for item in found) == len(lost)


def test_ticks_that_the_live_run_never_had_are_told(tmp_path: Path) -> None:
    part, lost = lacking()
    path = record(tmp_path / "live.recording", part, BUYER)
    found, _ = compare(path, market(), actor=BUYER)
    alone = [item for item in found if "which the live run never had" in item.text]
    assert {item.reason for item in alone} == {"missed data"}
    assert len(alone) == len(lost)


def test_an_order_that_missing_ticks_would_have_filled(recording: Path) -> None:
    part, _ = lacking()
    found, _ = compare(recording, part)
    assert found[0].reason == "missed data"
    assert "the backtest lacks ticks of its time" in found[0].text


def test_a_poor_account_is_told_as_rejection(recording: Path) -> None:
    found, _ = compare(recording, market(), usdt=100)
    assert found[0].reason == "rejection"
    assert "in the backtest" in found[0].text


def row_at(time_ms: int, price: str = "100", name: str = "", quantity: str = "1") -> OrderRow:
    """An order of a strategy on timers: no tick tells which one it is."""
    run = play(market()[:200])
    row = next(item for item in run.record.orders.values() if item.side is Side.BUY)
    return replace(
        row,
        order_id=name or str(time_ms),
        created_time_ns=time_ms * MS,
        price=Decimal(price),
        quantity=Decimal(quantity),
        decided_on=b"",
    )


def paired(live: list[OrderRow], tested: list[OrderRow]) -> list[tuple[str, str]]:
    return [
        (one.order_id if one else "", other.order_id if other else "")
        for one, other in pair_orders(live, tested)
    ]


def test_without_ticks_terms_go_before_times() -> None:
    first, second, third = (
        row_at(1_000, "100", "a"),
        row_at(1_100, "101", "b"),
        row_at(1_200, "102", "c"),
    )
    # The backtest lacks the first, and everything is a tenth of a second later: a pairing in turn gets all of it wrong.
    late = [
        replace(second, order_id="B", created_time_ns=1_200 * MS),
        replace(third, order_id="C", created_time_ns=1_300 * MS),
    ]
    assert paired([first, second, third], late) == [("a", ""), ("b", "B"), ("c", "C")]


def test_other_terms_are_paired_only_within_a_second() -> None:
    near, far = row_at(1_000, "100", "near"), row_at(9_000, "100", "far")
    tested = [
        replace(near, order_id="N", price=Decimal(99), created_time_ns=1_900 * MS),
        replace(far, order_id="F", price=Decimal(99), created_time_ns=10_100 * MS),
    ]
    assert paired([near, far], tested) == [("near", "N"), ("far", ""), ("", "F")]


def test_the_nearest_of_equal_orders_is_the_same() -> None:
    live = [row_at(1_000, name="a"), row_at(3_000, name="b")]
    tested = [replace(live[0], order_id="B", created_time_ns=2_990 * MS)]
    assert paired(live, tested) == [("a", ""), ("b", "B")]


def test_the_command_tells_the_reasons(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(
        '[backtest]\nbalances = { USDT = 10000, BTC = 1 }\nlatency = "20ms"\n'
        '[[actors]]\nclass = "MarketMaker"\nname = "maker"\nsymbol = "BTCUSDT"\n'
        'quantity = "0.01"\nspread = 0.0001\n'
        "[risk]\n"
    )
    words = ["divergence", "--recording", str(recording), "--config", "bot.toml"]
    slow = call(tmp_path, *words, "--latency", "0,35ms")
    assert slow.returncode == 1, slow.stderr
    assert "latency" in slow.stdout.splitlines()[0]
