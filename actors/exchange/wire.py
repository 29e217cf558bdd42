"""Orders, trades, accounts and events in Binance's JSON forms, as dicts in the order of the documented fields.

Numbers that count money are texts with eight decimals; ids and times are integers, times in milliseconds. Sources:
rest-api.md for answers, user-data-stream.md for user events, web-socket-streams.md for market events.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from actors.exchange.accounts import Account
from actors.exchange.book import BookTicker, DepthDiff, DepthSnapshot
from actors.exchange.klines import Kline
from actors.exchange.orders import AccountTrade, AggregateTrade, OrderRecord, PublicTrade
from actors.exchange.symbols import SymbolRules, to_exchange_info

NOTHING = "0.00000000"
NO_ORDER_LIST = -1


def to_text(value: Decimal) -> str:
    """A number with eight decimals, as Binance prints it."""
    return f"{value:.8f}" if value else NOTHING


def to_ms(time_us: int) -> int:
    """Milliseconds of a time in microseconds."""
    return time_us // 1000


# Answers about orders.


def order_ack(order: OrderRecord) -> dict[str, Any]:
    """A new order, newOrderRespType=ACK."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": NO_ORDER_LIST,
        "clientOrderId": order.client_order_id,
        "transactTime": to_ms(order.time_us),
    }


def order_result(order: OrderRecord) -> dict[str, Any]:
    """A new order, newOrderRespType=RESULT."""
    answer = order_ack(order) | _terms(order)
    answer["workingTime"] = to_ms(order.time_us)
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
    return answer


def order_cancel(order: OrderRecord) -> dict[str, Any]:
    """A canceled order: `origClientOrderId` is the order's own id, `clientOrderId` the cancel's."""
    answer = {
        "symbol": order.symbol,
        "origClientOrderId": order.original_client_order_id,
        "orderId": order.order_id,
        "orderListId": NO_ORDER_LIST,
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
        "orderListId": NO_ORDER_LIST,
        "clientOrderId": order.client_order_id,
        "price": to_text(order.price),
        "origQty": to_text(order.quantity),
        "executedQty": to_text(order.executed_quantity),
        "cummulativeQuoteQty": to_text(order.executed_quote_quantity),
        "status": str(order.status),
        "timeInForce": str(order.time_in_force),
        "type": str(order.order_type),
        "side": str(order.side),
        "stopPrice": NOTHING,
        "icebergQty": NOTHING,
        "time": to_ms(order.time_us),
        "updateTime": to_ms(order.update_time_us),
        "isWorking": True,
        "workingTime": to_ms(order.time_us),
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
    if order.expiry_reason is not None:
        answer["expiryReason"] = str(order.expiry_reason)
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
        "orderListId": NO_ORDER_LIST,
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


# Market data answers.


def exchange_info(
    symbols: Iterable[SymbolRules], rate_limits: list[dict[str, Any]], server_time_ms: int
) -> dict[str, Any]:
    """exchangeInfo. No exchange filters: clients exist that refuse to start on any."""
    return {
        "timezone": "UTC",
        "serverTime": server_time_ms,
        "rateLimits": rate_limits,
        "exchangeFilters": [],
        "symbols": [to_exchange_info(rules) for rules in symbols],
    }


def depth(snapshot: DepthSnapshot) -> dict[str, Any]:
    """The order book; also the form of the partial depth streams, which have no symbol."""
    return {
        "lastUpdateId": snapshot.last_update_id,
        "bids": _levels(snapshot.bids),
        "asks": _levels(snapshot.asks),
    }


def _levels(levels: Iterable[tuple[Decimal, Decimal]]) -> list[list[str]]:
    return [[to_text(price), to_text(quantity)] for price, quantity in levels]


def public_trade(trade: PublicTrade) -> dict[str, Any]:
    """One line of the recent trades."""
    return {
        "id": trade.trade_id,
        "price": to_text(trade.price),
        "qty": to_text(trade.quantity),
        "quoteQty": to_text(trade.quote_quantity),
        "time": to_ms(trade.time_us),
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": True,
    }


def aggregate_trade(trade: AggregateTrade) -> dict[str, Any]:
    """One line of the aggregated trades."""
    return {
        "a": trade.number,
        "p": to_text(trade.price),
        "q": to_text(trade.quantity),
        "f": trade.first_trade_id,
        "l": trade.last_trade_id,
        "T": to_ms(trade.time_us),
        "m": trade.is_buyer_maker,
        "M": True,
    }


def kline_row(kline: Kline) -> list[Any]:
    """One kline, twelve elements."""
    return [
        kline.open_time_ms,
        to_text(kline.open),
        to_text(kline.high),
        to_text(kline.low),
        to_text(kline.close),
        to_text(kline.volume),
        kline.close_time_ms,
        to_text(kline.quote_volume),
        kline.trades,
        to_text(kline.taker_buy_volume),
        to_text(kline.taker_buy_quote_volume),
        "0",
    ]


def price_ticker(symbol: str, price: Decimal) -> dict[str, Any]:
    """The last price."""
    return {"symbol": symbol, "price": to_text(price)}


def book_ticker(symbol: str, ticker: BookTicker) -> dict[str, Any]:
    """Best bid and ask."""
    return {
        "symbol": symbol,
        "bidPrice": to_text(ticker.bid_price),
        "bidQty": to_text(ticker.bid_quantity),
        "askPrice": to_text(ticker.ask_price),
        "askQty": to_text(ticker.ask_quantity),
    }


def average_price(price: Decimal, close_time_us: int) -> dict[str, Any]:
    """The average of the last five minutes."""
    return {"mins": 5, "price": to_text(price), "closeTime": to_ms(close_time_us)}


# Market streams.


def trade_event(symbol: str, trade: PublicTrade, event_time_us: int) -> dict[str, Any]:
    """`<symbol>@trade`."""
    return {
        "e": "trade",
        "E": to_ms(event_time_us),
        "s": symbol,
        "t": trade.trade_id,
        "p": to_text(trade.price),
        "q": to_text(trade.quantity),
        "T": to_ms(trade.time_us),
        "m": trade.is_buyer_maker,
        "M": True,
    }


def aggregate_trade_event(symbol: str, trade: AggregateTrade, time_us: int) -> dict[str, Any]:
    """`<symbol>@aggTrade`."""
    return {"e": "aggTrade", "E": to_ms(time_us), "s": symbol, **aggregate_trade(trade)}


def book_ticker_event(symbol: str, ticker: BookTicker) -> dict[str, Any]:
    """`<symbol>@bookTicker`, which has neither an event name nor a time."""
    return {
        "u": ticker.update_id,
        "s": symbol,
        "b": to_text(ticker.bid_price),
        "B": to_text(ticker.bid_quantity),
        "a": to_text(ticker.ask_price),
        "A": to_text(ticker.ask_quantity),
    }


def depth_event(symbol: str, diff: DepthDiff, event_time_us: int) -> dict[str, Any]:
    """`<symbol>@depth` and `<symbol>@depth@100ms`."""
    return {
        "e": "depthUpdate",
        "E": to_ms(event_time_us),
        "s": symbol,
        "U": diff.first_update_id,
        "u": diff.final_update_id,
        "b": _levels(diff.bids.items()),
        "a": _levels(diff.asks.items()),
    }


def kline_event(symbol: str, kline: Kline, event_time_us: int) -> dict[str, Any]:
    """`<symbol>@kline_<interval>`."""
    return {
        "e": "kline",
        "E": to_ms(event_time_us),
        "s": symbol,
        "k": {
            "t": kline.open_time_ms,
            "T": kline.close_time_ms,
            "s": symbol,
            "i": str(kline.interval),
            "f": kline.first_trade_id,
            "L": kline.last_trade_id,
            "o": to_text(kline.open),
            "c": to_text(kline.close),
            "h": to_text(kline.high),
            "l": to_text(kline.low),
            "v": to_text(kline.volume),
            "n": kline.trades,
            "x": kline.is_closed,
            "q": to_text(kline.quote_volume),
            "V": to_text(kline.taker_buy_volume),
            "Q": to_text(kline.taker_buy_quote_volume),
            "B": "0",
        },
    }
