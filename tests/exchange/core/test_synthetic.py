"""The synthetic market: seeded, two-sided, at the asked rate, and never out of money."""

import hashlib
import itertools
import math
import random
import statistics
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange import market_wire
from actors.exchange.orders import PublicTrade
from actors.exchange.sources import SyntheticMarket
from actors.exchange.times import ENCODERS, TimeUnit
from messages.enums import OrderStatus, Side

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench


def run(bench: "Bench", market: SyntheticMarket, seconds: float) -> None:
    """Steps from due time to due time."""
    end_us = bench.now_us + int(seconds * 1_000_000)
    while (due_us := market.advance(bench.now_us)) < end_us:
        bench.now_us = max(bench.now_us, due_us)
    bench.now_us = end_us


def test_equal_seeds_make_equal_markets(new_bench: type["Bench"]) -> None:
    tapes = []
    for seed in (5, 5, 6):
        bench = new_bench("BTCUSDT", "ETHBTC")
        market = SyntheticMarket(bench.venue, ["BTCUSDT", "ETHBTC"], random.Random(seed))
        run(bench, market, 30)
        tapes.append([bench.venue.recent_trades(symbol, 1000) for symbol in ("BTCUSDT", "ETHBTC")])
    assert tapes[0] == tapes[1]
    assert tapes[0] != tapes[2]


def test_equal_seeds_make_equal_bytes(new_bench: type["Bench"]) -> None:
    digests = []
    for seed in (5, 5, 6):
        bench = new_bench("BTCUSDT", "ETHBTC")
        listener = Wire(bench)
        market = SyntheticMarket(bench.venue, ["BTCUSDT", "ETHBTC"], random.Random(seed))
        run(bench, market, 20)
        digests.append(listener.digest.hexdigest())
        assert listener.frames > 200
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


class Wire:
    """Everything that the streams would send, as bytes."""

    def __init__(self, bench: "Bench") -> None:
        self.bench = bench
        self.digest = hashlib.sha256()
        self.frames = 0
        self.changes = {name: bench.venue.open_depth_changes(name) for name in bench.venue.symbols}
        bench.venue.market_listeners.append(self)

    def on_trade(self, symbol: str, trade: PublicTrade) -> None:
        self.take(market_wire.trade_event(symbol, trade, self.bench.now_us))

    def on_book(self, symbol: str) -> None:
        self.take(market_wire.book_ticker_event(symbol, self.bench.venue.book_ticker(symbol)))
        if (diff := self.changes[symbol].take()) is not None:
            self.take(market_wire.depth_event(symbol, diff, self.bench.now_us))

    def take(self, message: Any) -> None:
        self.frames += 1
        self.digest.update(ENCODERS[TimeUnit.MICROSECOND].encode(message))


def test_large_moves_come_together(new_bench: type["Bench"]) -> None:
    """Volatility clusters: the size of a second's move tells of the next one's, and large ones are frequent."""
    bench = new_bench("BTCUSDT", "ETHUSDT")
    market = SyntheticMarket(bench.venue, ["BTCUSDT", "ETHUSDT"], random.Random(5))
    prices: dict[str, list[float]] = {"BTCUSDT": [], "ETHUSDT": []}
    for _ in range(600):
        run(bench, market, 1)
        for symbol, found in prices.items():
            ticker = bench.venue.book_ticker(symbol)
            found.append(float(ticker.bid_price + ticker.ask_price) / 2)
    for found in prices.values():
        moves = [math.log(later / earlier) for earlier, later in itertools.pairwise(found)]
        sizes = [abs(move) for move in moves]
        assert correlation(sizes[:-1], sizes[1:]) > 0.2
        mean = statistics.fmean(moves)
        fourth = statistics.fmean([(move - mean) ** 4 for move in moves])
        # Of moves of one constant volatility it would be 3.
        assert fourth / statistics.pvariance(moves) ** 2 > 5
    of_both = [[math.log(b / a) for a, b in itertools.pairwise(found)] for found in prices.values()]
    assert abs(correlation(*of_both)) < 0.3


def correlation(first: list[float], second: list[float]) -> float:
    """Pearson's."""
    return statistics.correlation(first, second)


@pytest.mark.parametrize("rate", [10.0, 200.0])
def test_mean_rate_is_as_asked_in_every_symbol(new_bench: type["Bench"], rate: float) -> None:
    bench = new_bench("BTCUSDT", "XRPUSDT")
    market = SyntheticMarket(bench.venue, ["BTCUSDT", "XRPUSDT"], random.Random(1), rate)
    seconds = 6000 / rate
    run(bench, market, seconds)
    for symbol in ("BTCUSDT", "XRPUSDT"):
        trades = bench.venue.market(symbol).next_trade_id
        assert trades == pytest.approx(6000, rel=0.15)


def test_depth_and_trades_stand_from_the_start(new_bench: type["Bench"]) -> None:
    for symbol in ("BTCUSDT", "ETHBTC", "XRPUSDT", "DOGEUSDT", "ABCEUR"):
        bench = new_bench(symbol)
        SyntheticMarket(bench.venue, [symbol], random.Random(1))
        depth = bench.venue.depth(symbol, 100)
        assert len(depth.bids) >= 10
        assert len(depth.asks) >= 10
        assert bench.venue.last_price(symbol) is not None


def test_book_is_two_sided_and_never_crossed_while_users_interfere(
    new_bench: type["Bench"],
) -> None:
    bench = new_bench("BTCUSDT")
    market = SyntheticMarket(bench.venue, ["BTCUSDT"], random.Random(3), 100.0)
    user = bench.account("user", BTC="1000", USDT="100000000")
    for number in range(200):
        run(bench, market, 0.2)
        ticker = bench.venue.book_ticker("BTCUSDT")
        assert Decimal(0) < ticker.bid_price < ticker.ask_price
        if number % 50 == 10:
            bench.market(user, Side.BUY, "5")
        if number % 50 == 30:
            bench.buy(user, "20", f"{ticker.ask_price + 500}")
        if number % 50 == 40 and bench.venue.open_orders(user):
            bench.venue.cancel_open_orders(user, "BTCUSDT")


def test_order_inside_the_spread_is_hit_first(new_bench: type["Bench"]) -> None:
    bench = new_bench("BTCUSDT")
    market = SyntheticMarket(bench.venue, ["BTCUSDT"], random.Random(4), 20.0)
    user = bench.account("user", BTC="10", USDT="1000000")
    ticker = bench.venue.book_ticker("BTCUSDT")
    order = bench.buy(user, "0.001", f"{ticker.bid_price + Decimal('0.01')}")
    run(bench, market, 60)
    assert order.status is OrderStatus.FILLED


def test_money_is_conserved_with_the_houses_top_ups(new_bench: type["Bench"]) -> None:
    bench = new_bench("BTCUSDT")
    market = SyntheticMarket(bench.venue, ["BTCUSDT"], random.Random(2), 500.0)
    user = bench.venue.open_account("user", {"USDT": Decimal(1_000_000)})
    for _ in range(10):
        run(bench, market, 0.5)
        bench.market(user, Side.BUY, "0.5")
        bench.market(user, Side.SELL, "0.3")
    ledger = bench.venue.ledger
    for asset, issued in ledger.issued.items():
        accounts = [*bench.venue.accounts.values(), ledger.fees]
        balances = [account.balance(asset) for account in accounts]
        assert sum(balance.free + balance.locked for balance in balances) == issued
        assert all(balance.free >= 0 and balance.locked >= 0 for balance in balances)
    assert ledger.fees.balance("BTC").free > 0


def test_backlog_beyond_a_second_is_left_out(new_bench: type["Bench"]) -> None:
    bench = new_bench("BTCUSDT")
    market = SyntheticMarket(bench.venue, ["BTCUSDT"], random.Random(2), 100.0)
    bench.pass_time(3600)
    before = bench.venue.market("BTCUSDT").next_trade_id
    while market.advance(bench.now_us) <= bench.now_us:
        pass
    made = bench.venue.market("BTCUSDT").next_trade_id - before
    assert made < 400


def test_rate_must_be_above_zero(bench: "Bench") -> None:
    for rate in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="rate"):
            SyntheticMarket(bench.venue, ["LTCUSDT"], random.Random(1), rate)
