"""What clients of Spot ask the venue's other services while they start: wallet, margin and futures, over REST alone.

An honest answer for an exchange that has Spot trading alone: no margin pairs, no futures, coins that can be neither
deposited nor withdrawn, and the account's own fees. They are counted by limits of their own at the venue, so none of Spot's
weight is spent.
"""

from decimal import Decimal
from typing import Any

from actors.exchange import wire
from actors.exchange.accounts import AssetBalance
from actors.exchange.desk import Call, Method, Security, no_weight
from actors.exchange.market_methods import ONE_SYMBOL


def coins(call: Call) -> Any:
    """Every asset with what the caller has of it (Wallet: All Coins' Information)."""
    zero, nothing = wire.to_text(Decimal(0)), AssetBalance()
    listed = {
        asset
        for rules in call.venue.symbols.values()
        for asset in (rules.base_asset, rules.quote_asset)
    }
    answer = []
    for asset in sorted(listed | set(call.account.balances)):
        balance = call.account.balances.get(asset, nothing)
        answer.append(
            {
                "coin": asset,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "name": asset,
                "free": wire.to_text(balance.free),
                "locked": wire.to_text(balance.locked),
                "freeze": zero,
                "withdrawing": zero,
                "ipoing": zero,
                "ipoable": zero,
                "storage": zero,
                "isLegalMoney": False,
                "trading": True,
                "networkList": [],
            }
        )
    return answer


def trade_fees(call: Call) -> Any:
    """The caller's fees in each symbol, or in one (Wallet: Trade Fee)."""
    one = call.values.get("symbol")
    names = call.venue.symbols if one is None else [call.venue.rules(one).name]
    fees = {
        "makerCommission": wire.to_text(call.account.maker_fee),
        "takerCommission": wire.to_text(call.account.taker_fee),
    }
    return [{"symbol": name, **fees} for name in names]


def none(call: Call) -> Any:
    """Nothing is traded on margin here."""
    return []


def futures(call: Call) -> Any:
    """A derivatives market without symbols."""
    return {
        "timezone": "UTC",
        "serverTime": call.now // 1000,
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


SIGNED = Security.SIGNED
NEIGHBOUR_METHODS = (
    Method("wallet.coins", coins, no_weight, "GET", "/sapi/v1/capital/config/getall", SIGNED),
    Method(
        "wallet.tradeFee",
        trade_fees,
        no_weight,
        "GET",
        "/sapi/v1/asset/tradeFee",
        SIGNED,
        (ONE_SYMBOL,),
    ),
    Method("margin.allPairs", none, no_weight, "GET", "/sapi/v1/margin/allPairs", SIGNED),
    Method(
        "margin.isolatedPairs", none, no_weight, "GET", "/sapi/v1/margin/isolated/allPairs", SIGNED
    ),
    Method("futures.exchangeInfo", futures, no_weight, "GET", "/fapi/v1/exchangeInfo"),
    Method("delivery.exchangeInfo", futures, no_weight, "GET", "/dapi/v1/exchangeInfo"),
)
