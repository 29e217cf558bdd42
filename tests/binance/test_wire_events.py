"""Events of the user stream, typed."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.binance.wire_events import (
    AccountPosition,
    BalanceChange,
    ExternalLock,
    ListStatus,
    ServerShutdown,
    StreamTerminated,
    UserEventDecoder,
)
from actors.binance.wire_orders import ExecutionReport
from messages.enums import Exchanges

EXAMPLES = Path(__file__).parents[1] / "data" / "binance-examples.jsonl"


def event_at(line: int) -> bytes:
    """The event printed at a line of user-data-stream.md."""
    for text in EXAMPLES.read_text(encoding="utf-8").splitlines():
        item: dict[str, Any] = json.loads(text)
        if item["file"] == "user-data-stream.md" and item["line"] == line:
            return msgspec.json.encode(item["value"]["event"])
    raise AssertionError(f"no example at line {line}")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (34, AccountPosition),
        (61, BalanceChange),
        (79, ExecutionReport),
        (280, ListStatus),
        (335, StreamTerminated),
        (351, ExternalLock),
    ],
)
def test_every_documented_event_has_its_type(line: int, kind: type) -> None:
    assert isinstance(UserEventDecoder().decode(event_at(line)), kind)


def test_a_server_shutdown_is_known() -> None:
    event = UserEventDecoder().decode(b'{"e":"serverShutdown","E":1770123456789}')
    assert event == ServerShutdown(event_time=1770123456789)


def test_a_position_becomes_absolute_balances() -> None:
    position = UserEventDecoder().decode(
        b'{"e":"outboundAccountPosition","E":2,"u":1564034571073,"B":'
        b'[{"a":"ETH","f":"10000.000000","l":"0.5"},{"a":"BTC","f":"0","l":"0"}]}'
    )
    assert isinstance(position, AccountPosition)
    first, second = position.to_balances(Exchanges.CUSTOM)
    assert (first.asset, first.free, first.locked) == ("ETH", Decimal(10000), Decimal("0.5"))
    assert first.event_time_ns == 1564034571073000000
    assert first.exchange is Exchanges.CUSTOM
    assert second.total == 0


def test_unknown_events_are_counted_and_nothing_else() -> None:
    decoder = UserEventDecoder()
    for event in (b'{"e":"astrology","x":[1,2]}', b'{"e":"astrology"}', b'{"z":1}'):
        assert decoder.decode(event) is None
    assert decoder.ignored == {"astrology": 2, "without type": 1}


@pytest.mark.parametrize("event", [b"{", b"[]", b'{"e":"balanceUpdate"}'])
def test_what_is_no_event_raises_value_error(event: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        UserEventDecoder().decode(event)
