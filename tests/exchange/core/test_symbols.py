"""Built-in and derived symbols."""

from decimal import Decimal

import pytest

from actors.exchange.symbols import BUILT_IN, rules_for, to_exchange_info


@pytest.mark.parametrize("name", [*BUILT_IN, "DOGEUSDT", "SOLBTC", "1000SATSFDUSD", "BTCEUR"])
def test_rules_are_consistent(name: str) -> None:
    rules = rules_for(name)
    assert rules.base_asset + rules.quote_asset == name
    assert rules.min_price % rules.tick_size == 0
    assert rules.max_quantity % rules.lot_size == 0
    assert rules.min_quantity == rules.lot_size
    assert 0 < rules.min_notional < rules.max_notional


def test_quote_asset_is_the_ending() -> None:
    assert (rules_for("ETHBTC").base_asset, rules_for("ETHBTC").quote_asset) == ("ETH", "BTC")
    assert rules_for("BNBFDUSD").quote_asset == "FDUSD"
    assert rules_for("BTCUSDT").tick_size == Decimal("0.01")


@pytest.mark.parametrize("name", ["BTCUSDT", "DOGEUSDT"])
def test_no_account_trades_with_itself_unawares(name: str) -> None:
    """As exchangeInfo of Binance's symbols says; the examples of the documentation alone show NONE.

    CHANGELOG 2025-05-07 and 2026-03-27: DECREMENT and TRANSFER are allowed on all symbols.
    """
    info = to_exchange_info(rules_for(name))
    assert info["defaultSelfTradePreventionMode"] == "EXPIRE_MAKER"
    allowed = ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"]
    assert info["allowedSelfTradePreventionModes"] == allowed


@pytest.mark.parametrize("name", ["", "USDT", "btcusdt", "BTCXYZ", "B-CUSDT"])
def test_name_without_a_known_quote_asset_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no symbol this exchange can list"):
        rules_for(name)
