"""Whatever requests come: what user events told, what REST answers, and what the engine holds are the same."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.exchange.accounts import Account
from actors.exchange.desk import Call, Desk
from actors.exchange.errors import VenueError
from actors.exchange.limits import DEFAULT_LIMITS, Limits
from actors.exchange.methods import METHODS
from actors.exchange.orders import NewOrder
from actors.exchange.signing import generate_hmac_pair
from tests.exchange.core.random_requests import Action, act, actions_in, check_money, open_accounts

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

SYMBOL = "LTCUSDT"
OPEN = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")
HANDLERS = {method.name: method.handler for method in METHODS}
PAIR = generate_hmac_pair()
GENEROUS = tuple(replace(limit, limit=10**9) for limit in DEFAULT_LIMITS)


class Told:
    """What an account knows from its user events alone."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.orders: dict[int, dict[str, Any]] = {}
        self.balances = {
            name: (str_of(one.free), str_of(one.locked)) for name, one in account.balances.items()
        }
        self.trades: list[tuple[Any, ...]] = []
        self.lists: dict[int, str] = {}
        self.executions: list[int] = []
        account.listeners.append(self.hear)

    def hear(self, event: dict[str, Any]) -> None:
        if event["e"] == "outboundAccountPosition":
            for one in event["B"]:
                self.balances[one["a"]] = (one["f"], one["l"])
        elif event["e"] == "listStatus":
            self.lists[event["g"]] = event["L"]
        else:
            self.executions.append(event["I"])
            before = self.orders.get(event["i"])
            if event["x"] == "REJECTED":
                # Of a cancel-replace's new order: the venue knows it no more than any other that was refused.
                assert before is None
                return
            if before is None:
                assert event["x"] == "NEW"
            else:
                # An order waits in its list, then it is new once more.
                assert before["X"] in OPEN or event["X"] == before["X"]
                assert Decimal(event["z"]) >= Decimal(before["z"])
            self.orders[event["i"]] = event
            if event["x"] == "TRADE":
                self.trades.append(trade_of(event))


def str_of(amount: Decimal) -> str:
    """An amount as it is told."""
    return f"{amount:.8f}"


def trade_of(event: dict[str, Any]) -> tuple[Any, ...]:
    """A trade as an event tells it."""
    return (event["t"], event["i"], event["L"], event["l"], event["n"], event["N"], event["m"])


class Asker:
    """Asks as REST asks, without a network."""

    def __init__(self, bench: "Bench") -> None:
        self.bench = bench
        self.desk = Desk(bench.venue, Limits(GENEROUS), [], bench.venue.now_us)

    def ask(self, account: Account, method: str, **values: Any) -> Any:
        key = PAIR.for_exchange(account.name)
        return HANDLERS[method](Call(self.desk, values, self.bench.venue.now_us(), key, None))


def replace_order(asker: Asker, account: Account, order: NewOrder, number: int) -> None:
    """A cancel-replace of one of the open orders, or of one that is none."""
    orders = asker.bench.venue.open_orders(account)
    target = orders[number % len(orders)].order_id if orders else 999_999
    terms = {
        "symbol": order.symbol,
        "side": str(order.side),
        "type": str(order.order_type),
        "quantity": order.quantity,
        "quoteOrderQty": order.quote_order_quantity,
        "price": order.price,
        "timeInForce": str(order.time_in_force) if order.time_in_force else None,
        "stopPrice": order.stop_price,
        "trailingDelta": order.trailing_delta,
        "cancelOrderId": target,
        "cancelReplaceMode": "ALLOW_FAILURE" if number % 2 else "STOP_ON_FAILURE",
    }
    values = {name: value for name, value in terms.items() if value is not None}
    asker.bench.pass_time(0.1)
    # Refused or half refused is as good as done: what is said of it must agree either way.
    with suppress(VenueError):
        asker.ask(account, "order.cancelReplace", **values)


def check(asker: Asker, told: Told) -> None:
    """The three accounts of the same thing."""
    account = told.account
    listed = asker.ask(account, "openOrders.status", symbol=SYMBOL)
    assert {one["orderId"] for one in listed} == {
        number for number, event in told.orders.items() if event["X"] in OPEN
    }
    assert {one["orderId"] for one in listed} == set(account.history.open)
    for number, event in told.orders.items():
        answer = asker.ask(account, "order.status", symbol=SYMBOL, orderId=number)
        names = ("status", "executedQty", "cummulativeQuoteQty", "origQty", "price", "type")
        assert [answer[name] for name in names] == [event[one] for one in "XzZqpo"]
        assert answer["clientOrderId"] == event["c"]
        assert answer["orderListId"] == event["g"]
        assert answer["stopPrice"] == event["P"]
        assert answer["selfTradePreventionMode"] == event["V"]
    balances = asker.ask(account, "account.status")["balances"]
    assert {one["asset"]: (one["free"], one["locked"]) for one in balances} == told.balances
    trades = asker.ask(account, "myTrades", symbol=SYMBOL, limit=1000)
    of_trades = ("id", "orderId", "price", "qty", "commission", "commissionAsset", "isMaker")
    assert sorted(tuple(one[name] for name in of_trades) for one in trades) == sorted(told.trades)
    for number, status in told.lists.items():
        found = asker.ask(account, "orderList.status", orderListId=number)
        assert found["listOrderStatus"] == status
    assert told.executions == sorted(set(told.executions))


Step = tuple[int, Action | tuple[NewOrder, int]]


def steps() -> "st.SearchStrategy[list[Step]]":
    """Orders, triggers, lists, prevention, cancels, amendments, and cancel-replaces."""
    plain = actions_in(SYMBOL)
    return st.tuples(plain, st.lists(st.tuples(st.integers(0, 39), st.integers(0, 30)))).map(
        lambda drawn: mix(*drawn)
    )


def mix(actions: list[tuple[int, Action]], replaced: list[tuple[int, int]]) -> list[Step]:
    """Makes cancel-replaces of some of the orders."""
    chosen = dict(replaced)
    return [
        (index, (action, chosen[place]))
        if place in chosen and isinstance(action, NewOrder)
        else (index, action)
        for place, (index, action) in enumerate(actions)
    ]


@settings(max_examples=150, deadline=None)
@given(sequence=steps())
def test_events_answers_and_engine_agree(new_bench: type["Bench"], sequence: list[Step]) -> None:
    bench = new_bench(SYMBOL, "BNBUSDT")
    # Something that fees in BNB are worth: of the first account, until it has no more.
    seed = bench.account("seed", BNB="10", USDT="100000")
    bench.symbol = "BNBUSDT"
    bench.sell(seed, "1", "500")
    bench.buy(seed, "1", "500")
    bench.symbol = SYMBOL
    told = [Told(account) for account in open_accounts(bench)]
    asker = Asker(bench)
    for index, action in sequence:
        account = told[index].account
        if isinstance(action, tuple):
            replace_order(asker, account, *action)
        else:
            act(bench, account, action)
        for one in told:
            check(asker, one)
        check_money(bench)
