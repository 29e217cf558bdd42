"""What clients ask the venue's other services at their start (CLIENTS.md §3; Wallet: All Coins' Information, Trade Fee)."""

from typing import Any

import pytest

from tests.exchange.server.client import Rest, World, now_ms, sign


async def ask(rest: Rest, path: str, **parameters: Any) -> Any:
    """A signed request beside `/api/v3`."""
    payload = "&".join(
        f"{name}={value}" for name, value in {"timestamp": now_ms(), **parameters}.items()
    )
    target = f"{path}?{payload}&signature={sign(rest.pair, payload)}"
    return await rest.raw("GET", target, headers={"X-MBX-APIKEY": rest.pair.key})


@pytest.mark.asyncio
async def test_coins_are_listed_with_what_the_account_has(still_world: World) -> None:
    rest = still_world.rest()
    answer = await ask(rest, "/sapi/v1/capital/config/getall")
    account = (await rest.signed("GET", "account")).json
    held = {item["asset"]: (item["free"], item["locked"]) for item in account["balances"]}
    told = {coin["coin"]: (coin["free"], coin["locked"]) for coin in answer.json}
    assert answer.status == 200
    assert {asset: told[asset] for asset in held} == held
    assert {"BTC", "ETH", "USDT"} <= set(told)
    assert not any(coin["withdrawAllEnable"] or coin["networkList"] for coin in answer.json)


@pytest.mark.asyncio
async def test_fees_are_told_for_all_symbols_or_one(still_world: World) -> None:
    rest = still_world.rest()
    every = (await ask(rest, "/sapi/v1/asset/tradeFee")).json
    assert [fee["symbol"] for fee in every] == ["BTCUSDT", "ETHUSDT"]
    [one] = (await ask(rest, "/sapi/v1/asset/tradeFee", symbol="ETHUSDT")).json
    commission = (await rest.signed("GET", "account/commission", symbol="ETHUSDT")).json
    standard = commission["standardCommission"]
    assert (one["makerCommission"], one["takerCommission"]) == (
        standard["maker"],
        standard["taker"],
    )
    refused = await ask(rest, "/sapi/v1/asset/tradeFee", symbol="NOSUCH")
    assert refused.error == (400, -1121, "Invalid symbol.")


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/sapi/v1/capital/config/getall", "/sapi/v1/asset/tradeFee"])
async def test_what_is_the_accounts_own_wants_a_signature(path: str, still_world: World) -> None:
    assert (await still_world.rest().raw("GET", path)).status in (400, 401)


@pytest.mark.asyncio
async def test_margin_and_futures_are_there_and_empty_and_spend_no_weight(
    still_world: World,
) -> None:
    rest = still_world.rest()
    for path in ("/sapi/v1/margin/allPairs", "/sapi/v1/margin/isolated/allPairs"):
        answer = await ask(rest, path)
        assert (answer.status, answer.json) == (200, [])
    for path in ("/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"):
        answer = await rest.raw("GET", path)
        assert (answer.status, answer.json["symbols"]) == (200, [])
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "0"
