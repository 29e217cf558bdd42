"""Random lives of kept lists at a venue that loses orders and finds them again: no list offers more than it has left."""

import random
from decimal import Decimal

import pytest

from actors.testing import make_book_ticker, make_instrument
from messages.control import HaltTrading, HoldTrading, ReleaseTrading, ResyncRequest
from messages.enums import ListRole, ListState, OrderStatus, OrderType, Reason, Side
from messages.order_lists import OrderListUpdate, PlaceOrderList
from messages.orders import Execution, NewOrderRequest, Order, OrderUpdate
from messages.recovery import TriggerArmed
from tests.order_manager.brackets import leg
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk
from tests.order_manager.random_venue import Venue, agree, settle_late

STEPS = 120
EXITS = [ListRole.ABOVE, ListRole.BELOW]


class ForgetfulVenue(Venue):
    """One that now and then loses an order as it takes it: it says nothing of it and denies it, for a time."""

    loses = 0.3

    def accept(self, sent: Order) -> None:
        if self.random.random() < 0.05:
            self.late.append(self.speak(sent, OrderStatus.REJECTED, Reason.UNSENT))
            return
        if self.random.random() < self.loses:
            self.forgotten.add(sent.client_order_id)
            self.has_lied = True
            self.late.append(self.speak(sent, OrderStatus.UNKNOWN))
        super().accept(sent)

    def speak(self, sent: Order, status: OrderStatus, reason: Reason = Reason.NONE) -> Order:
        return Order(
            side=sent.side,
            order_type=sent.order_type,
            symbol=sent.symbol,
            client_order_id=sent.client_order_id,
            status=status,
            reason=reason,
        )

    def tell(
        self, order: Order, execution: Execution | None = None, *, is_whole: bool = False
    ) -> None:
        """Nothing is told of what it has forgotten."""
        if order.client_order_id not in self.forgotten:
            super().tell(order, execution, is_whole=is_whole)

    def remember(self) -> None:
        """It finds one that it had lost, and tells all of it at once, or only how it stands."""
        if not self.forgotten:
            return
        name = self.random.choice(sorted(self.forgotten))
        self.forgotten.discard(name)
        if name in self.orders:
            self.tell(self.orders[name], is_whole=self.random.random() < 0.7)


def place_list(desk: Desk, dice: random.Random, number: int) -> None:
    """A bracket, or a pair for what is held."""
    stop_type = dice.choice((OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT))
    quantity = str(Decimal(dice.randint(2, 20)) / 10)
    stop = leg(f"stop-{number}", stop_type, stop_price="95", quantity=quantity)
    stop.price = Decimal(94) if stop_type.has_price else None
    target = leg(f"target-{number}", OrderType.LIMIT_MAKER, price="110", quantity=quantity)
    entry = leg(f"entry-{number}", OrderType.LIMIT, Side.BUY, price="100", quantity=quantity)
    entry.time_to_cancel = dice.choice((None, 3.0))
    is_bracket = dice.random() < 0.7
    command = PlaceOrderList(
        exchange=entry.exchange,
        symbol=entry.symbol,
        list_id=f"list-{number}",
        orders=[entry, target, stop] if is_bracket else [target, stop],
        roles=[ListRole.ENTRY, *EXITS] if is_bracket else EXITS,
    )
    desk.tell(command, STRATEGY)


def live(desk: Desk, venue: ForgetfulVenue, dice: random.Random, number: int) -> None:
    """One random step of strategy, market, venue or time."""
    step = dice.randrange(14)
    ids = [update.order_id for update in desk.sent(OrderUpdate)] or ["none"]
    if step <= 1:
        place_list(desk, dice, number)
    elif step == 2 and dice.random() < 0.4:
        desk.cancel(dice.choice(ids))
    elif step == 3 and dice.random() < 0.3:
        desk.close_position()
    elif step == 4 and dice.random() < 0.5:
        desk.amend(dice.choice(ids), None, dice.choice(("0.3", "0.5", "1")))
    elif step == 5 and dice.random() < 0.5:
        word = HoldTrading(reason="test") if dice.random() < 0.5 else ReleaseTrading()
        desk.tell(word, "Feed")
    elif step <= 6:
        bid = dice.choice((94.0, 94.5, 96.0, 100.0, 105.0))
        desk.tell(make_book_ticker(bid_price=bid, ask_price=bid + 0.01), "Feed")
    elif step <= 8:
        venue.trade()
    elif step == 9:
        venue.remember()
    else:
        desk.advance(dice.choice((0.1, 1.0, 5.0)))


def check_lists(desk: Desk, venue: ForgetfulVenue) -> None:
    """No list offers more than it has left, but for what is on its way to be canceled, and none goes on without its rest."""
    if not desk.manager.gate.is_ready:
        return  # what an earlier instance knew is looked at when the venue has answered
    table, pursued = desk.manager.books.table, desk.manager.cancels.pursued
    asked = find_asked(desk)
    lists = {order.list_id: table.list_orders(order) for order in table.open_orders()}
    lists.pop("", None)  # the sales of what is closed
    for list_id, listed in lists.items():
        exits = [order for order in listed if order.list_role in EXITS]
        sold = sum((order.executed_quantity for order in exits), Decimal(0))
        # A cancel that was refused is sent again a little later.
        standing = [order for order in listed if order.is_open and order.order_id not in pursued]
        offered = [order for order in standing if order in exits and not order.is_armed]
        names = [(order.client_order_id, order.status) for order in listed]
        assert len([order for order in offered if not order.is_waiting]) <= 1, names
        most = asked[list_id]
        assert sum(order.open_quantity for order in offered) <= max(most - sold, Decimal(0)), names
        if any(order.status is OrderStatus.FILLED for order in exits):
            assert not [order for order in standing if order in exits], names
        if not any(order.is_open for order in exits):
            assert not standing, names
    if not venue.has_lied:
        check_truth(desk, venue, asked)


def find_asked(desk: Desk) -> dict[str, Decimal]:
    """What each list was for, by the intents of its exits before any of them has gone off."""
    asked: dict[str, Decimal] = {}
    for armed in desk.ever_sent(TriggerArmed):
        asked.setdefault(armed.order.list_id, armed.order.quantity)
    return asked


def check_truth(desk: Desk, venue: ForgetfulVenue, asked: dict[str, Decimal]) -> None:
    """What each list really offers at the venue is no more than it has left of what it was for."""
    exits: dict[str, list[Order]] = {}
    for request in desk.ever_sent(NewOrderRequest):
        at_venue = venue.orders.get(request.order.client_order_id)
        if request.order.list_role in EXITS and at_venue is not None:
            exits.setdefault(request.order.list_id, []).append(at_venue)
    for list_id, orders in exits.items():
        offered = sum(order.open_quantity for order in orders if order.is_open)
        sold = sum(order.executed_quantity for order in orders)
        assert offered + sold <= asked[list_id], list_id


def end(desk: Desk, venue: ForgetfulVenue) -> None:
    """All is remembered and halted: nothing is open, and the books are what was really traded."""
    while venue.forgotten:
        venue.remember()
    desk.tell(HaltTrading(reason="end"), "system")
    for _ in range(200):
        venue.serve()
        venue.deliver(1.0)
        desk.advance(1.0)
        while venue.forgotten:
            venue.remember()
    settle_late(desk, venue)
    agree(desk, venue)
    last = {update.list_id: update.state for update in desk.ever_sent(OrderListUpdate)}
    ends = {ListState.ALL_DONE, ListState.REJECT, ListState.UNPROTECTED}
    assert set(last.values()) <= ends


def begin(seed: int, loses: float) -> tuple[Desk, ForgetfulVenue, random.Random]:
    dice = random.Random(seed)
    desk = Desk(
        reconcile_interval_s=20.0,
        absence_after_s=2.0,
        checkpoint_entries=dice.choice((3, 30, 1_000)),
    ).start()
    venue = ForgetfulVenue(desk, seed + 1_000)
    venue.loses = loses
    return desk, venue, dice


@pytest.mark.parametrize("seed", range(100))
def test_random_lives_of_lists(seed: int) -> None:
    desk, venue, dice = begin(seed, loses=0.3 if seed % 3 else 0.0)
    for number in range(STEPS):
        live(desk, venue, dice, number)
        venue.serve()
        venue.deliver(dice.random())
        desk.advance(0)
        check_lists(desk, venue)
    end(desk, venue)


@pytest.mark.parametrize("seed", range(100))
def test_random_lives_of_lists_with_deaths(seed: int) -> None:
    """The order manager, or the whole bot, dies between any two steps and begins anew."""
    desk, venue, dice = begin(seed, loses=0.3 if seed % 3 else 0.0)
    for number in range(STEPS):
        live(desk, venue, dice, number)
        if dice.random() < 0.9:
            venue.serve()
        venue.deliver(dice.random())
        desk.advance(0)
        if dice.random() < 0.05:
            venue.crash()
            desk.restart(is_whole_bot=dice.random() < 0.7, part=dice.choice((1, 7, 500)))
            desk.watch()
            desk.tell(make_instrument(), GATEWAY)
            desk.tell(make_book_ticker(), "Feed")
            desk.tell(ResyncRequest(actor=STRATEGY), "system")
            desk.advance(0)
        check_lists(desk, venue)
    end(desk, venue)
