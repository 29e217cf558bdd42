"""Orders on the REST API over a real socket: placed, refused, filled, canceled."""

import pytest

from actors.exchange.configuration import STILL, ExchangeConfiguration
from tests.exchange.server.client import World, running

MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [0, 1], ids=["hmac", "ed25519"])
async def test_place_query_cancel(still_world: World, number: int) -> None:
    rest = still_world.rest(number)
    placed = await rest.place("BUY", "0.01", "50000", newClientOrderId="mine-1")
    order = placed.json
    assert (placed.status, order["status"], order["fills"]) == (200, "NEW", [])
    assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert placed.headers["X-MBX-ORDER-COUNT-1D"] == "1"
    one = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    found = await rest.signed("GET", "order", **one)
    assert (found.json["clientOrderId"], found.json["status"]) == ("mine-1", "NEW")
    by_name = await rest.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="mine-1")
    assert by_name.json == found.json
    assert (await rest.signed("GET", "openOrders")).json == [found.json]
    canceled = await rest.signed("DELETE", "order", **one, newClientOrderId="cancel-1")
    assert canceled.json["origClientOrderId"] == "mine-1"
    assert canceled.json["clientOrderId"] == "cancel-1"
    again = await rest.signed("DELETE", "order", **one)
    assert again.error == (400, -2011, "Unknown order sent.")
    unknown = await rest.signed("GET", "order", symbol="BTCUSDT", orderId=99)
    assert unknown.error == (400, -2013, "Order does not exist.")
    assert (await rest.signed("GET", "openOrders", symbol="BTCUSDT")).json == []
    listed = await rest.signed("GET", "allOrders", symbol="BTCUSDT")
    assert [entry["status"] for entry in listed.json] == ["CANCELED"]


@pytest.mark.asyncio
async def test_two_accounts_trade_and_both_see_it(still_world: World) -> None:
    maker, taker = still_world.rest(0), still_world.rest(0, account=1)
    await maker.place("SELL", "0.02", "50000")
    filled = (await taker.place("BUY", "0.01", "51000")).json
    assert filled["status"] == "FILLED"
    assert filled["fills"] == [
        {
            "price": "50000.00000000",
            "qty": "0.01000000",
            "commission": "0.00001000",
            "commissionAsset": "BTC",
            "tradeId": 1,
        }
    ]
    mine = (await maker.signed("GET", "myTrades", symbol="BTCUSDT")).json
    theirs = (await taker.signed("GET", "myTrades", symbol="BTCUSDT")).json
    assert (mine[0]["isMaker"], theirs[0]["isMaker"]) == (True, False)
    balances = (await taker.signed("GET", "account", omitZeroBalances="true")).json["balances"]
    held = {entry["asset"]: entry["free"] for entry in balances}
    assert (held["BTC"], held["USDT"]) == ("100.00999000", "999500.00000000")
    assert (await taker.get("trades", symbol="BTCUSDT")).json[0]["price"] == "50000.00000000"


@pytest.mark.asyncio
async def test_the_form_of_the_answer_to_an_order(still_world: World) -> None:
    rest = still_world.rest()
    short = (await rest.place("BUY", "0.01", "50000", newOrderRespType="ACK")).json
    assert list(short) == ["symbol", "orderId", "orderListId", "clientOrderId", "transactTime"]
    result = (await rest.place("BUY", "0.01", "50000", newOrderRespType="RESULT")).json
    assert "status" in result
    assert "fills" not in result
    maker = await rest.signed(
        "POST",
        "order",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT_MAKER",
        quantity="0.01",
        price="49000",
    )
    assert list(maker.json) == list(short)
    bad = await rest.place("BUY", "0.01", "50000", newOrderRespType="LONG")
    assert bad.error == (400, -1130, "Data sent for parameter 'newOrderRespType' is not valid.")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "BRACKET"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"timeInForce": None}, -1102, MISSING.format("timeInForce")),
        ({"price": None}, -1102, MISSING.format("price")),
        ({"quantity": None}, -1102, MISSING.format("quantity")),
        ({"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"quantity": "0.00000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "90", "side": "SELL", "price": "50000000"}, -1013, None),
        (
            {"quantity": "150", "side": "SELL"},
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        (
            {"type": "MARKET", "timeInForce": None},
            -1106,
            "Parameter 'price' sent when not required.",
        ),
        (
            {"type": "STOP_LOSS_LIMIT"},
            -1102,
            "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
        ),
        (
            {"type": "STOP_LOSS_LIMIT", "stopPrice": "49999.999"},
            -1013,
            "Filter failure: PRICE_FILTER",
        ),
        (
            {"icebergQty": "0.01"},
            -2010,
            "IcebergQty exceeds QTY.",
        ),
        ({"strategyType": "5"}, -1134, "`strategyType` was less than 1000000."),
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"newClientOrderId": "a b"}, -1100, None),
        ({"quantity": "1e-05"}, -1100, None),
        (
            {"surprise": "1"},
            -1104,
            "Not all sent parameters were read; read '8' parameter(s) but was sent '9'.",
        ),
    ],
)
async def test_refused_orders(
    still_world: World, changes: dict[str, str | None], code: int, message: str | None
) -> None:
    terms = {"side": "BUY", "quantity": "0.01", "price": "50000", "symbol": "BTCUSDT"}
    terms |= {"type": "LIMIT", "timeInForce": "GTC"}
    merged = {**terms, **changes}
    sent = {name: value for name, value in merged.items() if value is not None}
    for path in ("order", "order/test"):
        answer = await still_world.rest().signed("POST", path, **sent)
        if path == "order/test" and "balance" in (message or ""):
            assert answer.json == {}
            continue
        assert answer.status == 400
        assert answer.json["code"] == code
        assert message is None or answer.json["msg"] == message


@pytest.mark.asyncio
async def test_order_test_places_nothing_and_can_tell_the_fees(still_world: World) -> None:
    rest = still_world.rest()
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert (await rest.signed("POST", "order/test", **terms)).json == {}
    fees = (await rest.signed("POST", "order/test", **terms, computeCommissionRates="true")).json
    assert fees["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert (await rest.signed("GET", "allOrders", symbol="BTCUSDT")).json == []
    rates = (await rest.signed("GET", "account/commission", symbol="BTCUSDT")).json
    assert rates["standardCommission"]["taker"] == "0.00100000"


@pytest.mark.asyncio
async def test_cancel_needs_an_id_and_all_can_be_canceled(still_world: World) -> None:
    rest = still_world.rest()
    neither = await rest.signed("DELETE", "order", symbol="BTCUSDT")
    assert neither.error == (
        400,
        -1102,
        "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
    )
    bad = await rest.signed(
        "DELETE", "order", symbol="BTCUSDT", orderId=1, cancelRestrictions="NEVER"
    )
    assert bad.error == (400, -1145, "Invalid cancelRestrictions")
    for price in ("50000", "50001"):
        await rest.place("BUY", "0.01", price)
    gone = (await rest.signed("DELETE", "openOrders", symbol="BTCUSDT")).json
    assert [entry["status"] for entry in gone] == ["CANCELED", "CANCELED"]
    none = await rest.signed("DELETE", "openOrders", symbol="BTCUSDT")
    assert none.error == (400, -2011, "Unknown order sent.")


@pytest.mark.asyncio
async def test_an_order_that_names_no_mode_does_not_trade_with_its_own_account() -> None:
    """faqs/stp_faq.md: the symbol's default is used, EXPIRE_MAKER; a mode that is not allowed is refused, such as NONE."""
    async with running(ExchangeConfiguration(market=STILL)) as world:
        rest = world.rest()
        maker = (await rest.place("BUY", "0.01", "50000")).json
        taker = (await rest.place("SELL", "0.01", "50000")).json
        assert (taker["status"], taker["selfTradePreventionMode"]) == ("NEW", "EXPIRE_MAKER")
        found = await rest.signed("GET", "order", symbol="BTCUSDT", orderId=maker["orderId"])
        assert found.json["status"] == "EXPIRED_IN_MATCH"
        refused = await rest.place("BUY", "0.01", "40000", selfTradePreventionMode="NONE")
        refusal = "This symbol does not allow the specified self-trade prevention mode."
        assert refused.error == (400, -1013, refusal)
