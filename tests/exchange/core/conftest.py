"""A venue on a hand-set clock, with short ways to trade on it."""

from decimal import Decimal
from typing import Any

import pytest

from actors.exchange.accounts import Account
from actors.exchange.orders import NewOrder, OrderRecord
from actors.exchange.symbols import SymbolRules, allow_self_trades, rules_for
from actors.exchange.venue import Venue
from messages.enums import OrderType, Side, TimeInForce

START_US = 1_700_000_000_000_000


class Bench:
    """One venue without fees; LTCUSDT has a tick of 0.01 and a lot of 0.001."""

    def __init__(self, *symbols: str) -> None:
        self.now_us = START_US
        rules = [rules_for(name) for name in symbols or ("LTCUSDT",)]
        for each in rules:
            allow_self_trades(each)  # So that one account can move the price by itself.
        self.venue = Venue(rules, self.read_clock)
        self.symbol = symbols[0] if symbols else "LTCUSDT"

    @property
    def rules(self) -> SymbolRules:
        return self.venue.rules(self.symbol)

    def read_clock(self) -> int:
        return self.now_us

    def pass_time(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)

    def account(self, name: str, **balances: str) -> Account:
        """A trader without fees; by default with plenty of both assets."""
        funds = balances or {"LTC": "1000000", "USDT": "100000000"}
        return self.venue.open_account(
            name, {a: Decimal(v) for a, v in funds.items()}, Decimal(0), Decimal(0)
        )

    def limit(
        self,
        account: Account,
        side: Side,
        quantity: str,
        price: str,
        time_in_force: TimeInForce = TimeInForce.GTC,
        client_order_id: str | None = None,
    ) -> OrderRecord:
        return self.venue.new_order(
            account,
            NewOrder(
                symbol=self.symbol,
                side=side,
                order_type=OrderType.LIMIT,
                quantity=Decimal(quantity),
                price=Decimal(price),
                time_in_force=time_in_force,
                client_order_id=client_order_id,
            ),
        )

    def buy(self, account: Account, quantity: str, price: str) -> OrderRecord:
        return self.limit(account, Side.BUY, quantity, price)

    def sell(self, account: Account, quantity: str, price: str) -> OrderRecord:
        return self.limit(account, Side.SELL, quantity, price)

    def market(self, account: Account, side: Side, quantity: str) -> OrderRecord:
        return self.venue.new_order(
            account,
            NewOrder(
                symbol=self.symbol,
                side=side,
                order_type=OrderType.MARKET,
                quantity=Decimal(quantity),
            ),
        )

    def market_by_amount(self, account: Account, side: Side, amount: str) -> OrderRecord:
        return self.venue.new_order(
            account,
            NewOrder(
                symbol=self.symbol,
                side=side,
                order_type=OrderType.MARKET,
                quote_order_quantity=Decimal(amount),
            ),
        )

    def levels(self) -> tuple[dict[str, str], dict[str, str]]:
        """Both sides of the book as texts without needless zeros."""
        depth = self.venue.depth(self.symbol, 5000)
        bids = {f"{p.normalize():f}": f"{q.normalize():f}" for p, q in depth.bids}
        asks = {f"{p.normalize():f}": f"{q.normalize():f}" for p, q in depth.asks}
        return bids, asks

    def trades(self) -> list[tuple[str, str, bool]]:
        """Price, quantity and isBuyerMaker of the public trades."""
        return [
            (f"{t.price.normalize():f}", f"{t.quantity.normalize():f}", t.is_buyer_maker)
            for t in self.venue.recent_trades(self.symbol)
        ]

    def balance(self, account: Account, asset: str) -> tuple[Any, Any]:
        """Free and locked; compares with any kind of number."""
        balance = account.balance(asset)
        return balance.free, balance.locked


def listen(account: Account) -> list[dict[str, Any]]:
    """All events of an account from now on."""
    events: list[dict[str, Any]] = []
    account.listeners.append(events.append)
    return events


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="session")
def new_bench() -> type[Bench]:
    return Bench


@pytest.fixture(scope="session")
def listener() -> Any:
    return listen
