"""exchangeInfo, account and their like."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.binance.wire_info import (
    account_snapshot_of,
    decode_account,
    decode_exchange_info,
    decode_rate_limits,
    decode_server_time,
    instruments_of,
)
from messages.enums import Exchanges, OrderType, SymbolStatus

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "data" / "binance-examples.jsonl"
FOUR_SYMBOLS = ROOT / "../shared/data/four-symbols-frames-2021-10-12.jsonl.gz"


def rest_example(line: int) -> Any:
    """The example at a line of rest-api.md."""
    for text in EXAMPLES.read_text(encoding="utf-8").splitlines():
        item = json.loads(text)
        if item["file"] == "rest-api.md" and item["line"] == line:
            return item["value"]
    raise AssertionError(f"no example at line {line}")


def symbol_with(*filters: dict[str, Any], **changes: Any) -> bytes:
    """An exchangeInfo of one symbol with these filters."""
    symbol = {**rest_example(813)["symbols"][0], "filters": list(filters), **changes}
    return msgspec.json.encode({"symbols": [symbol], "serverTime": 1})


def test_a_whole_exchange_of_1695_symbols() -> None:
    if not FOUR_SYMBOLS.exists():
        pytest.skip("the recording of four symbols is not on this machine")
    with gzip.open(FOUR_SYMBOLS, "rt", encoding="utf-8") as lines:
        whole = json.loads(next(lines))["data"]
    info = decode_exchange_info(msgspec.json.encode(whole))
    instruments = instruments_of(info)
    assert len(instruments) == len(whole["symbols"]) == 1695
    for instrument, plain in zip(instruments, whole["symbols"], strict=True):
        rules = {rule["filterType"]: rule for rule in plain["filters"]}
        assert instrument.symbol == plain["symbol"]
        assert instrument.tick_size == Decimal(rules["PRICE_FILTER"]["tickSize"])
        assert instrument.lot_size == Decimal(rules["LOT_SIZE"]["stepSize"])
        assert instrument.min_notional == Decimal(rules["MIN_NOTIONAL"]["minNotional"])
        assert instrument.bid_multiplier_up == Decimal(rules["PERCENT_PRICE"]["multiplierUp"])
        assert instrument.max_open_orders == rules["MAX_NUM_ORDERS"]["maxNumOrders"]
        assert instrument.status == plain["status"]
    limits = [
        (limit.kind, limit.interval, limit.interval_count, limit.limit)
        for limit in info.rate_limits
    ]
    assert ("REQUEST_WEIGHT", "MINUTE", 1, 1200) in limits
    assert ("ORDERS", "SECOND", 10, 50) in limits


def test_every_filter_of_today() -> None:
    data = symbol_with(
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.1", "maxQty": "50", "stepSize": "0.1"},
        {
            "filterType": "NOTIONAL",
            "minNotional": "5",
            "applyMinToMarket": True,
            "maxNotional": "9000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "1.2",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.8",
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "TOMORROW", "novelty": {"deep": []}},
    )
    (instrument,) = instruments_of(
        decode_exchange_info(data), Exchanges.CUSTOM, taker_fee=Decimal("0.001")
    )
    assert instrument.exchange is Exchanges.CUSTOM
    assert (instrument.tick_size, instrument.min_price, instrument.max_price) == (
        Decimal("0.01"),
        Decimal("0.01"),
        Decimal(1000),
    )
    assert (instrument.lot_size, instrument.market_lot_size) == (Decimal("0.001"), Decimal("0.1"))
    assert (instrument.market_min_quantity, instrument.market_max_quantity) == (
        Decimal("0.1"),
        Decimal(50),
    )
    assert (instrument.min_notional, instrument.max_notional) == (Decimal(5), Decimal(9000000))
    assert instrument.min_notional_applies_to_market
    assert not instrument.max_notional_applies_to_market
    assert instrument.ask_multiplier_down == Decimal("0.8")
    assert instrument.max_open_orders == 200
    assert instrument.taker_fee == Decimal("0.001")
    assert instrument.event_time_ns == 1_000_000


def test_statuses_and_order_types_of_tomorrow() -> None:
    data = symbol_with(status="ASLEEP", orderTypes=["LIMIT", "ORACLE"])
    (instrument,) = instruments_of(decode_exchange_info(data))
    assert instrument.status is SymbolStatus.UNRECOGNISED
    assert instrument.order_types == [OrderType.LIMIT, OrderType.UNRECOGNISED]


def test_the_account_of_the_documentation() -> None:
    account = decode_account(msgspec.json.encode(rest_example(4196)))
    snapshot = account_snapshot_of(account, [])
    assert [(b.asset, b.free) for b in snapshot.balances] == [
        ("BTC", Decimal("4723846.89208129")),
        ("LTC", Decimal("4763368.68006011")),
    ]
    assert snapshot.maker_fee == snapshot.taker_fee == Decimal("0.0015")


def test_an_account_of_old_has_its_fees_in_basis_points() -> None:
    account = decode_account(b'{"makerCommission":15,"takerCommission":10,"balances":[]}')
    snapshot = account_snapshot_of(account, [])
    assert (snapshot.maker_fee, snapshot.taker_fee) == (Decimal("0.0015"), Decimal("0.0010"))


def test_server_time_and_order_counts() -> None:
    assert decode_server_time(b'{"serverTime":1499827319559}') == 1499827319559000000
    limits = decode_rate_limits(msgspec.json.encode(rest_example(4657)))
    assert [(limit.interval_count, limit.count) for limit in limits] == [(10, 0), (1, 0)]
