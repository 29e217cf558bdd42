"""Messages to bytes and back: every class, the frozen header, and what a venue may add."""

import enum
import types
import typing
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.base import HEADER_FIELDS, Message
from messages.catalogue import leaf_classes
from messages.codec import class_name_of, decoder_of, encode, union_decoder
from messages.control import Gap
from messages.enums import Exchanges, KlineInterval, OrderStatus, OrderType, Side
from messages.market import Trade
from messages.orders import Execution, Fill, Order, OrderUpdate

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=20),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of one annotated type of a message's field."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values_of(argument) for argument in arguments])
    if origin is list:
        return st.lists(values_of(arguments[0]), max_size=2)
    if origin is tuple:
        return st.tuples(*[values_of(argument) for argument in arguments])
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=2)
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    assert issubclass(kind, msgspec.Struct), kind
    fields = msgspec.structs.fields(kind)
    return st.builds(kind, **{field.name: values_of(field.type) for field in fields})


@pytest.mark.parametrize("message_class", leaf_classes(), ids=lambda item: item.__name__)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_message_survives_the_wire(message_class: type[Message], data: st.DataObject) -> None:
    message = data.draw(values_of(message_class))
    frame = encode(message)
    assert decoder_of(message_class).decode(frame) == message
    assert union_decoder(leaf_classes()).decode(frame) == message
    assert class_name_of(frame) == message_class.__name__


GOLDEN = [
    (
        Trade(
            sender="feed",
            number=(7 << 40) | 1,
            cause_sender="maker",
            cause_number=2,
            time_ns=3,
            origin_time_ns=4,
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            trade_id=5,
            price=61837.63,
            quantity=0.02,
            buyer_is_maker=True,
            trade_time_ns=1723161255342000000,
        ),
        "dc0010a55472616465a466656564cf0000070000000001a56d616b6572020304a742494e414e4345a742544355534454"
        "05cb40ee31b428f5c28fcb3f947ae147ae147bc3cf17e9e608336047800000",
    ),
    (
        Gap(target="maker", message_class="Trade", key=["BINANCE", "BTCUSDT"], count=3),
        "9ba3476170a000a0000000a56d616b6572a5547261646592a742494e414e4345a74254435553445403",
    ),
    (
        Fill(
            sender="feed",
            number=(7 << 40) | 1,
            cause_sender="maker",
            cause_number=2,
            time_ns=3,
            origin_time_ns=4,
            strategy="maker",
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            order_id="a",
            client_order_id="b",
            exchange_order_id=9,
            trade_id=8,
            side=Side.SELL,
            price=Decimal("61837.63000000"),
            quantity=Decimal("0.02"),
            fee=Decimal("0.00000001"),
            fee_asset="BNB",
            is_maker=True,
        ),
        "dc0015a446696c6ca466656564cf0000070000000001a56d616b6572020304a56d616b6572a742494e414e4345a742544355"
        "534454a161a1620908a453454c4cae36313833372e3633303030303030a4302e3032a431452d38a3424e42c300",
    ),
]


@pytest.mark.parametrize(("message", "golden"), GOLDEN, ids=lambda item: type(item).__name__)
def test_the_bytes_of_old_frames_still_say_the_same(message: Message, golden: str) -> None:
    assert encode(message).hex() == golden
    assert decoder_of(type(message)).decode(bytes.fromhex(golden)) == message


def test_the_header_is_frozen() -> None:
    header = ("sender", "number", "cause_sender", "cause_number", "time_ns", "origin_time_ns")
    assert header == HEADER_FIELDS
    for message_class in leaf_classes():
        assert message_class.__struct_fields__[:6] == header
        assert message_class.__struct_defaults__[:6] == ("", 0, "", 0, 0, 0)


def test_an_unknown_value_of_an_enumeration_stops_no_decoder() -> None:
    order = Order(side=Side.BUY, order_type=OrderType.LIMIT, symbol="BTCUSDT")
    wire = msgspec.msgpack.decode(encode(order))
    names = ("class_name", *Order.__struct_fields__)
    changes = {
        "side": "BORROW",
        "order_type": "PEGGED",
        "exchange": "SOMEWHERE",
        "time_in_force": "GTX",
        "status": "FROZEN",
        "venue_status": "FROZEN",
        "execution_type": "TELEPORT",
        "reason": "BECAUSE",
    }
    for name, value in changes.items():
        wire[names.index(name)] = value
    decoded = decoder_of(Order).decode(msgspec.msgpack.encode(wire))
    assert decoded.side is Side.UNRECOGNISED
    assert decoded.order_type is OrderType.UNRECOGNISED
    assert decoded.exchange is Exchanges.UNRECOGNISED
    assert decoded.status is OrderStatus.UNKNOWN
    assert decoded.venue_status is OrderStatus.UNKNOWN
    assert {str(decoded.time_in_force), str(decoded.execution_type), str(decoded.reason)} == {
        "UNRECOGNISED"
    }


def test_what_is_no_text_is_still_refused_by_an_enumeration() -> None:
    with pytest.raises(ValueError, match="5 is not a valid Side"):
        Side(cast(str, 5))
    with pytest.raises(ValueError, match="5 is not a valid OrderStatus"):
        OrderStatus(cast(str, 5))
    assert KlineInterval("7m") is KlineInterval.UNRECOGNISED


def test_a_frame_with_fields_of_a_later_version_is_read() -> None:
    wire = msgspec.msgpack.decode(encode(GOLDEN[1][0]))
    frame = msgspec.msgpack.encode([*wire, "a later field", 7])
    assert decoder_of(Gap).decode(frame) == GOLDEN[1][0]


def test_a_frame_that_lacks_later_fields_takes_their_defaults() -> None:
    fill = GOLDEN[2][0]
    wire = msgspec.msgpack.decode(encode(fill))
    decoded = decoder_of(Fill).decode(msgspec.msgpack.encode(wire[:-4]))
    assert (decoded.fee, decoded.fee_asset, decoded.is_maker) == (Decimal(0), "", False)


def test_a_receiver_may_change_its_copy_and_a_sender_its_own() -> None:
    order = Order(side=Side.BUY, order_type=OrderType.LIMIT, symbol="BTCUSDT")
    frame = encode(OrderUpdate(strategy="maker", order=order))
    order.status = OrderStatus.FILLED
    order.executions.append(Execution(trade_id=1, price=Decimal(1), quantity=Decimal(1)))
    first, second = decoder_of(OrderUpdate).decode(frame), decoder_of(OrderUpdate).decode(frame)
    first.order.symbol = "ETHUSDT"
    first.order.executions.append(Execution(trade_id=2, price=Decimal(1), quantity=Decimal(1)))
    assert second.order == Order(side=Side.BUY, order_type=OrderType.LIMIT, symbol="BTCUSDT")
    assert decoder_of(OrderUpdate).decode(encode(first)) == first


def test_defaults_are_not_shared_between_messages() -> None:
    for message_class in leaf_classes():
        for field in msgspec.structs.fields(message_class):
            assert not isinstance(field.default, list | dict | set)


@pytest.mark.parametrize(
    "frame", [b"", b"\x90", b"\x91", b"\x91\x05", b"\x91\xa5ab", b"\x91\xa2\xff\xfe"]
)
def test_what_is_no_message_has_no_class_name(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an encoded message|class name"):
        class_name_of(frame)


def test_a_decoder_takes_no_other_class() -> None:
    frame = encode(GOLDEN[1][0])
    with pytest.raises(msgspec.ValidationError):
        decoder_of(Trade).decode(frame)
    with pytest.raises(msgspec.ValidationError):
        union_decoder([Trade, Fill]).decode(frame)


def test_two_classes_of_one_name_have_no_common_decoder() -> None:
    twin = type("Trade", (Message,), {}, kw_only=True)
    with pytest.raises(TypeError):
        union_decoder([Trade, twin])
