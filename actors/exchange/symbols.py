"""The trading rules of a symbol, as the exchange enforces and announces them.

Well-known symbols have filters like those that Binance announces; the rules of any other pair with a known quote asset
are derived. Flags are true only for what this exchange does.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from messages.enums import OrderType, SelfTradePrevention, Side, SymbolStatus

ASSET_PRECISION = 8
ORDER_TYPES = (
    OrderType.LIMIT,
    OrderType.LIMIT_MAKER,
    OrderType.MARKET,
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
SELF_TRADE_PREVENTION_MODES = (
    SelfTradePrevention.EXPIRE_TAKER,
    SelfTradePrevention.EXPIRE_MAKER,
    SelfTradePrevention.EXPIRE_BOTH,
    SelfTradePrevention.DECREMENT,
    SelfTradePrevention.TRANSFER,
)
"""Those that Binance's symbols allow: NONE is not among them, whatever the examples of rest-api.md show."""
QUOTE_ASSETS = ("FDUSD", "USDT", "USDC", "EUR", "BTC", "ETH", "BNB")
SYMBOL_NAME = re.compile(r"[A-Z0-9]{2,20}")


@dataclass(slots=True, kw_only=True)
class SymbolRules:
    """One symbol's rules. A bound of 0 disables that bound (filters.md)."""

    name: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_lot_size: Decimal = Decimal(0)
    market_min_quantity: Decimal = Decimal(0)
    market_max_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    max_notional: Decimal = Decimal(0)
    min_notional_applies_to_market: bool = True
    max_notional_applies_to_market: bool = False
    notional_filter: str = "NOTIONAL"
    """`NOTIONAL` with both bounds, or the older `MIN_NOTIONAL` with the lower one."""
    bid_multiplier_up: Decimal = Decimal(5)
    bid_multiplier_down: Decimal = Decimal("0.2")
    ask_multiplier_up: Decimal = Decimal(5)
    ask_multiplier_down: Decimal = Decimal("0.2")
    average_price_minutes: int = 5
    max_open_orders: int = 200
    max_contingent_orders: int = 5
    max_order_lists: int = 20
    trailing_delta_bounds: tuple[int, int] = (10, 2000)
    """Least and greatest trailing delta, above and below the market alike, in hundredths of a percent."""
    self_trade_prevention_mode: SelfTradePrevention = SelfTradePrevention.EXPIRE_MAKER
    """That of an order which names none, as on Binance's symbols: no account trades with itself unawares."""
    self_trade_prevention_modes: tuple[SelfTradePrevention, ...] = SELF_TRADE_PREVENTION_MODES
    max_amendments: int = 10
    status: SymbolStatus = SymbolStatus.TRADING
    order_types: tuple[OrderType, ...] = field(default=ORDER_TYPES)
    allows_order_lists: bool = True
    allows_trailing: bool = True
    allows_cancel_replace: bool = True
    allows_icebergs: bool = True
    max_iceberg_parts: int = 100

    def paid_asset(self, side: Side) -> str:
        """What an order of this side pays with."""
        return self.quote_asset if side is Side.BUY else self.base_asset


# Name: base asset, quote asset, tick, greatest price, lot, greatest quantity, greatest MARKET quantity, least notional.
BUILT_IN = {
    "BTCUSDT": ("BTC", "USDT", "0.01", "1000000", "0.00001", "9000", "120", "5"),
    "ETHUSDT": ("ETH", "USDT", "0.01", "1000000", "0.0001", "9000", "2400", "5"),
    "BNBUSDT": ("BNB", "USDT", "0.01", "100000", "0.001", "900000", "4500", "5"),
    "ETHBTC": ("ETH", "BTC", "0.00001", "922327", "0.0001", "100000", "1800", "0.0001"),
    "LTCUSDT": ("LTC", "USDT", "0.01", "100000", "0.001", "90000", "12000", "5"),
    "SOLUSDT": ("SOL", "USDT", "0.01", "10000", "0.001", "90000", "21000", "5"),
    "XRPUSDT": ("XRP", "USDT", "0.0001", "10000", "0.1", "9222449", "1100000", "5"),
}

# Of a pair that is not built in, by its quote asset: tick, lot, least notional.
DERIVED = {
    "USDT": ("0.0001", "0.01", "5"),
    "USDC": ("0.0001", "0.01", "5"),
    "FDUSD": ("0.0001", "0.01", "5"),
    "EUR": ("0.0001", "0.01", "5"),
    "BTC": ("0.0000001", "0.1", "0.0001"),
    "ETH": ("0.000001", "0.01", "0.001"),
    "BNB": ("0.000001", "0.01", "0.01"),
}


def rules_for(name: str) -> SymbolRules:
    """The built-in or derived rules of a symbol.

    Raises ValueError for a name that does not end in a known quote asset.
    """
    if name in BUILT_IN:
        base, quote, tick, max_price, lot, most, market_most, least_value = BUILT_IN[name]
        return _rules(name, base, quote, (tick, lot, least_value), (max_price, most, market_most))
    for quote in QUOTE_ASSETS:
        base = name.removesuffix(quote)
        if base != name and SYMBOL_NAME.fullmatch(base):
            return _rules(name, base, quote, DERIVED[quote], ("100000", "9000000", "900000"))
    raise ValueError(
        f"{name!r} is no symbol this exchange can list: it must be upper case and end in one of "
        f"{', '.join(QUOTE_ASSETS)}"
    )


def make_plain(rules: SymbolRules) -> None:
    """Takes away all that waits for a price and all that hangs together, as many of Binance's symbols lack some of it."""
    rules.order_types = tuple(each for each in rules.order_types if not each.is_contingent)
    rules.allows_order_lists = rules.allows_trailing = False


def allow_self_trades(rules: SymbolRules) -> None:
    """Lets an account trade with itself unless an order asks for prevention, as in the examples of rest-api.md."""
    rules.self_trade_prevention_mode = SelfTradePrevention.NONE
    rules.self_trade_prevention_modes = (SelfTradePrevention.NONE, *SELF_TRADE_PREVENTION_MODES)


def _rules(
    name: str, base: str, quote: str, steps: tuple[str, str, str], bounds: tuple[str, str, str]
) -> SymbolRules:
    tick, lot, least_value = (Decimal(step) for step in steps)
    max_price, most, market_most = (Decimal(bound) for bound in bounds)
    return SymbolRules(
        name=name,
        base_asset=base,
        quote_asset=quote,
        tick_size=tick,
        min_price=tick,
        max_price=max_price,
        lot_size=lot,
        min_quantity=lot,
        max_quantity=most,
        market_max_quantity=market_most,
        min_notional=least_value,
        max_notional=Decimal(9_000_000),
    )


def to_exchange_info(rules: SymbolRules) -> dict[str, Any]:
    """The symbol's entry in exchangeInfo (rest-api.md, Exchange information): every key, and no other.

    Strict clients refuse to start when one is absent, or when a filter is there that they do not know.
    """
    return {
        "symbol": rules.name,
        "status": str(rules.status),
        "baseAsset": rules.base_asset,
        "baseAssetPrecision": ASSET_PRECISION,
        "quoteAsset": rules.quote_asset,
        "quotePrecision": ASSET_PRECISION,
        "quoteAssetPrecision": ASSET_PRECISION,
        "baseCommissionPrecision": ASSET_PRECISION,
        "quoteCommissionPrecision": ASSET_PRECISION,
        "orderTypes": [str(order_type) for order_type in rules.order_types],
        "icebergAllowed": rules.allows_icebergs,
        "ocoAllowed": rules.allows_order_lists,
        "otoAllowed": rules.allows_order_lists,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": rules.allows_trailing,
        "cancelReplaceAllowed": rules.allows_cancel_replace,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": to_filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": str(rules.self_trade_prevention_mode),
        "allowedSelfTradePreventionModes": [
            str(mode) for mode in rules.self_trade_prevention_modes
        ],
    }


def to_filters(rules: SymbolRules) -> list[dict[str, Any]]:
    """The symbol's filters in Binance's form (filters.md)."""
    least_delta, greatest_delta = rules.trailing_delta_bounds
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": f"{rules.min_price:.8f}",
            "maxPrice": f"{rules.max_price:.8f}",
            "tickSize": f"{rules.tick_size:.8f}",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": f"{rules.min_quantity:.8f}",
            "maxQty": f"{rules.max_quantity:.8f}",
            "stepSize": f"{rules.lot_size:.8f}",
        },
        {"filterType": "ICEBERG_PARTS", "limit": rules.max_iceberg_parts},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": f"{rules.market_min_quantity:.8f}",
            "maxQty": f"{rules.market_max_quantity:.8f}",
            "stepSize": f"{rules.market_lot_size:.8f}",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": least_delta,
            "maxTrailingAboveDelta": greatest_delta,
            "minTrailingBelowDelta": least_delta,
            "maxTrailingBelowDelta": greatest_delta,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": f"{rules.bid_multiplier_up:f}",
            "bidMultiplierDown": f"{rules.bid_multiplier_down:f}",
            "askMultiplierUp": f"{rules.ask_multiplier_up:f}",
            "askMultiplierDown": f"{rules.ask_multiplier_down:f}",
            "avgPriceMins": rules.average_price_minutes,
        },
        _notional_filter(rules),
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_open_orders},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": rules.max_order_lists},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": rules.max_contingent_orders},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": rules.max_amendments},
    ]


def _notional_filter(rules: SymbolRules) -> dict[str, Any]:
    if rules.notional_filter == "MIN_NOTIONAL":
        return {
            "filterType": "MIN_NOTIONAL",
            "minNotional": f"{rules.min_notional:.8f}",
            "applyToMarket": rules.min_notional_applies_to_market,
            "avgPriceMins": rules.average_price_minutes,
        }
    return {
        "filterType": "NOTIONAL",
        "minNotional": f"{rules.min_notional:.8f}",
        "applyMinToMarket": rules.min_notional_applies_to_market,
        "maxNotional": f"{rules.max_notional:.8f}",
        "applyMaxToMarket": rules.max_notional_applies_to_market,
        "avgPriceMins": rules.average_price_minutes,
    }
