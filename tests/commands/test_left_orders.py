"""Orders that a run leaves behind, and a start whose venue does not answer while they may be open."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands.left_orders import advise, describe_order, find_left_orders
from actors.testing import make_order_update
from messages.codec import encode
from messages.enums import OrderStatus
from messages.orders import NewOrderRequest, OrderUpdate
from messages.recovery import OrderManagerCheckpoint
from tests.commands.command_client import wait_for_state
from tests.commands.harness import BotProcess, LocalVenue, wait_until

QUOTES = """
[[actors]]
class = "MarketMaker"
name = "Quotes"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.05
requote_threshold = 0.5
"""

StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]


def make_update(number: int, status: OrderStatus) -> OrderUpdate:
    """What the order manager tells of an order that has a name at the venue."""
    update = make_order_update(str(number), status)
    update.order.client_order_id = f"bot-{number}"
    return update


def make_request(number: int) -> NewOrderRequest:
    """The intent of an order."""
    order = make_update(number, OrderStatus.PENDING_NEW).order
    return NewOrderRequest(exchange=order.exchange, order=order)


STEPS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, *OrderStatus])), max_size=40)


@given(before=STEPS, after=STEPS)
def test_the_journals_last_word_on_each_order_counts(
    before: list[tuple[int, OrderStatus | None]], after: list[tuple[int, OrderStatus | None]]
) -> None:
    """A model: the last thing written of each order; a checkpoint between says the same in one message."""
    ended = {status for status in OrderStatus if status.is_terminal} | {OrderStatus.NOT_FOUND}
    model: dict[int, OrderStatus] = {}

    def write(steps: list[tuple[int, OrderStatus | None]]) -> list[bytes]:
        frames = []
        for number, status in steps:
            model[number] = OrderStatus.PENDING_NEW if status is None else status
            message = make_request(number) if status is None else make_update(number, status)
            frames.append(encode(message))
        return frames

    frames = write(before)
    checkpoint = OrderManagerCheckpoint(
        naming_run=1, orders=[make_update(number, status).order for number, status in model.items()]
    )
    whole = [*frames, encode(checkpoint)]
    later = write(after)
    expected = {f"bot-{number}" for number, status in model.items() if status not in ended}
    for told in ([*whole, *later], [encode(checkpoint), *later], [*frames, *later]):
        assert {order.client_order_id for order in find_left_orders(told)} == expected


def test_a_frame_that_cannot_be_read_is_told() -> None:
    frame = encode(make_update(1, OrderStatus.NEW))
    with pytest.raises(ValueError, match="cannot be read"):
        find_left_orders([frame[: len(frame) // 2]])


def test_each_order_that_is_left_comes_with_what_to_do() -> None:
    resting = make_update(1, OrderStatus.NEW).order
    resting.venue_status = OrderStatus.NEW
    unheard = make_update(2, OrderStatus.UNKNOWN).order
    assert advise(resting).startswith(f"open      {describe_order(resting)}: cancel it")
    assert advise(unheard).startswith(f"unknown   {describe_order(unheard)}: it was sent")
    # A cancel that was asked for does not make it known.
    unheard.status = OrderStatus.PENDING_CANCEL
    assert advise(unheard).startswith("unknown ")


def test_after_a_crash_the_venue_is_asked_without_an_end_and_an_interrupt_names_the_orders(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    file = venue.write_configuration(tmp_path, "request_timeout_s = 0.5\n" + QUOTES)
    bot = start_bot("--config", file)
    (name,) = wait_until(venue.open_ids, "an order that rests")
    wait_for_state(tmp_path / "state", "trading")
    bot.signal(signal.SIGKILL)
    bot.wait()
    venue.process.send_signal(signal.SIGSTOP)
    try:
        bot = start_bot("--config", file)
        waiting = wait_for_state(tmp_path / "state", "starting")
        wait_until(
            lambda: name in wait_for_state(tmp_path / "state", "starting")["waiting_for"],
            "the order's name among the reasons to wait",
        )
        assert "the venue at" in waiting["waiting_for"]
        bot.signal(signal.SIGINT)
        ended = bot.wait()
        assert ended.code == 1
        (line,) = [line for line in ended.stderr.splitlines() if line.startswith("open ")]
        assert name in line
        assert "cancel it at the venue, or start the bot again" in line
        # With nobody to interrupt it, it goes on asking and takes the order up.
        bot = start_bot("--config", file)
        wait_for_state(tmp_path / "state", "starting")
    finally:
        venue.process.send_signal(signal.SIGCONT)
    wait_for_state(tmp_path / "state", "trading")
    bot.signal(signal.SIGTERM)
    assert bot.wait().code == 0
    assert venue.open_ids() == []
