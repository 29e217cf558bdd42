"""Orders, their lists, trades and accounts in Binance's JSON forms, as dicts in the order of the documented fields.

Numbers that count money are texts with eight decimals; ids and times are integers, times in milliseconds (rest-api.md)
unless a client asks for microseconds (`times`).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from actors.exchange.accounts import Account
from actors.exchange.orders import (
    ZERO,
    AccountTrade,
    OrderList,
    OrderRecord,
    PreventedMatch,
)
from actors.exchange.times import Time

NOTHING = "0.00000000"
NO_TRADE_GROUP = -1
"""No account here belongs to a trade group."""


def to_text(value: Decimal) -> str:
    """A number with eight decimals, as Binance prints it."""
    return f"{value:.8f}" if value else NOTHING


def to_ms(time_us: int) -> Time:
    """A time in microseconds as it is printed: milliseconds, unless its reader asked for more."""
    return Time(time_us)


# Answers about orders.


def order_ack(order: OrderRecord) -> dict[str, Any]:
    """A new order, newOrderRespType=ACK."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": to_ms(order.time_us),
    }


def order_result(order: OrderRecord) -> dict[str, Any]:
    """A new order, newOrderRespType=RESULT."""
    answer = order_ack(order) | _terms(order)
    answer["workingTime"] = working_time(order)
    answer["selfTradePreventionMode"] = str(order.self_trade_prevention_mode)
    return add_conditional(answer, order)


def order_full(order: OrderRecord) -> dict[str, Any]:
    """A new order, newOrderRespType=FULL: with what it executed at once."""
    answer = order_result(order)
    answer["fills"] = [
        {
            "price": to_text(execution.price),
            "qty": to_text(execution.quantity),
            "commission": to_text(execution.commission),
            "commissionAsset": execution.commission_asset,
            "tradeId": execution.trade_id,
        }
        for execution in order.executions
    ]
    if order.prevented_matches:
        answer["preventedMatches"] = [
            _add_prevented_quantities(
                {
                    "preventedMatchId": match.number,
                    "makerOrderId": match.maker_order_id,
                    "price": to_text(match.price),
                },
                match,
            )
            for match in order.prevented_matches
        ]
    return answer


def _add_prevented_quantities(answer: dict[str, Any], match: PreventedMatch) -> dict[str, Any]:
    for name, quantity in (
        ("takerPreventedQuantity", match.taker_quantity),
        ("makerPreventedQuantity", match.maker_quantity),
    ):
        if quantity is not None:
            answer[name] = to_text(quantity)
    return answer


def prevented_match(symbol: str, match: PreventedMatch) -> dict[str, Any]:
    """One line of myPreventedMatches."""
    answer = {
        "symbol": symbol,
        "preventedMatchId": match.number,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": NO_TRADE_GROUP,
        "selfTradePreventionMode": str(match.mode),
        "price": to_text(match.price),
    }
    _add_prevented_quantities(answer, match)
    answer["transactTime"] = to_ms(match.time_us)
    return answer


def order_cancel(order: OrderRecord) -> dict[str, Any]:
    """A canceled order: `origClientOrderId` is the order's own id, `clientOrderId` the cancel's."""
    answer = {
        "symbol": order.symbol,
        "origClientOrderId": order.original_client_order_id,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": to_ms(order.update_time_us),
    }
    answer |= _terms(order)
    answer["selfTradePreventionMode"] = str(order.self_trade_prevention_mode)
    return add_conditional(answer, order)


def order_query(order: OrderRecord) -> dict[str, Any]:
    """An order as queried: one, the open ones, or all."""
    answer = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "price": to_text(order.price),
        "origQty": to_text(order.quantity),
        "executedQty": to_text(order.executed_quantity),
        "cummulativeQuoteQty": to_text(order.executed_quote_quantity),
        "status": str(order.status),
        "timeInForce": str(order.time_in_force),
        "type": str(order.order_type),
        "side": str(order.side),
        "stopPrice": to_text(order.stop_price or ZERO),
        "icebergQty": to_text(order.iceberg_quantity or ZERO),
        "time": to_ms(order.time_us),
        "updateTime": to_ms(order.update_time_us),
        "isWorking": bool(order.working_time_us),
        "workingTime": working_time(order),
        "origQuoteOrderQty": to_text(order.quote_order_quantity),
        "selfTradePreventionMode": str(order.self_trade_prevention_mode),
    }
    return add_conditional(answer, order)


def _terms(order: OrderRecord) -> dict[str, Any]:
    return {
        "price": to_text(order.price),
        "origQty": to_text(order.quantity),
        "executedQty": to_text(order.executed_quantity),
        "origQuoteOrderQty": to_text(order.quote_order_quantity),
        "cummulativeQuoteQty": to_text(order.executed_quote_quantity),
        "status": str(order.status),
        "timeInForce": str(order.time_in_force),
        "type": str(order.order_type),
        "side": str(order.side),
    }


def add_conditional(answer: dict[str, Any], order: OrderRecord) -> dict[str, Any]:
    """Fields that are there only when they apply (rest-api.md, Conditional fields in Order Responses)."""
    if order.strategy_id is not None:
        answer["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        answer["strategyType"] = order.strategy_type
    if order.stop_price is not None:
        answer["stopPrice"] = to_text(order.stop_price)
    if order.iceberg_quantity is not None:
        answer["icebergQty"] = to_text(order.iceberg_quantity)
    if order.trailing_delta is not None:
        answer["trailingDelta"] = order.trailing_delta
        answer["trailingTime"] = (
            -1 if order.trailing_time_us is None else to_ms(order.trailing_time_us)
        )
    if order.prevented_match_id is not None:
        answer["preventedMatchId"] = order.prevented_match_id
        answer["preventedQuantity"] = to_text(order.prevented_quantity)
    if order.expiry_reason is not None:
        answer["expiryReason"] = str(order.expiry_reason)
    return answer


def working_time(order: OrderRecord) -> int:
    """When an order entered the book, -1 if it has not."""
    return to_ms(order.working_time_us) if order.working_time_us else -1


# Answers about order lists.


def list_order_status(order_list: OrderList) -> str:
    """Where a list stands (enums.md, Order List Order Status)."""
    return "ALL_DONE" if order_list.is_done else "EXECUTING"


def order_list_query(order_list: OrderList) -> dict[str, Any]:
    """A list as queried, and the head of every other answer about it."""
    return {
        "orderListId": order_list.list_id,
        "contingencyType": str(order_list.contingency),
        "listStatusType": "ALL_DONE" if order_list.is_done else "EXEC_STARTED",
        "listOrderStatus": list_order_status(order_list),
        "listClientOrderId": order_list.client_id,
        "transactionTime": to_ms(order_list.time_us),
        "symbol": order_list.symbol,
        "orders": [
            {
                "symbol": order.symbol,
                "orderId": order.order_id,
                "clientOrderId": order.original_client_order_id,
            }
            for order in order_list.orders
        ],
    }


def order_list_report(
    order_list: OrderList, describe: Callable[[OrderRecord], dict[str, Any]]
) -> dict[str, Any]:
    """A list with a report on each of its orders."""
    answer = order_list_query(order_list)
    answer["orderReports"] = [describe(order) for order in order_list.orders]
    return answer


# Answers about accounts.


def account_state(account: Account, omit_zero: bool = False) -> dict[str, Any]:
    """The account, with every asset it has or could trade (without the empty ones if so asked)."""
    return {
        "makerCommission": int(account.maker_fee * 10_000),
        "takerCommission": int(account.taker_fee * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": to_text(account.maker_fee),
            "taker": to_text(account.taker_fee),
            "buyer": NOTHING,
            "seller": NOTHING,
        },
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": to_ms(account.update_time_us),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": to_text(balance.free), "locked": to_text(balance.locked)}
            for asset, balance in account.balances.items()
            if balance.free or balance.locked or not omit_zero
        ],
        "permissions": ["SPOT"],
        "uid": account.uid,
    }


def account_trade(trade: AccountTrade) -> dict[str, Any]:
    """One line of myTrades."""
    execution = trade.execution
    return {
        "symbol": trade.symbol,
        "id": execution.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.order_list_id,
        "price": to_text(execution.price),
        "qty": to_text(execution.quantity),
        "quoteQty": to_text(execution.quote_quantity),
        "commission": to_text(execution.commission),
        "commissionAsset": execution.commission_asset,
        "time": to_ms(execution.time_us),
        "isBuyer": trade.is_buyer,
        "isMaker": execution.is_maker,
        "isBestMatch": True,
    }
