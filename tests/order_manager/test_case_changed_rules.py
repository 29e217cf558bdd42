"""Rules of a symbol that change while the bot trades: the next order goes by the new ones, and no other symbol notices."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.binance.wire_info import decode_exchange_info, instruments_of
from actors.testing import make_book_ticker, make_instrument
from messages.enums import OrderStatus, Reason, Side
from messages.orders import CancelOrderRequest, NewOrderRequest
from tests.order_manager.desk import GATEWAY, Desk, all_of, only, refusal_of


def test_the_next_order_is_rounded_by_the_new_steps() -> None:
    desk = Desk().start()
    before = only(desk.place(Side.BUY, "1.23456", "99.87"), NewOrderRequest).order
    assert (before.price, before.quantity) == (Decimal("99.87"), Decimal("1.23456"))
    desk.tell(make_instrument(tick_size="0.5", lot_size="0.01"), GATEWAY)
    after = only(desk.place(Side.BUY, "1.23456", "99.87"), NewOrderRequest).order
    assert (after.price, after.quantity) == (Decimal("99.5"), Decimal("1.23"))


def test_what_is_held_is_sold_by_the_new_step_and_the_rest_stays() -> None:
    desk = Desk().start()
    desk.buy_filled("1.23456")
    desk.tell(make_instrument(lot_size="0.1"), GATEWAY)
    sale = only(desk.close_position(), NewOrderRequest).order
    assert sale.quantity == Decimal("1.2")
    assert desk.position() == Decimal("1.23456"), "nothing is written off"


@pytest.mark.parametrize(
    ("rules", "parts"),
    [
        ({"market_max_quantity": Decimal(4)}, ["4", "4", "2"]),
        ({"max_quantity": Decimal(6)}, ["6", "4"]),
        ({"max_quantity": Decimal(6), "market_max_quantity": Decimal("3.5")}, ["3.5", "3.5", "3"]),
        (
            {"max_notional": Decimal(500), "max_notional_applies_to_market": True},
            ["4.5", "4.5", "1"],
        ),
        ({"max_notional": Decimal(500)}, ["10"]),
        ({"market_max_quantity": Decimal(10)}, ["10"]),
    ],
)
def test_more_than_one_market_order_may_be_is_closed_in_several(
    rules: dict[str, Any], parts: list[str]
) -> None:
    desk = Desk().start()
    desk.buy_filled("10")
    desk.tell(msgspec.structs.replace(make_instrument(), **rules), GATEWAY)
    desk.tell(make_book_ticker(99.0, 101.0), "feed")
    sales = [each.order for each in all_of(desk.close_position(), NewOrderRequest)]
    assert [str(order.quantity.normalize()) for order in sales] == [
        str(Decimal(part).normalize()) for part in parts
    ]
    for order in sales:
        desk.say(order, OrderStatus.FILLED, desk.fill(order, str(order.quantity)))
    assert desk.position() == 0


def test_a_close_makes_a_bounded_number_of_sales_and_another_goes_on() -> None:
    desk = Desk().start()
    desk.buy_filled("10")
    desk.tell(
        msgspec.structs.replace(make_instrument(), market_max_quantity=Decimal("0.3")), GATEWAY
    )
    for held in ("4", "0"):
        told = desk.close_position()
        for request in all_of(told, NewOrderRequest):
            order = request.order
            desk.say(order, OrderStatus.FILLED, desk.fill(order, str(order.quantity)))
        assert desk.position() == Decimal(held)


def test_a_precision_that_no_number_has_harms_nothing() -> None:
    for precision in (10**6, -3):
        info = {
            "symbols": [
                {
                    "symbol": "BTCUSDT",
                    "baseAsset": "BTC",
                    "quoteAsset": "USDT",
                    "status": "TRADING",
                    "orderTypes": ["MARKET"],
                    "quoteAssetPrecision": precision,
                }
            ]
        }
        (told,) = instruments_of(decode_exchange_info(msgspec.json.encode(info)))
        desk = Desk().start()
        desk.tell(told, GATEWAY)
        told_order = desk.place(quantity="0", price=None, quote_quantity=Decimal(10))
        assert only(told_order, NewOrderRequest).order.quote_quantity == 10


def test_a_higher_least_notional_refuses_new_orders_and_leaves_the_resting_ones() -> None:
    desk = Desk().start()
    resting = desk.place_accepted(Side.BUY, "1", "90")
    told = desk.tell(make_instrument(min_notional="1000"), GATEWAY)
    assert not all_of(told, CancelOrderRequest)
    assert refusal_of(desk.place(Side.BUY, "1", "90")) is Reason.NOTIONAL
    assert only(desk.cancel(resting.order_id), CancelOrderRequest)
