"""The order table against event histories in any order, doubled and cut."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.trading.order_change import Verdict, build_fill
from actors.trading.order_table import OrderTable
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, Side
from messages.orders import Execution, Order

SECOND_NS = 1_000_000_000
EXCHANGE = Exchanges.CUSTOM


def owner_of(client_order_id: str) -> str | None:
    return client_order_id.split("-")[1] if client_order_id.startswith("bot-") else None


def make_table(**bounds: int) -> OrderTable:
    return OrderTable(owner_of, **bounds)


def make_order(
    order_id: str = "a",
    quantity: str = "2.5",
    time_to_cancel: float | None = None,
    price: str = "100",
) -> Order:
    return Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        exchange=EXCHANGE,
        order_id=order_id,
        client_order_id=f"bot-maker-{order_id}",
        strategy="maker",
        quantity=Decimal(quantity),
        price=Decimal(price),
        time_to_cancel=time_to_cancel,
    )


def make_event(
    status: OrderStatus,
    executed: str = "0",
    trades: tuple[tuple[int, str], ...] = (),
    order_id: str = "a",
    client_order_id: str | None = None,
    exchange_order_id: int = 77,
    execution_id: int = 0,
) -> Order:
    """The venue's view; every trade is `(trade id, quantity)` at 100."""
    return Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        exchange=EXCHANGE,
        client_order_id=f"bot-maker-{order_id}" if client_order_id is None else client_order_id,
        exchange_order_id=exchange_order_id,
        quantity=Decimal("2.5"),
        status=status,
        executed_quantity=Decimal(executed),
        executed_quote_quantity=Decimal(executed) * 100,
        executions=[
            Execution(trade_id=trade_id, price=Decimal(100), quantity=Decimal(quantity))
            for trade_id, quantity in trades
        ],
        execution_id=execution_id,
    )


def test_new_and_filled_of_one_millisecond_are_both_told() -> None:
    table = make_table()
    table.add(make_order())
    first = table.on_venue_order(make_event(OrderStatus.NEW, execution_id=14045748), 5)
    second = table.on_venue_order(
        make_event(OrderStatus.FILLED, "2.5", ((1, "2.5"),), execution_id=14045750), 5
    )
    assert first.is_news
    assert first.is_acknowledged
    assert first.status_changed
    assert second.is_news
    assert second.is_ended
    assert not second.is_acknowledged
    assert [execution.quantity for execution in second.executions] == [Decimal("2.5")]
    order = table.get("a")
    assert order is not None
    assert order.status is OrderStatus.FILLED
    assert order.acknowledged_time_ns == 5


def test_three_trades_of_one_millisecond_are_three_fills() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_venue_order(make_event(OrderStatus.NEW), 5)
    fills = []
    for event in (
        make_event(OrderStatus.PARTIALLY_FILLED, "1", ((1, "1"),)),
        make_event(OrderStatus.PARTIALLY_FILLED, "2", ((2, "1"),)),
        make_event(OrderStatus.FILLED, "2.5", ((3, "0.5"),)),
    ):
        change = table.on_venue_order(event, 5)
        fills += [build_fill(order, execution) for execution in change.executions]
    assert [fill.trade_id for fill in fills] == [1, 2, 3]
    assert sum(fill.quantity for fill in fills) == Decimal("2.5")
    assert {fill.strategy for fill in fills} == {"maker"}
    assert {fill.exchange_order_id for fill in fills} == {77}


def test_filled_reply_before_the_stream_stays_filled() -> None:
    table = make_table()
    order = make_order(quantity="0.02")
    table.add(order)
    reply = make_event(OrderStatus.FILLED, "0.02", ((1, "0.008"), (2, "0.012")))
    assert len(table.on_venue_order(reply, 1).executions) == 2
    stream = [
        make_event(OrderStatus.NEW),
        make_event(OrderStatus.PARTIALLY_FILLED, "0.008", ((1, "0.008"),)),
        make_event(OrderStatus.FILLED, "0.02", ((2, "0.012"),)),
    ]
    verdicts = []
    for event in stream:
        change = table.on_venue_order(event, 2)
        verdicts.append(change.verdict)
        assert change.executions == ()
        assert not change.is_news
        assert order.status is OrderStatus.FILLED
        assert order.executed_quantity == Decimal("0.02")
        assert order.executed_quote_quantity == Decimal("2.00")
    assert verdicts == [Verdict.STALE, Verdict.STALE, Verdict.REPEATED]
    assert len(order.executions) == 2


def test_canceled_after_filled_is_counted_and_changes_nothing() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_venue_order(make_event(OrderStatus.NEW, execution_id=10), 1)
    ended = table.on_venue_order(make_event(OrderStatus.FILLED, "2.5", ((1, "2.5"),)), 2)
    late = table.on_venue_order(make_event(OrderStatus.CANCELED, execution_id=9), 3)
    assert ended.is_ended
    assert late.verdict is Verdict.CONTRADICTION
    assert not late.is_news
    assert not late.is_ended
    assert order.status is OrderStatus.FILLED
    assert table.counts[Verdict.CONTRADICTION] == 1


def test_an_execution_after_the_end_is_still_booked() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_venue_order(make_event(OrderStatus.CANCELED, "1"), 1)
    assert order.unbooked_quantity == 1
    change = table.on_venue_order(make_event(OrderStatus.PARTIALLY_FILLED, "1", ((9, "1"),)), 2)
    assert change.is_news
    assert not change.status_changed
    assert not change.quantity_changed
    assert [execution.trade_id for execution in change.executions] == [9]
    assert order.status is OrderStatus.CANCELED
    assert order.unbooked_quantity == 0


def test_both_sides_of_a_trade_with_ourselves_are_booked() -> None:
    table = make_table()
    table.add(make_order("a"))
    table.add(make_order("b"))
    for order_id, exchange_order_id in (("a", 1), ("b", 2)):
        event = make_event(
            OrderStatus.FILLED,
            "2.5",
            ((5, "2.5"),),
            order_id=order_id,
            exchange_order_id=exchange_order_id,
        )
        assert len(table.on_venue_order(event, 1).executions) == 1


def test_living_word_after_a_rejection_is_a_contradiction() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    refused = table.on_refused(order, Reason.VENUE, "Account has insufficient balance", -2010)
    assert refused.is_ended
    assert (order.reason, order.reason_code) == (Reason.VENUE, -2010)
    late = table.on_venue_order(make_event(OrderStatus.NEW), 1)
    assert late.verdict is Verdict.CONTRADICTION
    assert table.on_refused(order, Reason.VENUE, "again").verdict is Verdict.REPEATED


def test_events_match_by_exchange_order_id_where_the_client_id_is_missing() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_venue_order(make_event(OrderStatus.NEW), 1)
    change = table.on_venue_order(make_event(OrderStatus.CANCELED, client_order_id=""), 2)
    assert change.order is order
    assert order.status is OrderStatus.CANCELED
    assert table.find(EXCHANGE, "BTCUSDT", exchange_order_id=77) is order
    assert table.find(EXCHANGE, "BTCUSDT", "bot-maker-a") is order
    assert table.find(Exchanges.BINANCE, "BTCUSDT", "bot-maker-a", 77) is None


def test_an_order_under_our_name_is_adopted_and_others_are_not() -> None:
    table = make_table()
    manual = make_event(OrderStatus.NEW, client_order_id="manual-1", exchange_order_id=5)
    assert table.on_venue_order(manual, 1).verdict is Verdict.FOREIGN
    assert len(table) == 0
    event = make_event(OrderStatus.PARTIALLY_FILLED, "1", ((3, "1"),), order_id="lost")
    change = table.on_venue_order(event, 7)
    order = change.order
    assert change.verdict is Verdict.ADOPTED
    assert change.is_news
    assert order is not None
    assert (order.strategy, order.order_id) == ("maker", "bot-maker-lost")
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert order.acknowledged_time_ns == 7
    assert len(change.executions) == 1
    assert table.open_orders("maker") == [order]
    again = table.on_venue_order(event, 8)
    assert again.verdict is Verdict.REPEATED
    assert again.order is order


def test_what_the_venue_does_not_know_is_not_adopted() -> None:
    table = make_table()
    event = make_event(OrderStatus.NOT_FOUND, order_id="lost", exchange_order_id=0)
    assert table.on_venue_order(event, 1).verdict is Verdict.FOREIGN
    assert len(table) == 0


def test_a_doubled_order_is_adopted_beside_the_first() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_venue_order(make_event(OrderStatus.FILLED, "2.5", ((1, "2.5"),)), 1)
    twin_event = make_event(OrderStatus.FILLED, "2.5", ((2, "2.5"),), exchange_order_id=78)
    change = table.on_venue_order(twin_event, 2)
    assert change.verdict is Verdict.ADOPTED
    assert change.order is not None
    assert change.order is not order
    assert change.order.order_id == "bot-maker-a#78"
    assert len(change.executions) == 1
    assert len(order.executions) == 1
    assert table.on_venue_order(twin_event, 3).verdict is Verdict.REPEATED
    assert table.find(EXCHANGE, "BTCUSDT", "bot-maker-a") is order


def test_a_refused_cancel_brings_back_the_last_word() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_venue_order(make_event(OrderStatus.NEW), 1)
    table.on_cancel_requested(order, Reason.TIME_TO_CANCEL)
    assert [item.status for item in table.open_orders()] == [OrderStatus.PENDING_CANCEL]
    partial = table.on_venue_order(make_event(OrderStatus.PARTIALLY_FILLED, "1", ((1, "1"),)), 2)
    assert partial.quantity_changed
    assert not partial.status_changed
    assert order.is_open
    assert table.on_cancel_refused(order).status_changed
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert table.on_cancel_refused(order).verdict is Verdict.STALE
    table.on_cancel_requested(order)
    table.on_venue_order(make_event(OrderStatus.FILLED, "2.5", ((2, "1.5"),)), 5)
    assert not table.on_cancel_refused(order).is_news
    assert order.status.is_terminal


def test_a_refused_cancel_of_an_order_without_a_word_leaves_it_unknown() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_unknown(order, "timed out")
    table.on_cancel_requested(order)
    table.on_cancel_refused(order)
    assert order.status is OrderStatus.UNKNOWN
    assert order.is_open


def test_unknown_and_not_found_end_with_any_word_of_the_venue() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    assert table.on_unknown(order, "timed out", -1007).status_changed
    assert order.reason is Reason.OUTCOME_UNKNOWN
    assert table.open_orders() == [order]
    assert table.on_not_found(order, "Order does not exist.", -2013).status_changed
    assert table.open_orders() == []
    change = table.on_venue_order(make_event(OrderStatus.NEW), 9)
    assert change.status_changed
    assert change.is_acknowledged
    assert table.open_orders() == [order]
    assert table.on_unknown(order, "late").verdict is Verdict.STALE
    # Of an order that the venue has acknowledged a denial must be proven first; whoever says it here has done that.
    assert table.on_not_found(order, "denied for good").status_changed
    assert table.open_orders() == []
    assert table.on_venue_order(make_event(OrderStatus.PARTIALLY_FILLED, "1"), 10).status_changed
    table.on_not_found(order, "denied for good")
    assert table.on_venue_order(make_event(OrderStatus.NEW), 11).status_changed
    assert order.status is OrderStatus.PARTIALLY_FILLED, (
        "an early word, told late, takes nothing back"
    )
    table.on_venue_order(make_event(OrderStatus.CANCELED, "1"), 12)
    change = table.on_not_found(order, "archived")
    assert change.verdict is Verdict.STALE
    assert change.order is not None
    assert change.order.status is OrderStatus.CANCELED


def test_the_reason_of_a_doubt_goes_with_the_doubt() -> None:
    table = make_table()
    order = make_order()
    table.add(order)
    table.on_unknown(order, "timed out", -1007)
    table.on_venue_order(make_event(OrderStatus.NEW), 9)
    assert (order.reason, order.reason_text, order.reason_code) == (Reason.NONE, "", 0)


def test_ids_are_never_used_twice() -> None:
    table = make_table(keep_closed=0)
    table.add(make_order())
    with pytest.raises(ValueError, match="never used twice"):
        table.add(make_order())
    table.on_venue_order(make_event(OrderStatus.CANCELED), 1)
    assert table.get("a") is None
    with pytest.raises(ValueError, match="never used twice"):
        table.add(make_order())
    for orders in ([make_order("b"), make_order("a")], [make_order("b"), make_order("b")]):
        with pytest.raises(ValueError, match="never used twice"):
            table.add_all(orders)
        assert table.count_open() == 0, "all or none"
    nameless = make_order("b")
    nameless.client_order_id = ""
    with pytest.raises(ValueError, match="client order id"):
        table.add(nameless)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_time_to_cancel_is_above_zero(seconds: float) -> None:
    with pytest.raises(ValueError, match="time_to_cancel"):
        make_table().add(make_order(time_to_cancel=seconds))


def test_questions_for_risk() -> None:
    table = make_table()
    for order_id, quantity, price in (("a", "1", "100"), ("b", "2", "90"), ("c", "3", "80")):
        table.add(make_order(order_id, quantity=quantity, price=price))
    market = make_order("d", quantity="1", price="0")
    table.add(market)
    by_amount = make_order("e", quantity="0", price="0")
    by_amount.quote_quantity = Decimal(50)
    table.add(by_amount)
    sale = make_order("f", quantity="4")
    sale.side = Side.SELL
    table.add(sale)
    table.on_venue_order(make_event(OrderStatus.PARTIALLY_FILLED, "0.25", ((1, "0.25"),)), 1)
    assert len(table.open_orders()) == 6
    assert len(table.open_orders("maker", EXCHANGE, "BTCUSDT")) == 6
    assert table.open_orders("other") == []
    assert table.open_orders(symbol="ETHUSDT") == []
    assert table.open_quantity(EXCHANGE, "BTCUSDT", Side.BUY) == Decimal("6.75")
    assert table.open_quantity(EXCHANGE, "BTCUSDT", Side.SELL) == 4


def test_memory_is_bounded_and_late_words_are_known_for_a_while() -> None:
    table = make_table(keep_closed=2, remember_closed=3)
    orders = [make_order(str(number)) for number in range(10)]
    for number, order in enumerate(orders):
        order.decided_on = b"tick"
        table.add(order)
        event = make_event(
            OrderStatus.CANCELED, order_id=str(number), exchange_order_id=100 + number
        )
        table.on_venue_order(event, number)
    assert len(table) == 2
    assert table.get("9") is orders[9]
    assert orders[9].decided_on == b"tick"
    assert table.get("6") is None
    late = make_event(OrderStatus.CANCELED, "1", ((4, "1"),), order_id="6", exchange_order_id=106)
    change = table.on_venue_order(late, 20)
    assert change.order is orders[6]
    assert len(change.executions) == 1
    assert table.on_venue_order(late, 21).verdict is Verdict.REPEATED
    assert table.find(EXCHANGE, "BTCUSDT", "bot-maker-1") is None
    assert table.find(EXCHANGE, "BTCUSDT", "", 101) is None
    assert len(table._by_client_id) == len(table._by_exchange_id) == 5


def test_an_order_not_found_that_left_the_table_returns_when_the_venue_names_it() -> None:
    table = make_table(keep_closed=0)
    order = make_order()
    table.add(order)
    table.on_unknown(order, "timed out")
    table.on_not_found(order, "asked too early")
    assert table.get("a") is None
    table.on_venue_order(make_event(OrderStatus.NEW), 3)
    assert table.get("a") is order
    assert table.open_orders() == [order]


# Any order of arrival.

ENDS = [
    None,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.EXPIRED_IN_MATCH,
]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Order], OrderStatus, Decimal, dict[int, Decimal]]:
    """A legal history, the status it ends in, what it executes, and its trades by id."""
    end = draw(st.sampled_from(ENDS))
    sizes = draw(
        st.lists(st.integers(1, 5), min_size=1 if end is OrderStatus.FILLED else 0, max_size=5)
    )
    events = [make_event(OrderStatus.NEW)]
    trades: dict[int, Decimal] = {}
    total = Decimal(0)
    for trade_id, size in enumerate(sizes):
        quantity = Decimal(size) / 10
        total += quantity
        trades[trade_id] = quantity
        is_last = end is OrderStatus.FILLED and trade_id == len(sizes) - 1
        status = OrderStatus.FILLED if is_last else OrderStatus.PARTIALLY_FILLED
        events.append(make_event(status, str(total), ((trade_id, str(quantity)),)))
    if end is not None and end is not OrderStatus.FILLED:
        events.append(make_event(end, str(total)))
    final = end or (OrderStatus.PARTIALLY_FILLED if trades else OrderStatus.NEW)
    if draw(st.booleans()):  # the reply of the request tells everything at once
        told = tuple((trade_id, str(quantity)) for trade_id, quantity in trades.items())
        events.append(make_event(final, str(total), told))
    if draw(st.booleans()):  # a query's answer has no trades
        events.append(make_event(final, str(total)))
    doubled = events + draw(st.lists(st.sampled_from(events), max_size=4))
    return draw(st.permutations(doubled)), final, total, trades


@settings(max_examples=200, deadline=None)
@given(histories())
def test_any_order_of_arrival_ends_the_same(
    history: tuple[list[Order], OrderStatus, Decimal, dict[int, Decimal]],
) -> None:
    events, status, total, trades = history
    table = make_table()
    order = make_order()
    table.add(order)
    told: dict[int, Decimal] = {}
    ends = 0
    for now_ns, event in enumerate(events):
        change = table.on_venue_order(event, now_ns)
        for execution in change.executions:
            assert execution.trade_id not in told
            told[execution.trade_id] = execution.quantity
        ends += change.is_ended
        assert change.is_news or not (change.executions or change.status_changed)
    assert order.status is status
    assert order.executed_quantity == total
    assert order.executed_quote_quantity == total * 100
    assert told == trades
    assert ends == status.is_terminal
    assert table.counts[Verdict.CONTRADICTION] == 0
    assert (table.open_orders() == [order]) == (not status.is_terminal)


OWN_WORDS = ["request cancel", "refuse cancel", "unknown", "not found"]


@settings(max_examples=200, deadline=None)
@given(histories(), st.lists(st.tuples(st.integers(0, 12), st.sampled_from(OWN_WORDS)), max_size=6))
def test_our_own_words_never_outweigh_the_venue(
    history: tuple[list[Order], OrderStatus, Decimal, dict[int, Decimal]],
    own_words: list[tuple[int, str]],
) -> None:
    events, status, total, trades = history
    table = make_table()
    order = make_order()
    table.add(order)
    told = 0
    for now_ns, event in enumerate(events):
        for word in (word for moment, word in own_words if moment == now_ns):
            if word == "request cancel":
                table.on_cancel_requested(order)
            elif word == "refuse cancel":
                table.on_cancel_refused(order)
            elif word == "unknown":
                table.on_unknown(order, "timed out")
            else:
                table.on_not_found(order, "lagging")
        told += len(table.on_venue_order(event, now_ns).executions)
    if not status.is_terminal:
        table.on_cancel_refused(order)
    assert order.status is status
    assert order.venue_status is status
    assert order.executed_quantity == total
    assert told == len(trades)
