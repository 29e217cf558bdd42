"""Random lives of a strategy and a venue: whatever happens, the books agree with what the venue really did."""

import random
from decimal import Decimal

import pytest

from actors.testing import make_book_ticker, make_instrument
from messages.control import HaltCompleted, HaltTrading, ResyncRequest
from messages.enums import Side
from messages.orders import (
    OrderUpdate,
)
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk
from tests.order_manager.random_venue import Venue, agree, settle_late, sum_executed

STEPS = 120


def live(desk: Desk, venue: Venue, dice: random.Random, *, serves: bool = True) -> None:
    """One random step of strategy, venue or time; with `serves` the venue gets what was sent."""
    step = dice.randrange(10)
    ids = [update.order_id for update in desk.sent(OrderUpdate)] or ["none"]
    if step <= 2:
        side = dice.choice((Side.BUY, Side.SELL))
        price = dice.choice(("99", "100", "101", None))
        time_to_cancel = dice.choice((None, 3.0))
        quantity = str(Decimal(dice.randint(1, 30)) / 10)
        desk.place(side, quantity, price, time_to_cancel=time_to_cancel)
    elif step == 3:
        desk.cancel(dice.choice(ids))
    elif step == 4:
        desk.amend(dice.choice(ids), dice.choice(("98", "102", None)), dice.choice(("2", None)))
    elif step == 5 and dice.random() < 0.3:
        desk.close_position()
    elif step == 6:
        venue.trade()
    elif step == 7 and dice.random() < 0.3:
        venue.forget_or_remember()
    else:
        desk.advance(dice.choice((0.1, 1.0, 5.0)))
    if serves:
        venue.serve()
    venue.deliver(dice.random())


@pytest.mark.parametrize("seed", range(40))
def test_random_lives(seed: int) -> None:
    dice = random.Random(seed)
    desk = Desk(reconcile_interval_s=20.0, absence_after_s=5.0).start()
    venue = Venue(desk, seed + 1_000)
    for _ in range(STEPS):
        live(desk, venue, dice)
        offered = sum(
            order.open_quantity
            for order in venue.orders.values()
            if order.is_open and order.side is Side.SELL
        )
        bought = sum_executed(venue, Side.BUY) - sum_executed(venue, Side.SELL)
        # Of a sale that is denied for long what it locked is taken for free: the venue may be right.
        assert offered <= bought or venue.has_lied, "more was offered than is held"
    venue.forgotten.clear()
    desk.tell(HaltTrading(reason="end", flatten=seed % 2 == 0), "system")
    for _ in range(200):
        venue.serve()
        venue.deliver(1.0)
        desk.advance(1.0)
    settle_late(desk, venue)
    agree(desk, venue)
    if seed % 2 == 0 and not venue.has_lied:
        assert desk.position() == 0
    assert desk.sent(HaltCompleted)


@pytest.mark.parametrize("seed", range(60))
def test_random_lives_with_deaths(seed: int) -> None:
    """The order manager, or the whole bot, dies at any moment and begins anew; nothing is lost and nothing doubled."""
    dice = random.Random(seed)
    desk = Desk(
        checkpoint_entries=dice.choice((3, 30, 1_000)),
        absence_after_s=5.0,
        reconcile_interval_s=20.0,
    ).start()
    venue = Venue(desk, seed + 1_000)
    for _ in range(STEPS):
        live(desk, venue, dice, serves=dice.random() < 0.9)
        if dice.random() < 0.05:
            venue.crash()
            desk.restart(is_whole_bot=dice.random() < 0.7, part=dice.choice((1, 7, 500)))
            revive(desk)
    venue.forgotten.clear()
    desk.tell(HaltTrading(reason="end"), "system")
    for _ in range(200):
        venue.serve()
        venue.deliver(1.0)
        desk.advance(1.0)
    settle_late(desk, venue)
    agree(desk, venue)


def revive(desk: Desk) -> None:
    """What others tell a new instance."""
    desk.watch()
    desk.tell(make_instrument(), GATEWAY)
    desk.tell(make_book_ticker(), "Feed")
    desk.tell(ResyncRequest(actor=STRATEGY), "system")
