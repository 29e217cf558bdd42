"""Client order ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.order_manager.naming import KEYWORDS, OrderNames, find_keyword, shorten, to_base36

NAMES = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=40
)


def test_a_short_plain_name_is_kept() -> None:
    names = OrderNames("bot", 37)
    assert names.next("Breakout") == "bot-Breakout-11-1"
    assert names.next("Breakout") == "bot-Breakout-11-2"


@given(
    bot=NAMES,
    strategy=NAMES,
    run=st.integers(0, 36**5),
    counter=st.integers(0, 36**6 - 10_000_000),
)
def test_every_id_fits_and_is_recognised(bot: str, strategy: str, run: int, counter: int) -> None:
    names = OrderNames(bot, run)
    names.counter = counter
    client_order_id = names.next(strategy)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", client_order_id)
    assert find_keyword(client_order_id) is None
    assert names.is_ours(client_order_id)
    assert names.find_strategy(client_order_id) == strategy


@given(name=st.text(min_size=1, max_size=60), length=st.integers(9, 12))
def test_a_name_is_shortened_to_plain_characters(name: str, length: int) -> None:
    part = shorten(name, length)
    assert re.fullmatch(r"[A-Za-z0-9_]+", part)
    assert len(part) <= length
    assert find_keyword(part) is None


def test_names_that_begin_alike_stay_apart() -> None:
    parts = {shorten(f"MovingAverageCross{number}", 12) for number in range(200)}
    assert len(parts) == 200


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_no_counter_and_no_run_spells_a_keyword(keyword: str) -> None:
    number = int(keyword, 36)
    if len(keyword) <= 6:
        names = OrderNames("bot", 1)
        names.counter = number - 1
        assert to_base36(number) == keyword
        assert names.next("S") == f"bot-S-1-{to_base36(number + 1)}"
    if len(keyword) <= 5:
        assert find_keyword(OrderNames("bot", number).next("S")) is None
    assert keyword not in shorten(keyword, 12)


def test_ids_of_another_bot_or_of_the_owner_are_not_ours() -> None:
    names = OrderNames("bot", 1)
    other = OrderNames("bot2", 1)
    for client_order_id in (
        "manual-1",
        "",
        "web_12345",
        "bot-",
        "bot-S-1",
        "bot-S-1-2-3",
        "xbot-S-1-2",
        other.next("S"),
        "bot-S-1-2\n",
    ):
        assert not names.is_ours(client_order_id)
        assert names.find_strategy(client_order_id) is None


def test_the_bots_a_and_a_b_are_told_apart() -> None:
    assert not OrderNames("a", 1).is_ours(OrderNames("a-b", 1).next("S"))


def test_a_strategy_of_an_earlier_run_is_named_as_its_id_names_it() -> None:
    earlier = OrderNames("bot", 1)
    client_order_id = earlier.next("A-strategy-of-long-name")
    later = OrderNames("bot", 2)
    part = later.find_strategy(client_order_id)
    assert part == client_order_id.split("-")[1]
    later.register("A-strategy-of-long-name")
    assert later.find_strategy(client_order_id) == "A-strategy-of-long-name"


def test_two_runs_never_give_the_same_id() -> None:
    first, second = OrderNames("bot", 1), OrderNames("bot", 2)
    ids = [names.next("S") for names in (first, second) for _ in range(50)]
    assert len(set(ids)) == 100


@pytest.mark.parametrize(("bot", "run"), [("", 1), ("bot", -1), ("bot", 36**6)])
def test_what_cannot_be_named_is_refused(bot: str, run: int) -> None:
    with pytest.raises(ValueError, match=r"bot|run"):
        OrderNames(bot, run)


def test_the_last_id_of_a_run_is_followed_by_an_error() -> None:
    names = OrderNames("bot", 1)
    names.counter = 36**6 - 1
    with pytest.raises(OverflowError):
        names.next("S")


@given(
    run=st.integers(0, 36**5),
    near=st.sampled_from([int(word, 36) for word in KEYWORDS if len(word) <= 6] + [0, 36**3]),
    before=st.integers(0, 40),
    asked=st.lists(st.sampled_from(("S", "A long-named Strategy", "move")), max_size=120),
)
def test_ids_count_up_whoever_asks(run: int, near: int, before: int, asked: list[str]) -> None:
    names = OrderNames("bot", run, max(near - before, 0))
    counter = names.counter
    for strategy in asked:
        if strategy == "move":
            names.move_to(run + 1)
            continue
        counter += 1
        while find_keyword(to_base36(counter)):
            counter += 1
        expected = f"bot-{names.register(strategy)}-{names.run}-{to_base36(counter)}"
        assert names.next(strategy) == expected
        assert names.counter == counter


def test_a_run_that_has_used_all_its_ids_says_so() -> None:
    names = OrderNames("bot", 1, 36**6 - 2)
    assert names.next("S") == "bot-S-1-zzzzzz"
    for _ in range(2):
        with pytest.raises(OverflowError, match="has used all"):
            names.next("S")
