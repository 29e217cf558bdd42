"""Orders as Binance writes them, and as `Order` messages.

`BinanceOrder` is the form that REST and the WebSocket API answer with: placed (ACK, RESULT, FULL), queried, canceled.
`ExecutionReport` is the user stream's form, in single letters. Fields are named in our words; the renames are the wire.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from actors.binance.numbers import WireInteger, amount_of, decimal_of, nanoseconds_of
from messages.enums import (
    Exchanges,
    ExecutionType,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)
from messages.orders import Execution, Order

CANCEL_SUFFIX = "_c"
LONGEST_CLIENT_ORDER_ID = 36


class BinanceFill(
    msgspec.Struct,
    kw_only=True,
    rename={
        "quantity": "qty",
        "fee": "commission",
        "fee_asset": "commissionAsset",
        "trade_id": "tradeId",
    },
):
    """One element of `fills` in a FULL answer."""

    price: str
    quantity: str
    fee: str = "0"
    fee_asset: str | None = None
    trade_id: WireInteger = -1


class BinanceOrder(
    msgspec.Struct,
    kw_only=True,
    rename={
        "exchange_order_id": "orderId",
        "order_list_id": "orderListId",
        "client_order_id": "clientOrderId",
        "original_client_order_id": "origClientOrderId",
        "order_type": "type",
        "time_in_force": "timeInForce",
        "quantity": "origQty",
        "executed_quantity": "executedQty",
        "executed_quote_quantity": "cummulativeQuoteQty",
        "quote_quantity": "origQuoteOrderQty",
        "stop_price": "stopPrice",
        "transaction_time": "transactTime",
        "update_time": "updateTime",
        "working_time": "workingTime",
        "is_working": "isWorking",
        "self_trade_prevention": "selfTradePreventionMode",
        "expiry_reason": "expiryReason",
        "trailing_delta": "trailingDelta",
        "execution_type": "executionType",
        "execution_id": "executionId",
        "reject_reason": "rejectReason",
        "is_maker": "isMaker",
    },
):
    """One order on the wire. Everything but its identity is optional: an ACK has nothing more.

    `cummulativeQuoteQty` is the venue's own spelling. The last four fields are never in an answer: they carry what only
    an execution report says (`x`, `I`, `r`, `m`).
    """

    symbol: str
    exchange_order_id: WireInteger = 0
    order_list_id: WireInteger = -1
    client_order_id: str = ""
    original_client_order_id: str | None = None
    side: Side = Side.UNRECOGNISED
    order_type: OrderType = OrderType.UNRECOGNISED
    time_in_force: TimeInForce = TimeInForce.UNRECOGNISED
    status: OrderStatus | None = None
    price: str = "0"
    quantity: str = "0"
    executed_quantity: str = "0"
    executed_quote_quantity: str = "0"
    quote_quantity: str = "0"
    stop_price: str = "0"
    transaction_time: WireInteger = 0
    time: WireInteger = 0
    update_time: WireInteger = 0
    working_time: WireInteger = 0
    is_working: bool = True
    self_trade_prevention: str = ""
    expiry_reason: str | None = None
    fills: list[BinanceFill] = []
    execution_type: ExecutionType = ExecutionType.UNRECOGNISED
    execution_id: WireInteger = 0
    reject_reason: str = "NONE"
    is_maker: bool = False
    trailing_delta: WireInteger = 0


class ExecutionReport(
    msgspec.Struct,
    kw_only=True,
    tag_field="e",
    tag="executionReport",
    rename={
        "event_time": "E",
        "symbol": "s",
        "client_order_id": "c",
        "side": "S",
        "order_type": "o",
        "time_in_force": "f",
        "quantity": "q",
        "price": "p",
        "stop_price": "P",
        "order_list_id": "g",
        "original_client_order_id": "C",
        "execution_type": "x",
        "status": "X",
        "reject_reason": "r",
        "exchange_order_id": "i",
        "last_quantity": "l",
        "executed_quantity": "z",
        "last_price": "L",
        "fee": "n",
        "fee_asset": "N",
        "transaction_time": "T",
        "trade_id": "t",
        "execution_id": "I",
        "is_on_book": "w",
        "is_maker": "m",
        "order_time": "O",
        "executed_quote_quantity": "Z",
        "last_quote_quantity": "Y",
        "quote_quantity": "Q",
        "working_time": "W",
        "self_trade_prevention": "V",
        "expiry_reason": "eR",
        "trailing_delta": "d",
    },
):
    """The user stream's report on one order (user-data-stream.md, Order Update); fields came and went since 2018."""

    symbol: str
    exchange_order_id: WireInteger
    event_time: WireInteger = 0
    client_order_id: str = ""
    side: Side = Side.UNRECOGNISED
    order_type: OrderType = OrderType.UNRECOGNISED
    time_in_force: TimeInForce = TimeInForce.UNRECOGNISED
    quantity: str = "0"
    price: str = "0"
    stop_price: str = "0"
    order_list_id: WireInteger = -1
    original_client_order_id: str | None = None
    execution_type: ExecutionType = ExecutionType.UNRECOGNISED
    status: OrderStatus = OrderStatus.UNKNOWN
    reject_reason: str = "NONE"
    last_quantity: str = "0"
    executed_quantity: str = "0"
    last_price: str = "0"
    fee: str | None = "0"
    fee_asset: str | None = None
    transaction_time: WireInteger = 0
    trade_id: WireInteger = -1
    execution_id: WireInteger = 0
    is_on_book: bool = False
    is_maker: bool = False
    order_time: WireInteger = 0
    executed_quote_quantity: str = "0"
    last_quote_quantity: str = "0"
    quote_quantity: str = "0"
    working_time: WireInteger = 0
    self_trade_prevention: str = ""
    expiry_reason: str | None = None
    trailing_delta: WireInteger = 0

    def to_binance_order(self) -> BinanceOrder:
        """The same order in the long form; an execution becomes its one fill.

        On CANCELED `c` is the cancel request's id and `C` the order's own (user-data-stream.md, Order Update).
        """
        is_cancel = self.execution_type is ExecutionType.CANCELED
        fills = []
        if self.execution_type is ExecutionType.TRADE and self.trade_id >= 0:
            fills.append(
                BinanceFill(
                    price=self.last_price,
                    quantity=self.last_quantity,
                    fee=self.fee or "0",
                    fee_asset=self.fee_asset,
                    trade_id=self.trade_id,
                )
            )
        return BinanceOrder(
            symbol=self.symbol,
            exchange_order_id=self.exchange_order_id,
            order_list_id=self.order_list_id,
            client_order_id=self.client_order_id,
            original_client_order_id=self.original_client_order_id if is_cancel else None,
            side=self.side,
            order_type=self.order_type,
            time_in_force=self.time_in_force,
            status=self.status,
            price=self.price,
            quantity=self.quantity,
            executed_quantity=self.executed_quantity,
            executed_quote_quantity=self.executed_quote_quantity,
            quote_quantity=self.quote_quantity,
            stop_price=self.stop_price,
            transaction_time=self.transaction_time
            if self.transaction_time > 0
            else self.event_time,
            time=self.order_time,
            working_time=self.working_time,
            is_working=self.is_on_book,
            self_trade_prevention=self.self_trade_prevention,
            expiry_reason=self.expiry_reason,
            fills=fills,
            execution_type=self.execution_type,
            execution_id=self.execution_id,
            reject_reason=self.reject_reason,
            is_maker=self.is_maker,
            trailing_delta=self.trailing_delta,
        )


def from_binance_order(
    binance_order: BinanceOrder | ExecutionReport | Mapping[str, Any],
    exchange: Exchanges = Exchanges.BINANCE,
) -> Order:
    """The venue's view of one order as a message.

    Takes the typed form, an execution report, or a plain dict of either (as python-binance returns it). An answer that
    names no status (ACK) means NEW: the matching engine has taken the order. `quantity` of a MARKET order by quote
    amount is what the venue says. A fill without a trade id is left out of `executions`: it could not be told from others.

    Raises ValueError for a number that is no plain decimal, and for a dict that has not the form of an order.
    """
    order = typed_order(binance_order)
    event_time_ns = nanoseconds_of(order.transaction_time or order.update_time or order.time)
    reason_text = reason_of(order)
    return Order(
        side=order.side,
        order_type=order.order_type,
        symbol=order.symbol,
        exchange=exchange,
        client_order_id=order.original_client_order_id or name_before_cancel(order),
        exchange_order_id=order.exchange_order_id,
        quantity=amount_of(order.quantity),
        quote_quantity=amount_of(order.quote_quantity),
        price=amount_of(order.price),
        time_in_force=order.time_in_force,
        status=OrderStatus.NEW if order.status is None else order.status,
        executed_quantity=amount_of(order.executed_quantity),
        executed_quote_quantity=amount_of(order.executed_quote_quantity),
        executions=executions_of(order, event_time_ns) if order.fills else [],
        execution_type=order.execution_type,
        execution_id=order.execution_id,
        reason=Reason.VENUE if reason_text else Reason.NONE,
        reason_text=reason_text,
        event_time_ns=event_time_ns,
        stop_price=amount_of(order.stop_price),
        trailing_delta=order.trailing_delta,
        exchange_list_id=order.order_list_id,
    )


def name_of_cancel(client_order_id: str) -> str | None:
    """The client order id for the cancel of an order; None if it would be too long, or the order has no name.

    A canceled order goes by it (rest-api.md, Cancel order): found by its trades alone, it must still tell whose it is.
    """
    name = client_order_id + CANCEL_SUFFIX
    return name if client_order_id and len(name) <= LONGEST_CLIENT_ORDER_ID else None


def name_before_cancel(order: BinanceOrder) -> str:
    """The id that an order was placed with, also where it goes by that of our cancel."""
    if order.status is OrderStatus.CANCELED:
        return order.client_order_id.removesuffix(CANCEL_SUFFIX)
    return order.client_order_id


def typed_order(
    binance_order: BinanceOrder | ExecutionReport | Mapping[str, Any],
) -> BinanceOrder:
    """The typed long form of whatever form an order came in. Raises ValueError for a dict that is no order."""
    if isinstance(binance_order, BinanceOrder):
        return binance_order
    if isinstance(binance_order, ExecutionReport):
        return binance_order.to_binance_order()
    if "e" in binance_order:
        return msgspec.convert(binance_order, ExecutionReport).to_binance_order()
    return msgspec.convert(binance_order, BinanceOrder)


def executions_of(order: BinanceOrder, event_time_ns: int) -> list[Execution]:
    """The fills that have a trade id and a quantity, as executions: one that counts for nothing would pass for known."""
    return [
        Execution(
            trade_id=fill.trade_id,
            price=amount_of(fill.price),
            quantity=amount_of(fill.quantity),
            fee=decimal_of(fill.fee),
            fee_asset=fill.fee_asset or "",
            is_maker=order.is_maker,
            event_time_ns=event_time_ns,
        )
        for fill in order.fills
        if fill.trade_id >= 0 and amount_of(fill.quantity) > 0
    ]


def reason_of(order: BinanceOrder) -> str:
    """Why the venue rejected or ended it, in the venue's word; empty if it says nothing."""
    for reason in (order.expiry_reason, order.reject_reason):
        if reason and reason != "NONE":
            return reason
    return ""


class BinanceTrade(
    msgspec.Struct,
    kw_only=True,
    rename={
        "trade_id": "id",
        "exchange_order_id": "orderId",
        "quantity": "qty",
        "quote_quantity": "quoteQty",
        "fee": "commission",
        "fee_asset": "commissionAsset",
        "is_buyer": "isBuyer",
        "is_maker": "isMaker",
    },
):
    """One element of `myTrades`."""

    symbol: str
    trade_id: WireInteger
    exchange_order_id: WireInteger
    price: str
    quantity: str
    quote_quantity: str = "0"
    fee: str = "0"
    fee_asset: str = ""
    time: WireInteger = 0
    is_buyer: bool = False
    is_maker: bool = False

    @property
    def side(self) -> Side:
        """Our side of it."""
        return Side.BUY if self.is_buyer else Side.SELL

    def to_execution(self) -> Execution:
        """The same trade as an execution of its order."""
        return Execution(
            trade_id=self.trade_id,
            price=amount_of(self.price),
            quantity=amount_of(self.quantity),
            fee=decimal_of(self.fee),
            fee_asset=self.fee_asset,
            is_maker=self.is_maker,
            event_time_ns=nanoseconds_of(self.time),
        )


_decode_order = msgspec.json.Decoder(BinanceOrder).decode
_decode_orders = msgspec.json.Decoder(list[BinanceOrder]).decode
_decode_trades = msgspec.json.Decoder(list[BinanceTrade]).decode


def decode_order(data: bytes | msgspec.Raw) -> BinanceOrder:
    """One order of an answer. Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_order(data)


def decode_orders(data: bytes | msgspec.Raw) -> list[BinanceOrder]:
    """A list of orders (`openOrders`, `allOrders`). Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_orders(data)


def decode_trades(data: bytes | msgspec.Raw) -> list[BinanceTrade]:
    """The account's own trades (`myTrades`). Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_trades(data)
