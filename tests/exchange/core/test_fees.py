"""Fees: maker's and taker's rate apart, in the received asset or in BNB, and none of it lost."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from actors.exchange.accounts import Account
from actors.exchange.errors import VenueError
from messages.enums import Side

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench


def test_crossing_part_pays_the_taker_fee_and_the_resting_part_the_maker_fee(
    bench: "Bench",
) -> None:
    buyer = bench.venue.open_account(
        "buyer", {"USDT": Decimal(1000)}, Decimal("0.0008"), Decimal("0.0010")
    )
    others = bench.account("others")
    bench.sell(others, "1", "101")
    bench.buy(buyer, "3", "101")
    bench.sell(others, "2", "101")
    trades = bench.venue.my_trades(buyer, "LTCUSDT")
    assert [trade.execution.commission for trade in trades] == [Decimal("0.001"), Decimal("0.0016")]
    assert [trade.execution.commission_asset for trade in trades] == ["LTC", "LTC"]
    assert [trade.execution.is_maker for trade in trades] == [False, True]
    assert bench.balance(buyer, "LTC") == (Decimal("2.9974"), 0)
    assert bench.venue.ledger.fees.balance("LTC").free == Decimal("0.0026")


def test_seller_pays_in_quote_asset_cut_to_eight_decimals(bench: "Bench") -> None:
    seller = bench.venue.open_account(
        "seller", {"LTC": Decimal(1)}, Decimal("0.001"), Decimal("0.00075")
    )
    bench.buy(bench.account("other"), "1", "33.33")
    bench.sell(seller, "0.333", "33.33")
    proceeds = Decimal("11.09889")
    fee = Decimal("0.00832416")
    assert bench.balance(seller, "USDT") == (proceeds - fee, 0)


def _bnb_bench(new_bench: type["Bench"], bnb: str) -> tuple["Bench", Account, Account]:
    bench = new_bench("LTCUSDT", "BNBUSDT")
    other = bench.account("other", LTC="1000", BNB="1000", USDT="1000000")
    bench.symbol = "BNBUSDT"
    bench.sell(other, "1", "500")
    bench.buy(other, "1", "500")
    bench.symbol = "LTCUSDT"
    payer = bench.venue.open_account(
        "payer",
        {"USDT": Decimal(10_000), "BNB": Decimal(bnb)},
        Decimal("0.001"),
        Decimal("0.001"),
        uses_bnb=True,
    )
    return bench, payer, other


def test_fee_in_bnb_is_discounted_and_converted_at_the_last_price(
    new_bench: type["Bench"],
) -> None:
    bench, payer, other = _bnb_bench(new_bench, "1")
    bench.sell(other, "10", "100")
    bench.buy(payer, "10", "100")
    execution = bench.venue.my_trades(payer, "LTCUSDT")[0].execution
    # 10 LTC at 100 USDT are 2 BNB; 0.1 % of it less a quarter.
    assert (execution.commission, execution.commission_asset) == (Decimal("0.0015"), "BNB")
    assert bench.balance(payer, "LTC") == (10, 0)
    assert bench.balance(payer, "BNB") == (Decimal("0.9985"), 0)


def test_when_bnb_runs_out_the_received_asset_pays(new_bench: type["Bench"]) -> None:
    bench, payer, other = _bnb_bench(new_bench, "0.0015")
    bench.sell(other, "10", "100")
    bench.sell(other, "10", "100")
    bench.buy(payer, "20", "100")
    paid = [
        (trade.execution.commission, trade.execution.commission_asset)
        for trade in bench.venue.my_trades(payer, "LTCUSDT")
    ]
    assert paid == [(Decimal("0.0015"), "BNB"), (Decimal("0.01"), "LTC")]
    assert bench.balance(payer, "BNB") == (0, 0)


@pytest.mark.parametrize(
    ("side", "funds"), [(Side.BUY, {"USDT": "99.99"}), (Side.SELL, {"LTC": "0.999"})]
)
def test_order_beyond_the_balance_is_refused_and_changes_nothing(
    bench: "Bench", side: Side, funds: dict[str, str]
) -> None:
    account = bench.account("poor", **funds)
    with pytest.raises(VenueError, match="insufficient balance") as refusal:
        bench.limit(account, side, "1", "100")
    assert refusal.value.code == -2010
    asset, amount = next(iter(funds.items()))
    assert bench.balance(account, asset) == (Decimal(amount), 0)
    assert bench.levels() == ({}, {})


def test_market_order_that_cannot_be_paid_in_full_is_refused(bench: "Bench") -> None:
    bench.sell(bench.account("maker"), "2", "100")
    poor = bench.account("poor", USDT="150")
    with pytest.raises(VenueError, match="insufficient balance"):
        bench.market(poor, Side.BUY, "2")
    assert bench.trades() == []


def test_cancel_gives_back_what_was_locked(bench: "Bench") -> None:
    account = bench.account("a", USDT="100")
    order = bench.buy(account, "1", "66.67")
    assert bench.balance(account, "USDT") == (Decimal("33.33"), Decimal("66.67"))
    bench.venue.cancel_order(account, "LTCUSDT", order.order_id)
    assert bench.balance(account, "USDT") == (100, 0)
