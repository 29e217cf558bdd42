"""The REST API over a real socket: public answers, refusals, orders, limits."""

import asyncio
import dataclasses
from urllib.parse import urlencode

import pytest

from actors.exchange.configuration import STILL, AccountConfiguration, ExchangeConfiguration
from actors.exchange.limits import DEFAULT_LIMITS, RateLimit
from tests.exchange.server.client import LIMIT_ORDER, World, now_ms, running, sign

MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
BAD_KEY = (401, -2014, "API-key format invalid.")
REJECTED_KEY = (401, -2015, "Invalid API-key, IP, or permissions for action.")
BAD_SIGNATURE = (400, -1022, "Signature for this request is not valid.")


@pytest.mark.asyncio
async def test_ping_time_and_headers(still_world: World) -> None:
    rest = still_world.rest()
    ping = await rest.get("ping")
    assert (ping.status, ping.text) == (200, "{}")
    assert ping.headers["Content-Type"].startswith("application/json")
    assert ping.headers["X-MBX-USED-WEIGHT-1M"] == "1"
    assert abs((await rest.get("time")).json["serverTime"] - now_ms()) < 2000


@pytest.mark.asyncio
async def test_exchange_info_by_symbol_symbols_permissions_and_status(still_world: World) -> None:
    rest = still_world.rest()

    async def names(**parameters: str) -> list[str]:
        answer = await rest.get("exchangeInfo", **parameters)
        return [entry["symbol"] for entry in answer.json["symbols"]]

    assert await names() == ["BTCUSDT", "ETHUSDT"]
    assert await names(symbol="ETHUSDT") == ["ETHUSDT"]
    assert await names(symbols='["ETHUSDT","BTCUSDT"]') == ["ETHUSDT", "BTCUSDT"]
    assert await names(permissions="SPOT") == ["BTCUSDT", "ETHUSDT"]
    assert await names(permissions='["LEVERAGED"]') == []
    assert await names(symbolStatus="HALT") == []
    hidden = await rest.get("exchangeInfo", showPermissionSets="false")
    assert hidden.json["symbols"][0]["permissionSets"] == []
    assert (await rest.get("exchangeInfo", symbol="NOPE")).error == (400, -1121, "Invalid symbol.")
    both = await rest.get("exchangeInfo", symbol="BTCUSDT", symbols='["BTCUSDT"]')
    assert both.error == (400, -1128, "Combination of optional parameters invalid.")


@pytest.mark.asyncio
async def test_market_data_of_a_lively_market(lively_world: World) -> None:
    rest = lively_world.rest()
    book = (await rest.get("depth", symbol="BTCUSDT", limit=5)).json
    assert list(book) == ["lastUpdateId", "bids", "asks"]
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    trades = (await rest.get("trades", symbol="BTCUSDT", limit=3)).json
    assert 1 <= len(trades) <= 3
    ticker = (await rest.get("ticker/price", symbol="BTCUSDT")).json
    assert ticker["symbol"] == "BTCUSDT"
    assert (await rest.get("ticker/bookTicker", symbols='["BTCUSDT"]')).json[0][
        "symbol"
    ] == "BTCUSDT"
    assert len((await rest.get("ticker/price")).json) == 1
    assert float((await rest.get("avgPrice", symbol="BTCUSDT")).json["price"]) > 0
    bars = (await rest.get("klines", symbol="BTCUSDT", interval="1s")).json
    assert [len(bar) for bar in bars] == [12] * len(bars)
    day = (await rest.get("ticker/24hr", symbol="BTCUSDT")).json
    assert day["count"] >= 1
    assert float(day["lowPrice"]) <= float(day["lastPrice"]) <= float(day["highPrice"])
    mini = (await rest.get("ticker/24hr", symbol="BTCUSDT", type="MINI")).json
    assert "priceChange" not in mini


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("depth", (400, -1102, MISSING.format("symbol"))),
        ("depth?symbol=", (400, -1102, MISSING.format("symbol"))),
        ("depth?symbol=NOPE", (400, -1121, "Invalid symbol.")),
        (
            "depth?symbol=BTCUSDT&limit=0",
            (400, -1130, "Data sent for parameter 'limit' is not valid."),
        ),
        ("depth?symbol=BTCUSDT&limit=", (400, -1105, "Parameter 'limit' was empty.")),
        (
            "depth?symbol=BTCUSDT&limit=ten",
            (
                400,
                -1100,
                "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.",
            ),
        ),
        (
            "depth?symbol=BTCUSDT&x=1",
            (
                400,
                -1104,
                "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.",
            ),
        ),
        (
            "depth?symbol=BTCUSDT&symbol=BTCUSDT",
            (400, -1101, "Duplicate values for a parameter detected."),
        ),
        ("klines?symbol=BTCUSDT&interval=7m", (400, -1120, "Invalid interval.")),
        (
            "ticker/price?symbol=BTCUSDT&symbolStatus=HALT",
            (400, -1220, "The symbol's status does not match the requested symbolStatus."),
        ),
        ("ticker/price?symbolStatus=X", (400, -1122, "Invalid symbolStatus.")),
        ("userDataStream", (410, -1016, "This service is no longer available.")),
        ("account", BAD_KEY),
    ],
)
async def test_public_refusals(
    still_world: World, target: str, expected: tuple[int, int, str]
) -> None:
    assert (await still_world.rest().raw("GET", f"/api/v3/{target}")).error == expected


@pytest.mark.asyncio
async def test_unknown_paths_and_verbs_get_the_venues_page(still_world: World) -> None:
    rest = still_world.rest()
    for target in ("/api/v3/nothing", "/api/v1/ping", "/", "/sapi/v1/nothing"):
        answer = await rest.raw("GET", target)
        assert answer.status == 404
        assert answer.text == "<html><body><h2>404 Not found</h2></body></html>"
    assert (await rest.raw("PATCH", "/api/v3/order")).status == 405


@pytest.mark.asyncio
async def test_keys_signatures_and_times(still_world: World) -> None:
    rest = still_world.rest()
    headers = {"X-MBX-APIKEY": rest.pair.key}
    path = "/api/v3/account?"
    form = rest.form({})
    assert (await rest.raw("GET", path + form, headers=headers)).status == 200
    assert (await rest.raw("GET", path + form)).error == BAD_KEY
    for key in ("", "short", "A" * 65):
        wrong = await rest.raw("GET", path + form, headers={"X-MBX-APIKEY": key})
        assert wrong.error == BAD_KEY
    foreign = await rest.raw("GET", path + form, headers={"X-MBX-APIKEY": "A" * 64})
    assert foreign.error == REJECTED_KEY
    assert (await rest.raw("GET", path + form[:-1], headers=headers)).error == BAD_SIGNATURE
    assert (await rest.raw("GET", path + "x=1&" + form, headers=headers)).error == BAD_SIGNATURE
    for target, name in ((f"timestamp={now_ms()}", "signature"), ("signature=ab", "timestamp")):
        answer = await rest.raw("GET", path + target, headers=headers)
        assert answer.error == (400, -1102, MISSING.format(name))
    old = await rest.signed("GET", "account", timestamp=now_ms() - 6000)
    assert old.error == (400, -1021, "Timestamp for this request is outside of the recvWindow.")
    assert (
        await rest.signed("GET", "account", timestamp=now_ms() - 6000, recvWindow=9000)
    ).status == 200
    early = await rest.signed("GET", "account", timestamp=now_ms() + 2500)
    assert early.error == (
        400,
        -1021,
        "Timestamp for this request was 1000ms ahead of the server's time.",
    )
    micro = await rest.signed("GET", "account", timestamp=now_ms() * 1000, recvWindow="4999.999")
    assert micro.status == 200
    wide = await rest.signed("GET", "account", recvWindow=60001)
    assert wide.error == (
        400,
        -1102,
        "'recvWindow' contains unexpected value. Cannot be greater than 60000.",
    )


@pytest.mark.asyncio
async def test_parameters_may_be_mixed_and_the_query_wins(still_world: World) -> None:
    rest = still_world.rest()
    query = urlencode({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "price": "50000"})
    body = urlencode(
        {"timeInForce": "GTC", "quantity": "0.01", "price": "1", "timestamp": now_ms()}
    )
    signature = sign(rest.pair, query + body)
    answer = await rest.raw(
        "POST",
        f"/api/v3/order?{query}",
        f"{body}&signature={signature}".encode(),
        {"X-MBX-APIKEY": rest.pair.key},
    )
    assert answer.json["price"] == "50000.00000000"


@pytest.mark.asyncio
async def test_a_get_is_read_from_its_query_alone(still_world: World) -> None:
    """rest-api.md, General Information on Endpoints: "For GET endpoints, parameters must be sent as a query string"."""
    rest = still_world.rest()
    form, headers = rest.form({"symbol": "BTCUSDT"}).encode(), {"X-MBX-APIKEY": rest.pair.key}
    answer = await rest.raw("GET", "/api/v3/openOrders", body=form, headers=headers)
    assert answer.json == {"code": -1102, "msg": MISSING.format("signature")}
    query = rest.form({"symbol": "BTCUSDT"})
    answer = await rest.raw("GET", f"/api/v3/openOrders?{query}", body=b"{}", headers=headers)
    assert (answer.status, answer.json) == (200, [])


@pytest.mark.asyncio
async def test_orders_are_free_when_they_succeed_and_weigh_when_they_fail(
    still_world: World,
) -> None:
    rest = still_world.rest()

    def weight(headers: object) -> int:
        assert hasattr(headers, "get")
        return int(headers.get("X-MBX-USED-WEIGHT-1M"))

    before = weight((await rest.get("ping")).headers)
    placed = await rest.place("BUY", "0.01", "50000")
    assert weight(placed.headers) in (before, 0)
    failed = await rest.place("BUY", "0.01", "50000.001")
    assert weight(failed.headers) == weight(placed.headers) + 1
    deep = await rest.get("depth", symbol="BTCUSDT", limit=5000)
    assert weight(deep.headers) in (weight(failed.headers) + 250, 250)


def small_limits() -> ExchangeConfiguration:
    """Three orders in ten seconds, and 100 of weight a minute."""
    changed = [
        dataclasses.replace(limit, limit=3 if limit.kind == "ORDERS" else 100)
        if limit.kind == "REQUEST_WEIGHT" or limit.interval == "SECOND"
        else limit
        for limit in DEFAULT_LIMITS
    ]
    return ExchangeConfiguration(market=STILL, limits=tuple(changed))


@pytest.mark.asyncio
async def test_the_fourth_order_in_ten_seconds_is_refused() -> None:
    async with running(small_limits()) as world:
        rest = world.rest()
        # All four must fall into one window of the clock.
        remaining_s = 10 - now_ms() / 1000 % 10
        await asyncio.sleep(remaining_s if remaining_s < 5 else 0)
        for _ in range(3):
            assert (await rest.place("BUY", "0.01", "50000")).status == 200
        refused = await rest.place("BUY", "0.01", "50000")
        assert refused.error == (
            429,
            -1015,
            "Too many new orders; current limit is 3 orders per 10 SECOND.",
        )
        assert 1 <= int(refused.headers["Retry-After"]) <= 10
        counted = (await rest.signed("GET", "rateLimit/order")).json
        assert [entry["count"] for entry in counted] == [3, 3]
        assert (await rest.signed("DELETE", "openOrders", symbol="BTCUSDT")).status == 200


@pytest.mark.asyncio
async def test_a_replacement_that_orders_are_too_many_for_says_when_to_go_on() -> None:
    """rest-api.md, IP Limits: "A Retry-After header is sent with a 418 or 429 responses"."""
    limits = (RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 6000), RateLimit("ORDERS", "DAY", 1, 1))
    async with running(ExchangeConfiguration(market=STILL, limits=limits)) as world:
        rest = world.rest()
        await rest.place("BUY", "0.01", "40000", newClientOrderId="old")
        terms = {
            **LIMIT_ORDER,
            "side": "BUY",
            "quantity": "0.01",
            "price": "41000",
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "orderRateLimitExceededMode": "CANCEL_ONLY",
            "cancelOrigClientOrderId": "old",
        }
        for code in (-2021, -2022):
            answer = await rest.signed("POST", "order/cancelReplace", **terms)
            assert answer.error[:2] == (429, code)
            assert 0 < int(answer.headers["Retry-After"]) <= 86_400
            assert answer.json["data"]["newOrderResult"] in ("FAILURE", "NOT_ATTEMPTED")


@pytest.mark.asyncio
async def test_too_much_weight_is_refused_and_then_banned() -> None:
    limits = (RateLimit("REQUEST_WEIGHT", "DAY", 1, 100),)
    async with running(ExchangeConfiguration(market=STILL, limits=limits)) as world:
        rest = world.rest()
        answers = [await rest.get("exchangeInfo") for _ in range(5)]
        assert [answer.status for answer in answers] == [200] * 5
        refused = await rest.get("ping")
        assert (refused.status, refused.json["code"]) == (429, -1003)
        assert int(refused.headers["Retry-After"]) > 0
        statuses = [(await rest.get("ping")).status for _ in range(11)]
        assert statuses[-1] == 418
        banned = await rest.get("ping")
        assert 118 <= int(banned.headers["Retry-After"]) <= 120
        assert banned.json["msg"].startswith("Way too much request weight used; IP banned until ")


@pytest.mark.asyncio
async def test_bad_configurations_name_the_fault() -> None:
    for configuration, text in (
        (ExchangeConfiguration(symbols=("NOPE",)), "NOPE"),
        (ExchangeConfiguration(symbols=("BTCUSDT", "ETHUSDT"), market="x.csv"), "one symbol"),
        (
            ExchangeConfiguration(accounts=(AccountConfiguration(), AccountConfiguration())),
            "default",
        ),
    ):
        with pytest.raises(ValueError, match=text):
            async with running(configuration):
                pass
