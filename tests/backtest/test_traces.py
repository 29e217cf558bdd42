"""Replay, explanation, divergence and measured latency, on a recording of a run and on a journal."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as replace_fields

from actors.backtest.divergence import compare_orders, read_live_orders
from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.errors import BacktestError
from actors.backtest.explain import explain_order
from actors.backtest.latency import Latency, measure_latency, parse_latency
from actors.backtest.settings import BacktestSettings, FillModel
from actors.runtime.journal import Journal
from actors.runtime.specification import ActorSpecification
from actors.runtime.tap import RecordingTap
from messages.codec import encode
from messages.control import END_OF_BOT
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, Side
from messages.market import MarketMessage
from messages.orders import Fill, NewOrderRequest, Order, OrderUpdate
from messages.recording import Opening, Output, read_recording
from tests.backtest.command import call
from tests.backtest.markets import START, make_data
from tests.backtest.random_markets import tickers, trades
from tests.backtest.wild_strategy import WildStrategy

WILD = {"symbol": "BTCUSDT", "activity": "0.4", "seed": "5"}


def market() -> list[MarketMessage]:
    found: list[MarketMessage] = [*tickers(3), *trades(3)]
    found.sort(key=lambda item: item.receive_time_ns)  # type: ignore[attr-defined] # all have one
    return found


def actors() -> list[ActorSpecification]:
    arguments = {"symbol": "BTCUSDT", "activity": 0.4, "seed": 5}
    return [ActorSpecification(WildStrategy, "wild", arguments)]


def play(
    latency_ns: int = 20_000_000, tap: RecordingTap | None = None, **terms: Any
) -> BacktestRun:
    settings = BacktestSettings(order_latency=Latency(latency_ns), **terms)
    return run_backtest(make_data(market()), actors(), settings, tap=tap)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BacktestRun]:
    path = tmp_path_factory.mktemp("runs") / "run.recording"
    opening = Opening(
        run=0,
        seed=0,
        start_time_ns=START,
        versions={},
        actors=[
            {
                "name": "wild",
                "class": "tests.backtest.wild_strategy.WildStrategy",
                "arguments": WILD,
            }
        ],
    )
    tap = RecordingTap(path, opening)
    run = play(tap=tap)
    tap.close()
    return path, run


def filled(run: BacktestRun) -> str:
    """A filled order that was decided on a tick, and not on a timer."""
    orders = run.record.orders
    return next(
        fill.order_id
        for fill in run.record.fills
        if orders[fill.order_id].decided_on_id.startswith("market_data")
    )


def test_replay_says_that_all_is_as_recorded(
    recorded: tuple[Path, BacktestRun], tmp_path: Path
) -> None:
    done = call(tmp_path, "replay", str(recorded[0]))
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"wild: [0-9,]+ messages handled, [0-9,]+ sent, all as recorded\n", done.stdout
    )


def test_replay_shows_the_first_difference_and_what_led_to_it(
    recorded: tuple[Path, BacktestRun], tmp_path: Path
) -> None:
    (tmp_path / "other.toml").write_text(
        '[[actors]]\nclass = "tests.backtest.wild_strategy.WildStrategy"\nname = "wild"\n'
        'symbol = "BTCUSDT"\nactivity = 0.4\nseed = 6\n'
    )
    words = ["replay", str(recorded[0]), "--config", "other.toml", "--actor", "wild"]
    done = call(tmp_path, *words)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("wild: parts from the recording at 2026-01-01T00:00:0")
    assert "recorded: " in lines[1]
    assert "now:      " in lines[2]
    assert lines[1].split(": ")[1] != lines[2].split(": ")[1]
    assert re.search(r"on:       (BookTicker|Trade) market_data:", lines[3])


def test_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "nothing").write_bytes(b"\x00\x01 no recording")
    for words in (
        ["replay", "nothing"],
        ["replay", "absent"],
        ["explain", "nothing", "--order", "x"],
    ):
        done = call(tmp_path, *words)
        assert done.returncode == 2, words
        assert done.stderr
        assert "Traceback" not in done.stderr


def test_an_order_is_explained_from_tick_to_fill(recorded: tuple[Path, BacktestRun]) -> None:
    path, run = recorded
    lines = explain_order(path, filled(run))
    times = [line.split()[0] for line in lines]
    assert times == sorted(times)
    text = "\n".join(lines)
    hops = [
        "receives ",
        "wild                     sends PlaceOrder",
        "order_manager            handles PlaceOrder",
        "order_manager            sends NewOrderRequest",
        "gateway                  handles NewOrderRequest",
        "order_manager            handles Order ",
        "order_manager            sends Fill",
    ]
    places = [text.index(hop) for hop in hops]
    places.append(text.rindex("wild                     handles OrderUpdate"))
    assert places == sorted(places)
    # Twice 20 ms lie between the request and the venue's first word.
    assert "40,000.0 us  order_manager            handles Order" in text
    client_id = re.search(r"backtest-wild-0-[0-9a-z]+", str(list(read_recording(path))))
    assert client_id is not None
    assert explain_order(path, client_id[0])
    with pytest.raises(BacktestError, match=r"of an order 'q!' \(it has [a-z].* \.\.\.\)"):
        explain_order(path, "q!")
    with pytest.raises(BacktestError, match=rf"\(did you mean '{client_id[0]}'\?\)"):
        explain_order(path, client_id[0].replace("backtest", "backtset"))


def test_an_order_is_explained_from_a_journal(
    recorded: tuple[Path, BacktestRun], tmp_path: Path
) -> None:
    path, run = recorded
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    entries = []
    for number, record in enumerate(read_recording(path)):
        if isinstance(record, Output) and record.actor == "order_manager":
            for name in ("NewOrderRequest", "OrderUpdate", "Fill"):
                if name.encode() in record.frame[:24]:
                    entries.append((record.actor, number, name, record.time_ns, record.frame))
    journal.write(entries, {}, is_retold=False)
    journal.close()
    lines = explain_order(tmp_path, filled(run))
    assert any("market_data " in line and "receives" in line for line in lines)
    assert any("sends Fill" in line for line in lines)
    assert not any("gateway" in line for line in lines)


def test_orders_of_two_symbols_with_one_number_are_not_mixed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    entries: list[tuple[str, int, str, int, bytes]] = []
    for symbol, name in (("BTCUSDT", "one"), ("ETHUSDT", "two")):
        order = Order(
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            symbol=symbol,
            order_id=f"{name}-0-1",
            client_order_id=f"bot-{name}-0-1",
            quantity=Decimal(1),
            price=Decimal(100),
        )
        numbered = replace_fields(order, exchange_order_id=5, status=OrderStatus.NEW)
        fill = Fill(
            strategy=name,
            exchange=Exchanges.BINANCE,
            symbol=symbol,
            order_id="",
            client_order_id="",
            exchange_order_id=5,
            trade_id=1,
            side=Side.BUY,
            price=Decimal(100),
            quantity=Decimal(1),
        )
        for message in (
            NewOrderRequest(exchange=Exchanges.BINANCE, order=order),
            OrderUpdate(strategy=name, order=numbered),
            fill,
        ):
            number = len(entries) + 1
            frame = encode(message)
            kind = type(message).__name__
            entries.append(("order_manager", number, kind, START + number, frame))
    journal.write(entries, {}, is_retold=False)
    journal.close()
    for name in ("one-0-1", "bot-one-0-1"):
        lines = explain_order(tmp_path, name)
        assert len(lines) == 3
        assert "ETHUSDT" not in "\n".join(lines)
    told = r"number 5 to an order in BTCUSDT and ETHUSDT: .* one of bot-one-0-1, bot-two-0-1"
    with pytest.raises(BacktestError, match=told):
        explain_order(tmp_path, "5")


def test_equal_runs_do_not_part(recorded: tuple[Path, BacktestRun]) -> None:
    path, run = recorded
    live = read_live_orders(path)
    assert len(live) == len(run.record.orders) > 20
    assert compare_orders(live.values(), run.record.orders.values()) == []


def test_a_slower_run_differs_by_latency(recorded: tuple[Path, BacktestRun]) -> None:
    live = read_live_orders(recorded[0])
    found = compare_orders(live.values(), play(120_000_000).record.orders.values())
    assert found[0].reason in ("latency", "fill model")
    assert "latency" in {item.reason for item in found}


def test_other_fills_are_the_fill_models(recorded: tuple[Path, BacktestRun]) -> None:
    live = list(read_live_orders(recorded[0]).values())
    row = next(item for item in live if item.executed_quantity)
    others = [
        replace(row, executed_quantity=row.executed_quantity / 2),
        replace(row, executed_quote_quantity=row.executed_quote_quantity + 1),
        replace(row, status=OrderStatus.EXPIRED),
    ]
    for other in others:
        (found,) = compare_orders([row], [other])
        assert (found.reason, found.order_id) == ("fill model", row.order_id)
        assert "live" in found.text


def test_missing_data_and_rejections_are_named(recorded: tuple[Path, BacktestRun]) -> None:
    live = read_live_orders(recorded[0])
    half = make_data(market()[:300])
    settings = BacktestSettings(order_latency=Latency(20_000_000))
    part = run_backtest(half, actors(), settings).record.orders.values()
    late = [item for item in compare_orders(live.values(), part) if "only live" in item.text]
    assert {item.reason for item in late} == {"an earlier difference", "rejection"}
    told = compare_orders(
        live.values(), part, tested_ticks=lambda: [encode(item) for item in market()[:300]]
    )
    assert "missed data" in {item.reason for item in told}
    poor = play(balances={"USDT": Decimal(10)}).record.orders.values()
    found = compare_orders(live.values(), poor)
    assert found[0].reason == "rejection"
    assert "INSUFFICIENT_FUNDS" in found[0].text


def test_what_was_refused_by_the_bots_own_stop_is_no_difference(
    recorded: tuple[Path, BacktestRun],
) -> None:
    row = next(iter(read_live_orders(recorded[0]).values()))
    text = f"trading is halted: {END_OF_BOT}"
    refused = replace(row, status=OrderStatus.REJECTED, reason=Reason.HALTED, reason_text=text)
    assert compare_orders([refused], []) == []
    # Of one that the backtest placed, as it went on, it is said.
    (found,) = compare_orders([refused], [row])
    assert (found.reason, END_OF_BOT in found.text) == ("rejection", True)
    # A halt of another kind is one that a backtest must come to as well.
    (found,) = compare_orders([replace(refused, reason_text="trading is halted: loss")], [])
    assert found.reason == "rejection"


def test_latency_is_measured_in_a_recording(recorded: tuple[Path, BacktestRun]) -> None:
    feed, order = measure_latency(recorded[0])
    assert set(feed.measured_ns) == {0}
    assert set(order.measured_ns) == {20_000_000}
    assert parse_latency(str(recorded[0])) == (feed, order)
    again = play(0, fill_model=FillModel.TOUCH)
    sampled = run_backtest(
        make_data(market()), actors(), BacktestSettings(feed_latency=feed, order_latency=order)
    )
    assert {item.acknowledged_time_ns for item in sampled.record.orders.values()} != {
        item.acknowledged_time_ns for item in again.record.orders.values()
    }


@pytest.mark.parametrize(
    ("text", "feed_ns", "order_ns"),
    [
        ("0", 0, 0),
        ("50ms", 0, 50_000_000),
        ("5ms,1.5s", 5_000_000, 1_500_000_000),
        ("250us,0", 250_000, 0),
    ],
)
def test_latencies_as_text(text: str, feed_ns: int, order_ns: int) -> None:
    assert parse_latency(text) == (Latency(feed_ns), Latency(order_ns))
