"""Stop losses, take profits and trailing stops: what sets them off, and what they do then."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange.accounts import Account
from actors.exchange.errors import VenueError
from actors.exchange.orders import ExpiryReason, NewOrder, OrderRecord
from messages.enums import OrderStatus, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

LIMITED = {OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}


@pytest.fixture
def traders(bench: "Bench") -> tuple[Account, Account]:
    """Two accounts with a deep book around 100, where the last trade was."""
    one, other = bench.account("one"), bench.account("other")
    for cents in range(1, 3001, 50):
        bench.sell(other, "10", f"{100 + cents / 100:.2f}")
        bench.buy(other, "10", f"{100 - cents / 100:.2f}")
    bench.sell(other, "0.1", "100")
    bench.buy(other, "0.1", "100")
    return one, other


def contingent(
    bench: "Bench",
    account: Account,
    kind: OrderType,
    side: Side,
    stop: str | None = None,
    price: str | None = None,
    delta: int | None = None,
    quantity: str = "1",
    **more: Any,
) -> OrderRecord:
    return bench.venue.new_order(
        account,
        NewOrder(
            symbol=bench.symbol,
            side=side,
            order_type=kind,
            quantity=Decimal(quantity),
            price=Decimal(price) if price else None,
            stop_price=Decimal(stop) if stop else None,
            trailing_delta=delta,
            time_in_force=TimeInForce.GTC if kind in LIMITED else None,
            **more,
        ),
    )


def trade_at(bench: "Bench", other: Account, price: str) -> None:
    """One small trade at a price inside the spread or through the book."""
    seller, buyer = bench.account(f"s{bench.now_us}"), bench.account(f"b{bench.now_us}")
    bench.now_us += 1
    for order in bench.venue.open_orders(other):
        bench.venue.cancel_order(other, bench.symbol, order.order_id)
    bench.sell(seller, "0.1", price)
    bench.buy(buyer, "0.1", price)


@pytest.mark.parametrize(
    ("kind", "side", "stop", "calm", "sets_off"),
    [
        (OrderType.STOP_LOSS, Side.BUY, "105", "104.99", "105"),
        (OrderType.TAKE_PROFIT, Side.SELL, "105", "104.99", "106"),
        (OrderType.STOP_LOSS, Side.SELL, "95", "95.01", "95"),
        (OrderType.TAKE_PROFIT, Side.BUY, "95", "95.01", "94"),
    ],
)
def test_a_trade_price_sets_off(
    bench: "Bench",
    traders: tuple[Account, Account],
    kind: OrderType,
    side: Side,
    stop: str,
    calm: str,
    sets_off: str,
) -> None:
    one, other = traders
    order = contingent(bench, one, kind, side, stop)
    assert (order.status, order.is_waiting) == (OrderStatus.NEW, True)
    trade_at(bench, other, calm)
    assert order.is_waiting
    is_buy = side is Side.BUY
    (bench.sell if is_buy else bench.buy)(other, "5", "110" if is_buy else "90")
    maker, taker = bench.account("maker"), bench.account("taker")
    (bench.sell if is_buy else bench.buy)(maker, "0.1", sets_off)
    (bench.buy if is_buy else bench.sell)(taker, "0.1", sets_off)
    assert order.status is OrderStatus.FILLED
    assert order.executed_quote_quantity == (110 if is_buy else 90)
    assert bench.balance(one, "USDT")[1] == bench.balance(one, "LTC")[1] == 0


@pytest.mark.parametrize(
    ("kind", "side", "stop"),
    [
        (OrderType.STOP_LOSS, Side.BUY, "100"),
        (OrderType.STOP_LOSS_LIMIT, Side.SELL, "100.5"),
        (OrderType.TAKE_PROFIT, Side.SELL, "99.5"),
        (OrderType.TAKE_PROFIT_LIMIT, Side.BUY, "101"),
    ],
)
def test_what_would_trigger_at_once_is_refused(
    bench: "Bench", traders: tuple[Account, Account], kind: OrderType, side: Side, stop: str
) -> None:
    with pytest.raises(VenueError, match="-2010: Order would trigger immediately"):
        contingent(bench, traders[0], kind, side, stop, "100" if kind in LIMITED else None)
    assert bench.balance(traders[0], "USDT")[1] == bench.balance(traders[0], "LTC")[1] == 0


def test_a_stop_limit_rests_at_its_price_when_it_has_triggered(
    bench: "Bench", traders: tuple[Account, Account], listener: Any
) -> None:
    one, _ = traders
    events = listener(one)
    order = contingent(bench, one, OrderType.STOP_LOSS_LIMIT, Side.SELL, "99.98", "99.99")
    assert bench.balance(one, "LTC")[1] == 1
    assert "99.99" in bench.levels()[0]
    seller = bench.account("seller")
    bench.sell(seller, "10", "99.99")
    bench.sell(seller, "1", "99.49")
    assert order.rests
    assert bench.levels()[1]["99.99"] == "1"
    reports = [event for event in events if event["e"] == "executionReport"]
    assert [(one["x"], one["X"], one["w"], "W" in one) for one in reports] == [
        ("NEW", "NEW", False, False),
        ("NEW", "NEW", True, True),
    ]
    assert {one["P"] for one in reports} == {"99.98000000"}
    bench.venue.cancel_order(one, bench.symbol, order.order_id)
    assert "99.99" not in bench.levels()[1]
    assert bench.balance(one, "LTC") == (1_000_000, 0)


def test_a_waiting_order_can_be_canceled_and_reduced(
    bench: "Bench", traders: tuple[Account, Account]
) -> None:
    one, other = traders
    order = contingent(bench, one, OrderType.STOP_LOSS, Side.BUY, "105", quantity="2")
    assert bench.balance(one, "USDT")[1] == 210
    bench.venue.amend_order(one, bench.symbol, Decimal(1), order.order_id)
    assert bench.balance(one, "USDT")[1] == 105
    bench.venue.cancel_order(one, bench.symbol, order.order_id)
    assert bench.balance(one, "USDT")[1] == 0
    trade_at(bench, other, "106")
    assert order.status is OrderStatus.CANCELED


def test_a_purchase_without_funds_for_its_market_price_expires(bench: "Bench") -> None:
    other = bench.account("other")
    bench.sell(other, "0.1", "100")
    bench.buy(other, "0.1", "100")
    poor = bench.account("poor", USDT="105")
    order = contingent(bench, poor, OrderType.STOP_LOSS, Side.BUY, "105")
    bench.sell(other, "0.1", "105")
    bench.sell(other, "5", "120")
    bench.buy(other, "0.1", "105")
    assert (order.status, order.expiry_reason) == (OrderStatus.EXPIRED, ExpiryReason.REJECTED)
    assert bench.balance(poor, "USDT") == (105, 0)


def test_one_trigger_sets_off_the_next(bench: "Bench") -> None:
    one, other = bench.account("one"), bench.account("other")
    bench.sell(other, "0.1", "100")
    bench.buy(other, "0.1", "100")
    for price in ("99", "98", "97"):
        bench.buy(other, "1", price)
    first = contingent(bench, one, OrderType.STOP_LOSS, Side.SELL, "99.5")
    second = contingent(bench, one, OrderType.STOP_LOSS, Side.SELL, "98.5")
    bench.sell(other, "1", "99")
    assert (first.executed_quote_quantity, second.executed_quote_quantity) == (
        Decimal(98),
        Decimal(97),
    )
    assert bench.trades()[-3:] == [("99", "1", True), ("98", "1", True), ("97", "1", True)]


# The scenarios of faqs/trailing-stop-faq.md, a hundredth of their prices: (type, side, stop, delta, limit), the last
# trade before, trade prices that leave it waiting, and the one that sets it off.
SCENARIOS = {
    "A": (
        (OrderType.STOP_LOSS_LIMIT, Side.BUY, "440", 500, "450"),
        ["400", "370", "440", "450", "460", "420", "440.99"],
        "441",
    ),
    "B": (
        (OrderType.STOP_LOSS_LIMIT, Side.SELL, "390", 1000, "380"),
        ["400", "415", "390", "370", "410", "369.01"],
        "369",
    ),
    "C": (
        (OrderType.TAKE_PROFIT_LIMIT, Side.BUY, "380", 850, "385"),
        ["400", "420", "380", "370", "390", "380", "401.44"],
        "401.45",
    ),
    "D": (
        (OrderType.TAKE_PROFIT_LIMIT, Side.SELL, "420", 750, "410"),
        ["400", "415", "390", "420", "450", "440", "465", "430.13"],
        "430.12",
    ),
    "E": (
        (OrderType.STOP_LOSS_LIMIT, Side.SELL, None, 700, "390"),
        ["400", "420", "395", "455", "423.16"],
        "423.15",
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_trailing_scenarios_of_the_documentation(bench: "Bench", scenario: Any) -> None:
    (kind, side, stop, delta, price), (first, *calm), sets_off = scenario
    one, other = bench.account("one"), bench.account("other")
    trade_at(bench, other, first)
    order = contingent(bench, one, kind, side, stop, price, delta)
    for step in calm:
        trade_at(bench, other, step)
        assert order.is_waiting, step
    trade_at(bench, other, sets_off)
    assert not order.is_waiting
    assert order.is_open or order.status is OrderStatus.FILLED


@pytest.mark.parametrize("delta", [9, 2001])
def test_trailing_delta_has_bounds(
    bench: "Bench", traders: tuple[Account, Account], delta: int
) -> None:
    with pytest.raises(VenueError, match="TRAILING_DELTA"):
        contingent(bench, traders[0], OrderType.STOP_LOSS, Side.SELL, delta=delta)


def test_five_contingent_orders_and_no_more(
    bench: "Bench", traders: tuple[Account, Account]
) -> None:
    for number in range(5):
        contingent(bench, traders[0], OrderType.STOP_LOSS, Side.SELL, f"{90 - number}")
    with pytest.raises(VenueError, match="MAX_NUM_ALGO_ORDERS"):
        contingent(bench, traders[0], OrderType.TAKE_PROFIT, Side.SELL, "120")
    bench.sell(traders[0], "1", "101")


def test_a_triggered_stop_limit_is_not_held_to_its_trigger_again(bench: "Bench") -> None:
    buyer, seller = bench.account("buyer"), bench.account("seller")
    bench.sell(seller, "1", "99")
    bench.buy(seller, "1", "99")
    order = contingent(bench, buyer, OrderType.STOP_LOSS_LIMIT, Side.BUY, "100", "101")
    bench.sell(seller, "2", "102")
    bench.buy(seller, "1", "102")
    assert order.rests
    assert order.working_time_us
    assert bench.levels()[0]["101"] == "1"
    # The price falls below the trigger; whoever sells there meets what rests at 101.
    bench.sell(seller, "1", "99")
    assert (order.status, order.executed_quantity) == (OrderStatus.FILLED, Decimal(1))
    assert bench.venue.last_price(bench.symbol) == 101
    assert order.working_time_us
