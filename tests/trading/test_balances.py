"""Balances by the venue's clock."""

from decimal import Decimal

from actors.trading.balances import Balances
from messages.account import Balance
from messages.enums import Exchanges

EXCHANGE = Exchanges.CUSTOM


def make_balance(asset: str, free: int, time_ns: int, locked: int = 0) -> Balance:
    return Balance(
        exchange=EXCHANGE,
        asset=asset,
        free=Decimal(free),
        locked=Decimal(locked),
        event_time_ns=time_ns,
    )


def test_an_older_statement_never_replaces_a_newer_one() -> None:
    balances = Balances()
    assert balances.apply(make_balance("USDT", 10, 5))
    assert not balances.apply(make_balance("USDT", 99, 4))
    assert balances.free(EXCHANGE, "USDT") == 10
    assert balances.apply(make_balance("USDT", 8, 5))
    assert balances.free(EXCHANGE, "USDT") == 8
    assert balances.free(EXCHANGE, "BTC") is None
    assert balances.get(Exchanges.BINANCE, "USDT") is None


def test_a_statement_without_a_time_is_taken_as_it_comes() -> None:
    balances = Balances()
    balances.apply(make_balance("USDT", 10, 5))
    assert balances.apply(make_balance("USDT", 7, 0))
    assert not balances.apply(make_balance("USDT", 99, 4))
    assert balances.free(EXCHANGE, "USDT") == 7


def test_a_snapshot_empties_what_it_leaves_out_unless_that_is_newer() -> None:
    balances = Balances()
    balances.apply(make_balance("USDT", 10, 5))
    balances.apply(make_balance("BTC", 1, 5, locked=1))
    balances.apply(make_balance("ETH", 2, 9))
    changed = balances.apply_snapshot(EXCHANGE, [make_balance("USDT", 10, 0)], 7)
    assert [(balance.asset, balance.total) for balance in changed] == [("BTC", Decimal(0))]
    known = {balance.asset: balance.total for balance in balances.all(EXCHANGE)}
    assert known == {"BTC": 0, "ETH": 2, "USDT": 10}
    assert not balances.apply(make_balance("BTC", 1, 6))
    assert balances.all(Exchanges.BINANCE) == []


def test_a_late_snapshot_changes_nothing() -> None:
    balances = Balances()
    balances.apply(make_balance("USDT", 10, 5))
    assert balances.apply_snapshot(EXCHANGE, [make_balance("USDT", 3, 0)], 4) == []
    assert balances.free(EXCHANGE, "USDT") == 10
