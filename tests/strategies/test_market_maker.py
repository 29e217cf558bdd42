"""The market maker by single cases: where it quotes, when it renews, and how it keeps its pace."""

from decimal import Decimal
from typing import Any

import pytest

from actors.strategies.market_maker import MAX_PAUSE_S, MarketMaker
from actors.testing import START_TIME_NS, make_book_ticker, make_instrument, make_order_update
from messages.account import Position
from messages.base import Message
from messages.control import Resync, TimerFired
from messages.enums import Exchanges, FeedState, OrderStatus, OrderType, Reason, Side
from messages.market import FeedStatus
from messages.orders import CancelOrder, OrderUpdate, PlaceOrder

SYMBOL = "BTCUSDT"
SECOND_NS = 1_000_000_000


def make_maker(**changes: Any) -> MarketMaker:
    """Quotes 1 with a spread of a hundredth, at most 3 of it held."""
    arguments = {
        "symbol": SYMBOL,
        "quantity": Decimal(1),
        "spread": 0.01,
        "maximum_inventory": Decimal(3),
        "time_to_cancel": 10.0,
    }
    return MarketMaker(**{**arguments, **changes})


def tick(maker: MarketMaker, mid: float = 100.0, after_s: float = 0.0) -> list[Message]:
    """A ticker with this mid, `after_s` later than the last; what it made the maker send."""
    before = len(maker.outbox)
    now_ns = max(maker.now_ns, START_TIME_NS) + round(after_s * SECOND_NS)
    maker.handle(make_book_ticker(mid - 0.01, mid + 0.01), now_ns)
    return maker.outbox[before:]


def tell(maker: MarketMaker, message: Message) -> list[Message]:
    """Hands it a message; what it made the maker send."""
    before = len(maker.outbox)
    maker.handle(message, maker.now_ns)
    return maker.outbox[before:]


def make_position(quantity: str) -> Position:
    """What is held."""
    return Position(
        strategy="MarketMaker",
        exchange=Exchanges.BINANCE,
        symbol=SYMBOL,
        quantity=Decimal(quantity),
        average_price=Decimal(100),
    )


def update_of(placed: Message, status: OrderStatus, executed: str = "0") -> OrderUpdate:
    """What the order manager says of an order that the maker placed."""
    assert isinstance(placed, PlaceOrder)
    return make_order_update(
        placed.order_id,
        status,
        side=placed.side,
        order_type=placed.order_type,
        quantity=placed.quantity,
        executed_quantity=Decimal(executed),
        price=placed.price or Decimal(0),
    )


def test_begins_with_the_bid_alone() -> None:
    maker = make_maker()
    (bid,) = tick(maker)
    assert isinstance(bid, PlaceOrder)
    assert (bid.side, bid.order_type, bid.quantity) == (
        Side.BUY,
        OrderType.LIMIT_MAKER,
        Decimal(1),
    )
    assert bid.price is not None
    assert float(bid.price) == pytest.approx(99.5)
    assert bid.time_to_cancel == 10.0
    assert tick(maker, after_s=5) == []


@pytest.mark.parametrize("position_first", [True, False])
def test_offers_what_it_has_bought(position_first: bool) -> None:
    maker = make_maker()
    (bid,) = tick(maker)
    told = [update_of(bid, OrderStatus.FILLED, "1"), make_position("0.999")]
    sent = []
    maker.now_ns += SECOND_NS
    for message in reversed(told) if position_first else told:
        sent += tell(maker, message)
    sides = {item.side: item for item in sent if isinstance(item, PlaceOrder)}
    assert len(sent) == 2
    assert sides[Side.SELL].quantity == Decimal("0.999")
    assert float(sides[Side.SELL].price or 0) == pytest.approx(100.5)
    assert sides[Side.BUY].quantity == 1


def test_renews_when_the_mid_has_moved_and_the_old_quote_is_gone() -> None:
    maker = make_maker()
    (bid,) = tick(maker)
    tell(maker, update_of(bid, OrderStatus.NEW))
    assert tick(maker, 100.2, after_s=1) == []  # the threshold is a quarter of the spread
    assert [type(item) for item in tick(maker, 100.3, after_s=1)] == [CancelOrder]
    assert tick(maker, 100.9, after_s=1) == []
    (renewed,) = tell(maker, update_of(bid, OrderStatus.CANCELED))
    assert isinstance(renewed, PlaceOrder)
    assert float(renewed.price or 0) == pytest.approx(100.9 * 0.995)


def test_renews_when_the_time_of_a_quote_is_over() -> None:
    maker = make_maker()
    (bid,) = tick(maker)
    maker.now_ns += 10 * SECOND_NS
    pending = update_of(bid, OrderStatus.PENDING_CANCEL)
    pending.reason = Reason.TIME_TO_CANCEL
    assert tell(maker, pending) == []
    assert [type(item) for item in tell(maker, update_of(bid, OrderStatus.CANCELED))] == [
        PlaceOrder
    ]


def test_stops_buying_at_its_inventory() -> None:
    maker = make_maker()
    tell(maker, make_position("2.5"))
    assert [item.side for item in tick(maker) if isinstance(item, PlaceOrder)] == [Side.SELL]


def test_dust_is_not_offered() -> None:
    maker = make_maker()
    tell(maker, make_instrument())
    tell(maker, make_position("0.04"))  # worth 4
    assert [item.side for item in tick(maker) if isinstance(item, PlaceOrder)] == [Side.BUY]


def test_a_refused_side_pauses_longer_each_time_and_comes_back_by_itself() -> None:
    maker = make_maker(retry_s=1.0)
    (bid,) = tick(maker)
    for wait_s in (1.0, 2.0, 4.0, 8.0, 16.0, MAX_PAUSE_S, MAX_PAUSE_S):
        assert tell(maker, update_of(bid, OrderStatus.REJECTED)) == []
        for _ in range(50):
            assert tick(maker) == []
        assert tick(maker, after_s=wait_s - 0.001) == []
        ((number, timer),) = maker._timers.items()
        assert timer.due_ns == maker.now_ns + 1_000_000
        before = len(maker.outbox)
        maker.handle(TimerFired(target=maker.name, timer=number), timer.due_ns)
        (bid,) = maker.outbox[before:]
    tell(maker, update_of(bid, OrderStatus.NEW))
    tell(maker, update_of(bid, OrderStatus.CANCELED))
    (bid,) = tick(maker, after_s=1)
    tell(maker, update_of(bid, OrderStatus.REJECTED))
    assert [type(item) for item in tick(maker, after_s=1)] == [PlaceOrder]


def test_a_refused_cancel_is_not_repeated_at_once() -> None:
    maker = make_maker()
    (bid,) = tick(maker)
    tell(maker, update_of(bid, OrderStatus.NEW))
    tick(maker, 101.0, after_s=1)
    refused = update_of(bid, OrderStatus.NEW)
    refused.reason = Reason.CANCEL_REFUSED
    assert tell(maker, refused) == []
    assert tick(maker, 102.0, after_s=0.5) == []
    assert [type(item) for item in tick(maker, 102.0, after_s=0.6)] == [CancelOrder]


def test_quotes_at_a_bounded_pace_whoever_ends_them() -> None:
    maker = make_maker(requote_interval_s=0.1)
    (bid,) = tick(maker)
    placements = 1
    for _ in range(1000):  # one second, a thousand words
        sent = tell(maker, update_of(bid, OrderStatus.CANCELED)) + tick(maker, after_s=0.001)
        placements += len(sent)
        bid = sent[-1] if sent else bid
    assert placements <= 12


@pytest.mark.parametrize(
    "state", [FeedState.STALE, FeedState.GAP, FeedState.DISCONNECTED, FeedState.UNRECOGNISED]
)
def test_withdraws_while_the_feed_is_not_live(state: FeedState) -> None:
    maker = make_maker()
    (bid,) = tick(maker)
    tell(maker, update_of(bid, OrderStatus.NEW))
    status = FeedStatus(exchange=Exchanges.BINANCE, symbol=SYMBOL, state=state)
    assert [type(item) for item in tell(maker, status)] == [CancelOrder]
    assert tell(maker, status) == []
    assert tell(maker, update_of(bid, OrderStatus.CANCELED)) == []
    assert tick(maker, after_s=1) == []
    status.state = FeedState.LIVE
    assert tell(maker, status) == []  # the old mid is not quoted on again
    assert [type(item) for item in tick(maker, after_s=1)] == [PlaceOrder]


@pytest.mark.parametrize(("bid", "ask"), [(0.0, 100.0), (100.0, 0.0), (101.0, 100.0)])
def test_a_book_without_a_side_or_crossed_has_no_price(bid: float, ask: float) -> None:
    maker = make_maker()
    maker.handle(make_book_ticker(bid, ask))
    assert maker.outbox == []
    tick(maker)
    assert len(maker.outbox) == 1
    maker.handle(make_book_ticker(bid, ask))
    assert isinstance(maker.outbox[-1], CancelOrder)


def test_does_not_trade_with_itself() -> None:
    maker = make_maker()
    tell(maker, make_position("3"))
    (offer,) = tick(maker)
    assert isinstance(offer, PlaceOrder)
    tell(maker, update_of(offer, OrderStatus.NEW))
    tell(maker, make_position("1"))
    # The market has risen above the offer, whose cancel is on its way: no bid at or above it yet.
    sent = tick(maker, 110.0, after_s=1)
    assert CancelOrder in [type(item) for item in sent]
    assert not [item for item in sent if isinstance(item, PlaceOrder) and item.side is Side.BUY]


def test_withdraws_the_quotes_of_an_earlier_instance() -> None:
    maker = make_maker()
    assert maker.may_restart()
    orders = [
        make_order_update("MarketMaker-0-1", OrderStatus.NEW, side=Side.BUY).order,
        make_order_update("MarketMaker-0-2", OrderStatus.NEW, side=Side.SELL).order,
        make_order_update("MarketMaker-0-3", OrderStatus.NEW, symbol="ETHUSDT").order,
    ]
    resync = Resync(
        target="MarketMaker",
        positions=[make_position("1")],
        open_orders=orders,
        has_traded=True,
        is_restart=True,
    )
    sent = tell(maker, resync)
    assert [item.order_id for item in sent if isinstance(item, CancelOrder)] == [
        "MarketMaker-0-1",
        "MarketMaker-0-2",
    ]
    assert maker.may_restart()
    assert tick(maker) == []
    for order in orders[:2]:
        order.status = OrderStatus.CANCELED
        tell(maker, OrderUpdate(strategy="MarketMaker", order=order))
    assert [item.side for item in maker.outbox[2:] if isinstance(item, PlaceOrder)] == [
        Side.BUY,
        Side.SELL,
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("symbol", " BTCUSDT"),
        ("quantity", Decimal(0)),
        ("quantity", Decimal(-1)),
        ("spread", 0.0),
        ("spread", -0.1),
        ("spread", 1.0),
        ("spread", float("nan")),
        ("time_to_cancel", 0.0),
        ("time_to_cancel", -1.0),
        ("requote_threshold", 0.0),
        ("requote_threshold", -1.0),
        ("maximum_inventory", Decimal(0)),
        ("maximum_inventory", Decimal("0.5")),
        ("requote_interval_s", 0.0),
        ("retry_s", 0.0),
        ("retry_s", -5.0),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=key):
        make_maker(**{key: value})


def test_absent_means_the_documented_default() -> None:
    maker = MarketMaker(SYMBOL, Decimal(2))
    assert maker.time_to_cancel is None
    assert maker.maximum_inventory == 10
    assert maker.requote_threshold == pytest.approx(maker.spread / 4)
