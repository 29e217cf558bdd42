"""Events of the user stream (user-data-stream.md), typed. An unknown one is counted, never an error."""

from typing import Any, get_args

import msgspec

from actors.binance.numbers import WireInteger, amount_of, nanoseconds_of
from actors.binance.wire_orders import ExecutionReport
from messages.account import Balance
from messages.enums import Exchanges


class AssetBalance(msgspec.Struct, rename={"asset": "a", "free": "f", "locked": "l"}):
    """One element of `B`: absolute figures."""

    asset: str
    free: str
    locked: str = "0"


class AccountPosition(
    msgspec.Struct,
    tag_field="e",
    tag="outboundAccountPosition",
    rename={"event_time": "E", "update_time": "u", "balances": "B"},
):
    """Balances that may have changed, absolute; a later `update_time` overrides an earlier one."""

    event_time: WireInteger
    balances: list[AssetBalance]
    update_time: WireInteger = 0

    def to_balances(self, exchange: Exchanges = Exchanges.BINANCE) -> list[Balance]:
        """As messages. Raises ValueError for a figure that is no plain decimal."""
        return [
            Balance(
                exchange=exchange,
                asset=balance.asset,
                free=amount_of(balance.free),
                locked=amount_of(balance.locked),
                event_time_ns=nanoseconds_of(self.update_time or self.event_time),
            )
            for balance in self.balances
        ]


class BalanceChange(
    msgspec.Struct,
    tag_field="e",
    tag="balanceUpdate",
    rename={"event_time": "E", "asset": "a", "change": "d", "clear_time": "T"},
):
    """A deposit, withdrawal or transfer: a difference, never to be added to an absolute balance of the same moment."""

    event_time: WireInteger
    asset: str
    change: str
    clear_time: WireInteger = 0


class ExternalLock(
    msgspec.Struct,
    tag_field="e",
    tag="externalLockUpdate",
    rename={"event_time": "E", "asset": "a", "change": "d", "transaction_time": "T"},
):
    """A part of a balance was locked (or freed, below 0) by something other than an order here."""

    event_time: WireInteger
    asset: str
    change: str
    transaction_time: WireInteger = 0


class ListedOrder(
    msgspec.Struct, rename={"symbol": "s", "exchange_order_id": "i", "client_order_id": "c"}
):
    """One order of a list."""

    symbol: str
    exchange_order_id: WireInteger
    client_order_id: str = ""


class ListStatus(
    msgspec.Struct,
    tag_field="e",
    tag="listStatus",
    rename={
        "event_time": "E",
        "symbol": "s",
        "order_list_id": "g",
        "contingency_type": "c",
        "list_status_type": "l",
        "list_order_status": "L",
        "reject_reason": "r",
        "list_client_order_id": "C",
        "transaction_time": "T",
        "orders": "O",
    },
):
    """How an order list stands; each of its orders has its own execution reports besides."""

    event_time: WireInteger
    symbol: str
    order_list_id: WireInteger
    contingency_type: str = ""
    list_status_type: str = ""
    list_order_status: str = ""
    reject_reason: str = "NONE"
    list_client_order_id: str = ""
    transaction_time: WireInteger = 0
    orders: list[ListedOrder] = []


class StreamTerminated(
    msgspec.Struct, tag_field="e", tag="eventStreamTerminated", rename={"event_time": "E"}
):
    """The subscription has ended: by us, by a logout, or because its token ran out."""

    event_time: WireInteger = 0


class ServerShutdown(
    msgspec.Struct, tag_field="e", tag="serverShutdown", rename={"event_time": "E"}
):
    """This server will close its connections soon: open another one first."""

    event_time: WireInteger = 0


UserEvent = (
    ExecutionReport
    | AccountPosition
    | BalanceChange
    | ExternalLock
    | ListStatus
    | StreamTerminated
    | ServerShutdown
)


class EventHead(msgspec.Struct):
    """What tells an event's type."""

    e: str | None = None


_decode_head = msgspec.json.Decoder(EventHead).decode
STREAM_TERMINATED, SERVER_SHUTDOWN = "eventStreamTerminated", "serverShutdown"
COMMON_HEAD = b'{"e":"executionReport"'


def find_notice(event: bytes) -> str:
    """The type of an event that is about the stream itself and not the account, whatever fields it has; else empty."""
    if event.startswith(COMMON_HEAD):
        return ""
    try:
        kind = _decode_head(event).e
    except (ValueError, RecursionError):
        return ""
    return kind if kind in (STREAM_TERMINATED, SERVER_SHUTDOWN) else ""


class UserEventDecoder:
    """Turns events, without their envelope, into their types. `ignored` counts the unknown ones by name."""

    def __init__(self) -> None:
        self.ignored: dict[str, int] = {}
        self._head = msgspec.json.Decoder(EventHead).decode
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(UserEvent)
        self._known = frozenset(kind.__struct_config__.tag for kind in get_args(UserEvent))

    def decode(self, event: bytes | msgspec.Raw) -> UserEvent | None:
        """One event; None if its type is unknown (counted).

        Raises msgspec.MsgspecError (a ValueError) for what is no JSON, or has not the form of its type.
        """
        kind = self._head(event).e
        if kind not in self._known:
            name = kind or "without type"
            self.ignored[name] = self.ignored.get(name, 0) + 1
            return None
        decoded: UserEvent = self._decoder.decode(event)
        return decoded
