"""The trading rules of a symbol as another exchange announces them in its exchangeInfo (filters.md)."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from actors.exchange.symbols import ORDER_TYPES, SymbolRules

ZERO = Decimal(0)


def read_symbol(entry: Mapping[str, Any]) -> SymbolRules:
    """The rules out of one entry of `symbols`: what this exchange enforces of them.

    Raises ValueError, with the name of what is missing or broken.
    """
    try:
        filters = {item["filterType"]: item for item in entry["filters"]}
        price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
        market_lot = filters.get("MARKET_LOT_SIZE", {})
        announced = set(entry.get("orderTypes", ()))
        return SymbolRules(
            name=entry["symbol"],
            base_asset=entry["baseAsset"],
            quote_asset=entry["quoteAsset"],
            tick_size=Decimal(price["tickSize"]),
            min_price=Decimal(price["minPrice"]),
            max_price=Decimal(price["maxPrice"]),
            lot_size=Decimal(lot["stepSize"]),
            min_quantity=Decimal(lot["minQty"]),
            max_quantity=Decimal(lot["maxQty"]),
            market_lot_size=Decimal(market_lot.get("stepSize", ZERO)),
            market_min_quantity=Decimal(market_lot.get("minQty", ZERO)),
            market_max_quantity=Decimal(market_lot.get("maxQty", ZERO)),
            order_types=tuple(kind for kind in ORDER_TYPES if kind.value in announced)
            or ORDER_TYPES,
            allows_order_lists=bool(entry.get("ocoAllowed", True)),
            allows_trailing=bool(entry.get("allowTrailingStop", True)),
            allows_cancel_replace=bool(entry.get("cancelReplaceAllowed", True)),
            **_find_notional(filters),
            **_find_price_bounds(filters),
            **_find_counts(filters),
        )
    except KeyError as error:
        raise ValueError(f"a symbol of exchangeInfo lacks {error}") from error
    except (InvalidOperation, TypeError, AttributeError) as error:
        raise ValueError(f"a symbol of exchangeInfo is broken: {error}") from error


def _find_notional(filters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if (found := filters.get("NOTIONAL")) is not None:
        return {
            "min_notional": Decimal(found["minNotional"]),
            "max_notional": Decimal(found["maxNotional"]),
            "min_notional_applies_to_market": bool(found["applyMinToMarket"]),
            "max_notional_applies_to_market": bool(found["applyMaxToMarket"]),
            "average_price_minutes": int(found["avgPriceMins"]),
        }
    if (found := filters.get("MIN_NOTIONAL")) is not None:
        return {
            "min_notional": Decimal(found["minNotional"]),
            "min_notional_applies_to_market": bool(found["applyToMarket"]),
            "average_price_minutes": int(found["avgPriceMins"]),
            "notional_filter": "MIN_NOTIONAL",
        }
    return {}


def _find_price_bounds(filters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    found = filters.get("PERCENT_PRICE_BY_SIDE")
    if found is None:
        return {}
    return {
        "bid_multiplier_up": Decimal(found["bidMultiplierUp"]),
        "bid_multiplier_down": Decimal(found["bidMultiplierDown"]),
        "ask_multiplier_up": Decimal(found["askMultiplierUp"]),
        "ask_multiplier_down": Decimal(found["askMultiplierDown"]),
    }


def _find_counts(filters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    names = {
        "max_open_orders": ("MAX_NUM_ORDERS", "maxNumOrders"),
        "max_contingent_orders": ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
        "max_order_lists": ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists"),
        "max_amendments": ("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends"),
    }
    return {
        field: int(filters[kind][key]) for field, (kind, key) in names.items() if kind in filters
    }
