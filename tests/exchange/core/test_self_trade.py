"""Self-trade prevention: the scenarios of faqs/stp_faq.md, with prices and quantities that the symbol allows."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange import wire
from actors.exchange.accounts import Account
from actors.exchange.errors import VenueError
from actors.exchange.orders import ExpiryReason, NewOrder, OrderRecord
from messages.enums import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

Mode = SelfTradePrevention
Status = OrderStatus


def place(
    bench: "Bench",
    account: Account,
    side: Side,
    quantity: str,
    price: str | None,
    mode: Mode = Mode.NONE,
    time_in_force: TimeInForce = TimeInForce.GTC,
) -> OrderRecord:
    is_limit = price is not None
    return bench.venue.new_order(
        account,
        NewOrder(
            symbol=bench.symbol,
            side=side,
            order_type=OrderType.LIMIT if is_limit else OrderType.MARKET,
            quantity=Decimal(quantity),
            price=Decimal(price) if price else None,
            time_in_force=time_in_force if is_limit else None,
            self_trade_prevention_mode=mode,
        ),
    )


@pytest.fixture
def makers(bench: "Bench") -> tuple[Account, list[OrderRecord]]:
    """One account with the three resting orders of scenarios B and C."""
    account = bench.account("one")
    terms = (("1.2", "120"), ("1.3", "110"), ("8.1", "100"))
    return account, [place(bench, account, Side.BUY, *one) for one in terms]


def test_none_lets_an_account_trade_with_itself(bench: "Bench") -> None:
    account = bench.account("one")
    maker = place(bench, account, Side.BUY, "1", "100")
    taker = place(bench, account, Side.SELL, "1", "100")
    assert (maker.status, taker.status) == (Status.FILLED, Status.FILLED)


def test_expire_maker(
    bench: "Bench", makers: tuple[Account, list[OrderRecord]], listener: Any
) -> None:
    account, resting = makers
    events = listener(account)
    taker = place(bench, account, Side.SELL, "3", "100", Mode.EXPIRE_MAKER)
    assert [one.status for one in resting] == [Status.EXPIRED_IN_MATCH] * 3
    assert [str(one.prevented_quantity) for one in resting] == ["1.2", "1.3", "8.1"]
    assert [one.prevented_match_id for one in resting] == [0, 1, 2]
    assert taker.rests
    answer = wire.order_full(taker)
    assert answer["preventedMatches"][0] == {
        "preventedMatchId": 0,
        "makerOrderId": resting[0].order_id,
        "price": "120.00000000",
        "makerPreventedQuantity": "1.20000000",
    }
    assert "preventedQuantity" not in answer
    reports = [one for one in events if one["e"] == "executionReport"]
    assert [(one["x"], one["X"]) for one in reports] == [
        ("NEW", "NEW"),
        *[("TRADE_PREVENTION", "EXPIRED_IN_MATCH")] * 3,
    ]
    assert (reports[1]["A"], reports[1]["B"], reports[1]["v"], reports[1]["U"]) == (
        "1.20000000",
        "1.20000000",
        0,
        taker.order_id,
    )
    assert bench.balance(account, "USDT")[1] == 0
    assert bench.levels() == ({}, {"100": "3"})


def test_expire_taker(bench: "Bench", makers: tuple[Account, list[OrderRecord]]) -> None:
    account, resting = makers
    taker = place(bench, account, Side.SELL, "3", "100", Mode.EXPIRE_TAKER)
    assert [one.status for one in resting] == [Status.NEW] * 3
    assert (taker.status, taker.prevented_quantity) == (Status.EXPIRED_IN_MATCH, Decimal(3))
    query = wire.order_query(taker)
    assert (query["preventedMatchId"], query["preventedQuantity"]) == (0, "3.00000000")
    assert bench.balance(account, "LTC")[1] == 0


def test_expire_both(bench: "Bench") -> None:
    account = bench.account("one")
    maker = place(bench, account, Side.BUY, "1", "100")
    taker = place(bench, account, Side.SELL, "3", "100", Mode.EXPIRE_BOTH)
    assert (maker.status, taker.status) == (Status.EXPIRED_IN_MATCH, Status.EXPIRED_IN_MATCH)
    assert wire.order_full(taker)["preventedMatches"] == [
        {
            "preventedMatchId": 0,
            "makerOrderId": maker.order_id,
            "price": "100.00000000",
            "takerPreventedQuantity": "3.00000000",
            "makerPreventedQuantity": "1.00000000",
        }
    ]


def test_the_takers_mode_decides(bench: "Bench") -> None:
    account = bench.account("one")
    maker = place(bench, account, Side.BUY, "1", "100", Mode.EXPIRE_MAKER)
    taker = place(bench, account, Side.SELL, "1", "100", Mode.EXPIRE_TAKER)
    assert (maker.status, taker.status) == (Status.NEW, Status.EXPIRED_IN_MATCH)


def test_a_market_order_is_left_without_liquidity(bench: "Bench") -> None:
    account = bench.account("one")
    maker = place(bench, account, Side.BUY, "1", "100")
    taker = place(bench, account, Side.SELL, "1", None, Mode.EXPIRE_MAKER)
    assert (maker.status, taker.status) == (Status.EXPIRED_IN_MATCH, Status.EXPIRED)


def test_decrement_takes_the_smaller_off_both(bench: "Bench") -> None:
    account = bench.account("one")
    maker = place(bench, account, Side.BUY, "6", "100", Mode.DECREMENT)
    taker = place(bench, account, Side.SELL, "2", "100", Mode.DECREMENT)
    assert (maker.status, maker.prevented_quantity) == (Status.NEW, Decimal(2))
    assert (taker.status, taker.prevented_quantity) == (Status.EXPIRED_IN_MATCH, Decimal(2))
    assert bench.levels()[0] == {"100": "4"}
    assert bench.balance(account, "USDT")[1] == 400
    other = bench.account("other")
    bench.sell(other, "4", "100")
    assert (maker.status, maker.executed_quantity) == (Status.FILLED, Decimal(4))


def test_it_trades_with_others_on_the_way(bench: "Bench") -> None:
    account, other = bench.account("one"), bench.account("other")
    bench.buy(other, "1", "101")
    maker = place(bench, account, Side.BUY, "1", "100")
    bench.buy(other, "1", "99")
    taker = place(bench, account, Side.SELL, "2", "99", Mode.EXPIRE_MAKER)
    assert (taker.status, taker.executed_quote_quantity) == (Status.FILLED, Decimal(200))
    assert maker.status is Status.EXPIRED_IN_MATCH


def test_all_or_none_does_not_count_on_ones_own(bench: "Bench") -> None:
    account, other = bench.account("one"), bench.account("other")
    bench.buy(other, "1", "101")
    maker = place(bench, account, Side.BUY, "1", "100")
    taker = place(bench, account, Side.SELL, "2", "100", Mode.EXPIRE_MAKER, TimeInForce.FOK)
    assert (taker.status, taker.executed_quantity) == (Status.EXPIRED, Decimal(0))
    assert maker.status is Status.NEW


@pytest.mark.parametrize(
    "mode", [Mode.EXPIRE_TAKER, Mode.EXPIRE_BOTH, Mode.DECREMENT, Mode.TRANSFER]
)
def test_all_or_none_executes_nothing_where_prevention_would_take_a_part_of_it(
    bench: "Bench", mode: Mode
) -> None:
    """enums.md, Time in force: a FOK "will expire if the full order cannot be filled upon execution"."""
    account, other = bench.account("one"), bench.account("other")
    bench.buy(other, "1", "101")
    maker = place(bench, account, Side.BUY, "1", "100")
    bench.buy(other, "5", "99")
    taker = place(bench, account, Side.SELL, "2", "99", mode, TimeInForce.FOK)
    assert (taker.status, taker.executed_quantity) == (Status.EXPIRED, Decimal(0))
    assert taker.expiry_reason is ExpiryReason.UNFILLED_FOK_ORDER
    assert (maker.status, maker.prevented_quantity) == (Status.NEW, Decimal(0))
    before = place(bench, account, Side.SELL, "1", "99", mode, TimeInForce.FOK)
    assert before.status is Status.FILLED


@pytest.mark.parametrize(
    ("quantity", "status"), [("1", Status.FILLED), ("1.5", Status.EXPIRED)], ids=["ahead", "behind"]
)
def test_all_or_none_meets_the_next_part_of_an_iceberg_behind_its_own_order(
    bench: "Bench", quantity: str, status: Status
) -> None:
    """rest-api.md, New order, icebergQty: what is hidden stands at the end of the queue."""
    account, other = bench.account("one"), bench.account("other")
    iceberg = NewOrder(
        symbol=bench.symbol,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(3),
        price=Decimal(100),
        time_in_force=TimeInForce.GTC,
        iceberg_quantity=Decimal(1),
    )
    bench.venue.new_order(other, iceberg)
    place(bench, account, Side.BUY, "1", "100")
    taker = place(bench, account, Side.SELL, quantity, "100", Mode.EXPIRE_TAKER, TimeInForce.FOK)
    assert taker.status is status


def test_a_purchase_at_the_market_pays_for_the_price_behind_its_own_orders(bench: "Bench") -> None:
    account, other = bench.account("one", LTC="5", USDT="500"), bench.account("other")
    place(bench, account, Side.SELL, "2", "100")
    bench.sell(other, "2", "150")
    taker = place(bench, account, Side.BUY, "2", None, Mode.EXPIRE_MAKER)
    assert (taker.status, taker.executed_quote_quantity) == (Status.FILLED, Decimal(300))
    assert bench.balance(account, "USDT") == (200, 0)


def test_a_mode_that_the_symbol_lacks_is_refused(bench: "Bench") -> None:
    account = bench.account("one")
    bench.venue.rules(bench.symbol).self_trade_prevention_modes = (Mode.NONE,)
    with pytest.raises(VenueError, match="does not allow the specified self-trade prevention"):
        place(bench, account, Side.BUY, "1", "100", Mode.TRANSFER)
