"""After whatever has come: user events, REST answers and the engine tell the same, and no unit of money is lost."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from actors.exchange.accounts import Account
from actors.exchange.app import Exchange
from tests.exchange.core.random_requests import check_money_of
from tests.exchange.fuzz.hostile import SYMBOLS
from tests.exchange.server.client import Rest

OPEN = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")
PAGE = 1000


class Told:
    """What an account knows from its user events alone."""

    def __init__(self, balances: dict[str, tuple[str, str]]) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.balances = balances
        self.trades: list[tuple[Any, ...]] = []
        self.executions = 0
        self.events = 0

    def hear(self, event: dict[str, Any]) -> None:
        """Takes in one event."""
        self.events += 1
        if event["e"] == "outboundAccountPosition":
            self.balances |= {one["a"]: (one["f"], one["l"]) for one in event["B"]}
        elif event["e"] == "executionReport":
            before = self.orders.get(event["i"])
            assert event["I"] > self.executions, event
            self.executions = event["I"]
            if event["x"] == "REJECTED":
                # Of a cancel-replace's new order: the venue knows it no more than any other that was refused.
                assert before is None, event
                return
            if before is None:
                assert event["x"] == "NEW", event
            else:
                assert before["X"] in OPEN or event["X"] == before["X"], (before, event)
                assert Decimal(event["z"]) >= Decimal(before["z"]), (before, event)
            self.orders[event["i"]] = event
            if event["x"] == "TRADE":
                self.trades.append(
                    tuple(event[name] for name in ("s", "t", "i", "L", "l", "n", "N", "m"))
                )


async def pages(rest: Rest, path: str, first: str, number: str, symbol: str) -> list[Any]:
    """All rows of a query that is answered in pages, by the number of their rows."""
    found: list[Any] = []
    following = 0
    while True:
        query = {"symbol": symbol, "limit": PAGE, first: following}
        rows = (await rest.signed("GET", path, **query)).json
        assert isinstance(rows, list), rows
        found += rows
        if len(rows) < PAGE:
            return found
        following = rows[-1][number] + 1


async def check_account(rest: Rest, told: Told, account: Account) -> None:
    """Raises AssertionError where events, answers and engine differ."""
    answer = (await rest.signed("GET", "account")).json
    balances = {one["asset"]: (one["free"], one["locked"]) for one in answer["balances"]}
    assert told.balances == balances
    assert {
        asset: (f"{one.free:.8f}", f"{one.locked:.8f}") for asset, one in account.balances.items()
    } == balances
    orders: dict[int, Any] = {}
    trades: list[tuple[Any, ...]] = []
    still_open: set[int] = set()
    for symbol in SYMBOLS:
        for row in await pages(rest, "allOrders", "orderId", "orderId", symbol):
            orders[row["orderId"]] = row
        names = ("symbol", "id", "orderId", "price", "qty", "commission", "commissionAsset")
        for row in await pages(rest, "myTrades", "fromId", "id", symbol):
            trades.append((*(row[name] for name in names), row["isMaker"]))
        listed = (await rest.signed("GET", "openOrders", symbol=symbol)).json
        still_open |= {row["orderId"] for row in listed}
    assert sorted(trades) == sorted(told.trades)
    assert set(orders) == set(told.orders)
    assert still_open == set(account.history.open)
    for number, event in told.orders.items():
        row = orders[number]
        compared = ("status", "executedQty", "cummulativeQuoteQty", "origQty", "price", "type")
        assert [row[name] for name in compared] == [event[one] for one in "XzZqpo"], (row, event)
        assert (row["clientOrderId"], row["orderListId"]) == (event["c"], event["g"])
        assert (event["X"] in OPEN) == (number in still_open)


def check_engine(exchange: Exchange) -> None:
    """Raises AssertionError if money has come from or gone to nowhere, or a book is crossed or holds what has ended."""
    check_money_of(exchange.venue)
    for bid, ask in best_prices(exchange):
        assert not bid or not ask or bid < ask, (bid, ask)


def best_prices(exchange: Exchange) -> Iterator[tuple[Decimal, Decimal]]:
    """The best bid and ask of every symbol."""
    for symbol in SYMBOLS:
        ticker = exchange.venue.book_ticker(symbol)
        yield ticker.bid_price, ticker.ask_price
