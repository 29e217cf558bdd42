"""Recorded markets: what their files may look like, what is printed, and which resting orders fill."""

import gzip
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.exchange.orders import NewOrder, PublicTrade
from actors.exchange.recorded import RecordedMarket
from actors.exchange.recorded_trades import RecordedTrade, read_trades
from messages.enums import KlineInterval, OrderStatus, OrderType, Side

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

DATA = Path(__file__).parents[2] / "data"
TRADES = DATA / "BTCUSDT-trades-2021-01-08.csv"
AGGREGATE_TRADES = DATA / "BTCUSDT-aggTrades-2026-01-01.csv.gz"
HEADER = "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(content: str, name: str = "trades.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode())
        return path

    return write_file


def rows(*trades: tuple[int, str, str, int, bool]) -> str:
    """A trades file of (id, price, quantity, time, isBuyerMaker)."""
    return "".join(f"{i},{p},{q},0,{t},{m},True\n" for i, p, q, t, m in trades)


def test_milliseconds_and_microseconds() -> None:
    first = next(read_trades(TRADES))
    assert first == RecordedTrade(
        553287559, Decimal("39432.48"), Decimal("0.000263"), 1610064000278000, True
    )
    first = next(read_trades(AGGREGATE_TRADES))
    assert first == RecordedTrade(
        3800397495, Decimal("87648.21"), Decimal("0.08185"), 1767225600039409, True
    )
    assert len(list(read_trades(AGGREGATE_TRADES))) == 3000


def test_both_units_in_one_file(write: Callable[..., Path]) -> None:
    path = write(
        rows(
            (1, "1", "1", 1735689599999, True),
            (2, "1", "1", 1735689600000000, True),
            (3, "1", "1", 1735689600999999, True),
        )
    )
    assert [trade.time_us for trade in read_trades(path)] == [
        1735689599999000,
        1735689600000000,
        1735689600999999,
    ]


def _joined(plain: str) -> str:
    lines = plain.splitlines(keepends=True)
    return "".join([*lines[:1000], f"\ufeff{HEADER}\n", *lines[1000:]])


@pytest.mark.parametrize(
    "reshape",
    [
        lambda plain: f"{HEADER}\n{plain}",
        lambda plain: plain.replace("\n", "\r\n"),
        lambda plain: f"\ufeff{plain}",
        lambda plain: f"\ufeff{HEADER}\r\n" + plain.replace("\n", "\r\n"),
        _joined,
        lambda plain: plain.rstrip("\n"),
        lambda plain: plain.replace("True", "true").replace("False", "false"),
    ],
    ids=["header", "crlf", "bom", "all", "joined", "no last line end", "lower case"],
)
def test_all_shapes_of_a_file_read_alike(
    write: Callable[..., Path], reshape: Callable[[str], str]
) -> None:
    path = write(reshape(TRADES.read_text()))
    assert list(read_trades(path)) == list(read_trades(TRADES))


def test_packed_files(tmp_path: Path) -> None:
    packed = tmp_path / "trades.csv.gz"
    packed.write_bytes(gzip.compress(TRADES.read_bytes()))
    archive = tmp_path / "trades.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.write(TRADES, TRADES.name)
    expected = list(read_trades(TRADES))
    assert list(read_trades(packed)) == list(read_trades(archive)) == expected


def test_two_rows_run_into_one_stop_with_file_and_line(write: Callable[..., Path]) -> None:
    lines = TRADES.read_text().splitlines(keepends=True)
    middle = len(lines) // 2
    cut = ",".join(lines[middle].split(",")[:3])[:-2]
    path = write("".join([*lines[:middle], cut + lines[middle + 1], *lines[middle + 2 :]]))
    read: list[RecordedTrade] = []
    with pytest.raises(ValueError, match=rf"trades\.csv, line {middle + 1}: 9 fields, not 7"):
        read.extend(read_trades(path))
    assert read == list(read_trades(TRADES))[:middle]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("2,1,1,0,1735689600000,True,True,2,1", "9 fields, not 7"),
        ("2,1,1,0,1735689600000,True", "6 fields, not 7"),
        ("2,NaN,1,0,1735689600000,True,True", "price 'NaN'"),
        ("2,1_000,1,0,1735689600000,True,True", "price '1_000'"),
        ("2,0,1,0,1735689600000,True,True", "price '0'"),
        ("2,1,-1,0,1735689600000,True,True", "quantity '-1'"),
        ("x2,1,1,0,1735689600000,True,True", "trade id 'x2'"),
        ("2,1,1,0,1735689600.5,True,True", "time '1735689600.5'"),
        ("2,1,1,0,1735689600000,maybe,True", "isBuyerMaker 'maybe'"),
    ],
)
def test_broken_row_is_named(write: Callable[..., Path], row: str, complaint: str) -> None:
    path = write(rows((1, "1", "1", 1735689599999, True)) + row + "\n")
    with pytest.raises(ValueError, match=rf"trades\.csv, line 2: {complaint}"):
        list(read_trades(path))


def test_file_of_another_kind_and_packed_file_cut_short(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"line 1: 3 fields of which none is isBuyerMaker"):
        list(read_trades(write("1,2,3\n")))
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(TRADES.read_bytes())[:5000])
    with pytest.raises(ValueError, match=r"cut\.csv\.gz, after line \d+"):
        list(read_trades(cut))
    with pytest.raises(ValueError, match=r"not\.zip"):
        list(read_trades(write("no archive", "not.zip")))


class _Tape:
    def __init__(self) -> None:
        self.printed: list[PublicTrade] = []

    def on_trade(self, symbol: str, trade: PublicTrade) -> None:
        self.printed.append(trade)

    def on_book(self, symbol: str) -> None:
        """The book is read elsewhere."""


def play(bench: "Bench", market: RecordedMarket) -> None:
    """To the end, by the market's own word of when it is due."""
    while (due_us := market.advance(bench.now_us)) is not None:
        bench.now_us = max(bench.now_us, due_us)


@pytest.mark.parametrize("path", [TRADES, AGGREGATE_TRADES])
def test_trades_are_printed_as_recorded_with_shifted_times(
    new_bench: type["Bench"], path: Path
) -> None:
    bench, tape, ends = new_bench("BTCUSDT"), _Tape(), []
    bench.venue.market_listeners.append(tape)
    start_us = bench.now_us
    market = RecordedMarket(bench.venue, "BTCUSDT", path, 1.0, lambda: ends.append(bench.now_us))
    play(bench, market)
    recorded = list(read_trades(path))
    assert [(t.trade_id, t.price, t.quantity, t.is_buyer_maker) for t in tape.printed] == [
        (t.trade_id, t.price, t.quantity, t.is_buyer_maker) for t in recorded
    ]
    assert [t.time_us - start_us for t in tape.printed] == [
        t.time_us - recorded[0].time_us for t in recorded
    ]
    assert market.is_finished
    assert ends == [tape.printed[-1].time_us]
    assert market.advance(bench.now_us + 10**9) is None
    assert len(ends) == 1
    volume = sum(
        bar.volume for bar in bench.venue.klines("BTCUSDT", KlineInterval.MINUTE_1, limit=1000)
    )
    assert volume == sum(t.quantity for t in recorded)


def test_speed_divides_times_and_speed_zero_does_not_wait(new_bench: type["Bench"]) -> None:
    bench = new_bench("BTCUSDT")
    start_us = bench.now_us
    play(bench, RecordedMarket(bench.venue, "BTCUSDT", TRADES, 10.0))
    recorded = list(read_trades(TRADES))
    length_us = recorded[-1].time_us - recorded[0].time_us
    assert bench.now_us - start_us == length_us // 10
    fast = new_bench("BTCUSDT")
    play(fast, RecordedMarket(fast.venue, "BTCUSDT", TRADES, 0))
    assert fast.now_us == start_us
    assert len(fast.venue.recent_trades("BTCUSDT", 1000)) == 1000


def test_depth_on_both_sides_one_tick_around_the_last_trade(new_bench: type["Bench"]) -> None:
    bench = new_bench("BTCUSDT")
    market = RecordedMarket(bench.venue, "BTCUSDT", TRADES)
    tick = Decimal("0.01")
    while not market.is_finished:
        due_us = market.advance(bench.now_us)
        last, ticker = bench.venue.last_price("BTCUSDT"), bench.venue.book_ticker("BTCUSDT")
        assert last is not None
        assert (ticker.bid_price, ticker.ask_price) == (last - tick, last + tick)
        assert min(ticker.bid_quantity, ticker.ask_quantity) > 0
        bench.now_us = due_us or bench.now_us


def fill_setup(
    bench: "Bench", write: Callable[..., Path], *trades: tuple[str, str, bool]
) -> RecordedMarket:
    """A first trade at 100, then the given (price, quantity, isBuyerMaker), a second apart."""
    lines = [(1, "100", "1", 1735689600000, True)]
    for number, (price, quantity, is_buyer_maker) in enumerate(trades, start=2):
        lines.append((number, price, quantity, 1735689600000 + number * 1000, is_buyer_maker))
    market = RecordedMarket(bench.venue, "LTCUSDT", write(rows(*lines)))
    market.advance(bench.now_us)
    return market


@pytest.mark.parametrize(
    ("side", "is_buyer_maker", "fills"),
    [
        (Side.BUY, True, True),
        (Side.BUY, False, False),
        (Side.SELL, False, True),
        (Side.SELL, True, False),
    ],
)
def test_only_the_side_that_the_taker_hit_may_fill(
    bench: "Bench", write: Callable[..., Path], side: Side, is_buyer_maker: bool, fills: bool
) -> None:
    price = "99" if side is Side.BUY else "101"
    market = fill_setup(bench, write, (price, "5", is_buyer_maker))
    order = bench.limit(bench.account("user"), side, "2", price)
    play(bench, market)
    assert order.status is (OrderStatus.FILLED if fills else OrderStatus.NEW)
    public = bench.venue.recent_trades("LTCUSDT")[-1]
    assert (public.trade_id, public.is_buyer_maker) == (2, is_buyer_maker)


def test_fill_is_at_the_orders_price_and_bounded_by_the_trades_quantity(
    bench: "Bench", write: Callable[..., Path]
) -> None:
    market = fill_setup(bench, write, ("98", "3", True), ("98.5", "1", True), ("99.5", "9", True))
    first, second = bench.account("first"), bench.account("second")
    better = bench.buy(first, "2", "99")
    behind = bench.buy(second, "5", "98.5")
    play(bench, market)
    assert (better.status, better.executed_quote_quantity) == (OrderStatus.FILLED, Decimal(198))
    assert behind.executed_quantity == 2
    assert behind.executed_quote_quantity == Decimal("197")
    assert [trade.trade_id for trade in bench.venue.recent_trades("LTCUSDT")] == [1, 2, 3, 4]
    own_ids = [trade.trade_id for trade in bench.venue.my_trades(second, "LTCUSDT")]
    assert own_ids == sorted(set(own_ids))
    assert min(own_ids) >= 1_000_000_000_000


def test_quotes_stay_out_of_the_way_of_a_resting_order(
    bench: "Bench", write: Callable[..., Path]
) -> None:
    market = fill_setup(bench, write, ("95", "1", False))
    order = bench.buy(bench.account("user"), "2", "99")
    play(bench, market)
    assert order.status is OrderStatus.NEW
    ticker = bench.venue.book_ticker("LTCUSDT")
    assert (ticker.bid_price, ticker.ask_price) == (Decimal(99), Decimal("99.01"))


@pytest.mark.parametrize("is_buyer_maker", [True, False])
def test_what_a_trade_sets_off_meets_the_quotes_around_that_trade(
    bench: "Bench", write: Callable[..., Path], is_buyer_maker: bool
) -> None:
    """Not those around the trade before, nor none because that trade took them."""
    market = fill_setup(bench, write, ("90", "1", is_buyer_maker))
    stop = NewOrder(
        symbol="LTCUSDT",
        side=Side.SELL,
        order_type=OrderType.STOP_LOSS,
        quantity=Decimal(1),
        stop_price=Decimal(95),
    )
    order = bench.venue.new_order(bench.account("user"), stop)
    play(bench, market)
    assert order.status is OrderStatus.FILLED
    assert order.executed_quote_quantity == Decimal("89.99")


def test_taker_gets_the_quotes_price_and_stays_off_the_tape(
    bench: "Bench", write: Callable[..., Path]
) -> None:
    market = fill_setup(bench, write, ("100", "1", True))
    user = bench.account("user")
    order = bench.market(user, Side.BUY, "2")
    assert order.executions[0].price == Decimal("100.01")
    assert [trade.trade_id for trade in bench.venue.recent_trades("LTCUSDT")] == [1]
    play(bench, market)
    assert bench.venue.book_ticker("LTCUSDT").ask_price == Decimal("100.01")


def test_recording_must_have_trades_and_a_sane_speed(
    bench: "Bench", write: Callable[..., Path]
) -> None:
    with pytest.raises(ValueError, match="there is no trade in it"):
        RecordedMarket(bench.venue, "LTCUSDT", write(f"{HEADER}\n"))
    with pytest.raises(ValueError, match="speed"):
        RecordedMarket(bench.venue, "LTCUSDT", TRADES, speed=-1)


def test_broken_row_ends_the_market_and_repeats_no_trade(
    bench: "Bench", write: Callable[..., Path]
) -> None:
    good = rows((1, "100", "1", 1735689600000, True), (2, "101", "1", 1735689600001, True))
    market = RecordedMarket(bench.venue, "LTCUSDT", write(good + "3,1\n"))
    bench.pass_time(1)
    with pytest.raises(ValueError, match=r"line 3: 2 fields, not 7"):
        market.advance(bench.now_us)
    assert market.advance(bench.now_us) is None
    assert [trade.trade_id for trade in bench.venue.recent_trades("LTCUSDT")] == [1, 2]
