"""An account's order lists: what a client's id finds, and what is forgotten."""

from actors.exchange.accounts import Account
from actors.exchange.history import OrderHistory
from actors.exchange.orders import ContingencyType, OrderList


def make_list(number: int, client_id: str, is_done: bool = True) -> OrderList:
    account = Account("one", 1)
    contingency = ContingencyType.OCO
    made = OrderList(account, number, "BTCUSDT", contingency, client_id, None, [], number)
    made.is_done = is_done
    return made


def test_a_clients_id_finds_its_newest_list_also_when_older_ones_are_forgotten() -> None:
    history = OrderHistory(order_lists_kept=2)
    first, second = make_list(1, "same"), make_list(2, "same")
    history.add_list(first)
    history.add_list(second)
    assert history.find_list("same") is second
    history.add_list(make_list(3, "other"))  # and the first is forgotten
    assert history.find_list("same") is second
    history.add_list(make_list(4, "third"))
    assert history.find_list("same") is None
    assert list(history.order_lists) == [3, 4]


def test_a_list_that_is_not_done_is_never_forgotten() -> None:
    history = OrderHistory(order_lists_kept=1)
    lasting = make_list(1, "lasting", is_done=False)
    history.add_list(lasting)
    history.add_list(make_list(2, "second"))
    assert history.find_list("lasting") is lasting
    assert list(history.order_lists) == [1]
