"""Order lists: which order ends or begins another, what is locked meanwhile, and what the account is told."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange.accounts import Account
from actors.exchange.errors import VenueError
from actors.exchange.order_lists import NewOrderList
from actors.exchange.orders import ExpiryReason, NewOrder, OrderList
from messages.enums import OrderStatus, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

Listener = Callable[[Account], list[dict[str, Any]]]
Status = OrderStatus


def terms(
    bench: "Bench", kind: str, side: Side, price: str | None, stop: str | None = None, **more: Any
) -> NewOrder:
    order_type = OrderType(kind)
    is_timed = kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
    fields: dict[str, Any] = {"quantity": Decimal(1)} | more
    return NewOrder(
        symbol=bench.symbol,
        side=side,
        order_type=order_type,
        price=Decimal(price) if price else None,
        stop_price=Decimal(stop) if stop else None,
        time_in_force=TimeInForce.GTC if is_timed else None,
        **fields,
    )


def place(
    bench: "Bench",
    account: Account,
    pending: list[NewOrder],
    working: NewOrder | None = None,
    client_id: str | None = None,
) -> OrderList:
    prefixes = ("pending",) if len(pending) == 1 else ("above", "below")
    request = NewOrderList(
        symbol=bench.symbol,
        client_id=client_id,
        working=working,
        pending=tuple(pending),
        prefixes=prefixes,
    )
    return bench.venue.new_order_list(account, request, lambda placed: placed)


def sell_pair(bench: "Bench") -> list[NewOrder]:
    """A profit at 110 and a stop at 90."""
    return [
        terms(bench, "LIMIT_MAKER", Side.SELL, "110"),
        terms(bench, "STOP_LOSS", Side.SELL, None, "90"),
    ]


def statuses(order_list: OrderList) -> list[Status]:
    return [order.status for order in order_list.orders]


def told(events: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Events in short: of orders the type and status, of lists the two statuses."""
    names = {"executionReport": ("x", "X"), "listStatus": ("l", "L")}
    return [tuple(one[n] for n in names[one["e"]]) for one in events if one["e"] in names]


@pytest.fixture
def one(bench: "Bench") -> Account:
    """An account in a market whose last trade was at 100."""
    other = bench.account("other")
    bench.sell(other, "0.1", "100")
    bench.buy(other, "0.1", "100")
    return bench.account("one", LTC="1", USDT="1000")


def test_a_pair_locks_its_funds_once(bench: "Bench", one: Account, listener: Listener) -> None:
    events = listener(one)
    pair = place(bench, one, sell_pair(bench))
    assert bench.balance(one, "LTC") == (0, 1)
    assert told(events) == [("EXEC_STARTED", "EXECUTING"), ("NEW", "NEW"), ("NEW", "NEW")]
    assert {one["g"] for one in events if "g" in one} == {pair.list_id}


def test_a_purchase_pair_locks_the_dearer(bench: "Bench", one: Account) -> None:
    place(
        bench,
        one,
        [
            terms(bench, "STOP_LOSS_LIMIT", Side.BUY, "120", "110"),
            terms(bench, "LIMIT_MAKER", Side.BUY, "90"),
        ],
    )
    assert bench.balance(one, "USDT") == (880, 120)


def test_a_part_of_the_limit_order_ends_the_stop(
    bench: "Bench", one: Account, listener: Listener
) -> None:
    pair = place(bench, one, sell_pair(bench))
    events = listener(one)
    buyer = bench.account("buyer")
    bench.buy(buyer, "0.4", "110")
    assert statuses(pair) == [Status.PARTIALLY_FILLED, Status.EXPIRED]
    assert pair.pending[1].expiry_reason is ExpiryReason.OCO_TRIGGER
    assert bench.balance(one, "LTC") == (0, Decimal("0.6"))
    assert bench.venue.market(bench.symbol).order_lists == {pair.list_id: pair}
    bench.buy(buyer, "0.6", "110")
    assert pair.is_done
    assert told(events) == [
        ("EXPIRED", "EXPIRED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "FILLED"),
        ("ALL_DONE", "ALL_DONE"),
    ]
    assert bench.balance(one, "LTC") == (0, 0)
    assert bench.balance(one, "USDT") == (1110, 0)


def test_the_stop_ends_the_limit_order(bench: "Bench", one: Account) -> None:
    pair = place(bench, one, sell_pair(bench))
    buyer, seller = bench.account("buyer"), bench.account("seller")
    bench.buy(buyer, "0.1", "90")
    bench.buy(buyer, "5", "80")
    bench.sell(seller, "0.1", "90")
    assert statuses(pair) == [Status.EXPIRED, Status.FILLED]
    assert pair.is_done
    assert bench.balance(one, "USDT") == (1080, 0)
    assert "110" not in bench.levels()[1]


def test_a_cancel_of_one_order_cancels_the_list(bench: "Bench", one: Account) -> None:
    pair = place(bench, one, sell_pair(bench))
    canceled = bench.venue.cancel_order(one, bench.symbol, pair.pending[1].order_id)
    assert statuses(pair) == [Status.CANCELED, Status.CANCELED]
    assert canceled.client_order_id == pair.pending[0].client_order_id
    assert pair.is_done
    assert bench.balance(one, "LTC") == (1, 0)
    with pytest.raises(VenueError, match="-2011"):
        bench.venue.cancel_order_list(one, bench.symbol, pair.list_id)


def test_a_list_names_its_orders_by_their_own_ids_when_they_are_canceled(
    bench: "Bench", one: Account, listener: Listener
) -> None:
    """rest-api.md, Cancel Order list: `orders` are named as they were placed, reports by the cancel; so is listStatus."""
    pair = place(bench, one, sell_pair(bench))
    placed = [order.client_order_id for order in pair.orders]
    events = listener(one)
    bench.venue.cancel_order_list(one, bench.symbol, pair.list_id, new_client_order_id="end-1")
    reports = [event for event in events if event["e"] == "executionReport"]
    assert [(event["c"], event["C"]) for event in reports] == [("end-1", own) for own in placed]
    [status] = [event for event in events if event["e"] == "listStatus"]
    assert [order["c"] for order in status["O"]] == placed


@pytest.mark.parametrize("leg", [0, 1])
def test_an_amendment_of_a_pair_is_one_of_both(bench: "Bench", one: Account, leg: int) -> None:
    """faqs/order_amend_keep_priority.md, Can Order lists be amended?"""
    pair = place(bench, one, sell_pair(bench))
    bench.venue.amend_order(one, bench.symbol, Decimal("0.5"), pair.pending[leg].order_id)
    assert [each.quantity for each in pair.pending] == [Decimal("0.5")] * 2
    assert [len(each.amendments) for each in pair.pending] == [1, 1]
    assert bench.balance(one, "LTC") == (Decimal("0.5"), Decimal("0.5"))
    with pytest.raises(VenueError, match="would change no state"):
        bench.venue.amend_order(one, bench.symbol, Decimal("0.5"), pair.pending[1 - leg].order_id)


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (("LIMIT_MAKER", "99", None), ("STOP_LOSS", None, "90")),
        (("LIMIT_MAKER", "110", None), ("STOP_LOSS", None, "101")),
        (("TAKE_PROFIT", None, "100"), ("STOP_LOSS_LIMIT", "89", "90")),
    ],
)
def test_prices_on_the_wrong_side_are_refused(
    bench: "Bench", one: Account, above: Any, below: Any
) -> None:
    legs = [terms(bench, kind, Side.SELL, price, stop) for kind, price, stop in (above, below)]
    with pytest.raises(VenueError, match="The relationship of the prices"):
        place(bench, one, legs)
    assert bench.balance(one, "LTC") == (1, 0)


def test_two_orders_of_a_kind_are_no_pair(bench: "Bench", one: Account) -> None:
    legs = [
        terms(bench, "LIMIT_MAKER", Side.SELL, "110"),
        terms(bench, "TAKE_PROFIT", Side.SELL, None, "120"),
    ]
    with pytest.raises(VenueError, match="Unsupported order combination"):
        place(bench, one, legs)


def test_the_first_order_releases_the_pair(
    bench: "Bench", one: Account, listener: Listener
) -> None:
    events = listener(one)
    bracket = place(bench, one, sell_pair(bench), terms(bench, "LIMIT", Side.BUY, "99"))
    assert statuses(bracket) == [Status.NEW, Status.PENDING_NEW, Status.PENDING_NEW]
    assert bench.balance(one, "USDT") == (901, 99)
    assert bench.balance(one, "LTC") == (1, 0)
    seller = bench.account("seller")
    bench.sell(seller, "0.5", "99")
    assert statuses(bracket)[1:] == [Status.PENDING_NEW, Status.PENDING_NEW]
    bench.sell(seller, "0.5", "99")
    assert statuses(bracket) == [Status.FILLED, Status.NEW, Status.NEW]
    assert bench.balance(one, "LTC") == (1, 1)
    bench.buy(bench.account("buyer"), "1", "110")
    assert statuses(bracket) == [Status.FILLED, Status.FILLED, Status.EXPIRED]
    assert bracket.is_done
    assert told(events) == [
        ("EXEC_STARTED", "EXECUTING"),
        ("NEW", "PENDING_NEW"),
        ("NEW", "PENDING_NEW"),
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "FILLED"),
        ("NEW", "NEW"),
        ("NEW", "NEW"),
        ("EXPIRED", "EXPIRED"),
        ("TRADE", "FILLED"),
        ("ALL_DONE", "ALL_DONE"),
    ]


def test_a_first_order_that_is_filled_at_once_releases_after_the_answer(
    bench: "Bench", one: Account
) -> None:
    bench.sell(bench.account("seller"), "1", "99")
    seen: list[Status] = []

    def look(order_list: OrderList) -> OrderList:
        seen.extend(statuses(order_list))
        return order_list

    request = NewOrderList(
        symbol=bench.symbol,
        client_id=None,
        working=terms(bench, "LIMIT", Side.BUY, "99"),
        pending=(terms(bench, "LIMIT", Side.SELL, "105"),),
        prefixes=("pending",),
    )
    placed = bench.venue.new_order_list(one, request, look)
    assert seen == [Status.FILLED, Status.PENDING_NEW]
    assert statuses(placed) == [Status.FILLED, Status.NEW]


def test_a_first_order_that_is_canceled_ends_all(bench: "Bench", one: Account) -> None:
    bracket = place(bench, one, sell_pair(bench), terms(bench, "LIMIT", Side.BUY, "99"))
    working = bracket.working
    assert working is not None
    bench.venue.cancel_order(one, bench.symbol, working.order_id)
    assert statuses(bracket) == [Status.CANCELED] * 3
    assert bench.balance(one, "USDT") == (1000, 0)


def test_a_first_order_that_expires_ends_all(bench: "Bench", one: Account) -> None:
    bench.sell(bench.account("seller"), "0.4", "99")
    working = NewOrder(
        symbol=bench.symbol,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(1),
        price=Decimal(99),
        time_in_force=TimeInForce.IOC,
    )
    bracket = place(bench, one, sell_pair(bench), working)
    assert statuses(bracket) == [Status.EXPIRED] * 3
    reasons = {order.expiry_reason for order in bracket.pending}
    assert reasons == {ExpiryReason.OTO_PHASE_ONE_EXPIRED}
    assert bracket.is_done


def test_a_released_order_without_funds_expires(bench: "Bench") -> None:
    poor = bench.account("poor", USDT="1000", LTC="0")
    pending = terms(bench, "LIMIT", Side.SELL, "105", quantity=Decimal(2))
    bracket = place(bench, poor, [pending], terms(bench, "LIMIT", Side.BUY, "99"))
    bench.sell(bench.account("seller"), "1", "99")
    assert statuses(bracket) == [Status.FILLED, Status.EXPIRED]
    assert bracket.pending[0].expiry_reason is ExpiryReason.REJECTED
    assert bench.balance(poor, "LTC") == (1, 0)


def test_ids_of_lists(bench: "Bench", one: Account) -> None:
    first = place(bench, one, sell_pair(bench), client_id="mine")
    bench.venue.cancel_order_list(one, bench.symbol, client_id="mine")
    second = place(bench, one, sell_pair(bench), client_id="mine")
    with pytest.raises(VenueError, match="Duplicate order sent"):
        place(bench, one, sell_pair(bench), client_id="mine")
    assert (first.list_id, second.list_id) == (0, 1)
    assert bench.venue.find_order_list(one, client_id="mine") is second
    assert bench.venue.find_order_list(one, first.list_id, "mine") is first
    with pytest.raises(VenueError, match="-2013"):
        bench.venue.find_order_list(one, first.list_id, "other")
