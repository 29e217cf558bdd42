"""The order table against a model: a venue that does what it likes, and whose words arrive late, twice, in any order.

The model knows of each order what the venue has told so far, as a set, and what we have said since; from that alone it says
how the order must stand. It does not know in which order anything came.
"""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from actors.trading.order_change import OrderChange, Verdict
from actors.trading.order_table import OrderTable
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, Side
from messages.order_status import TRANSITIONS
from messages.orders import Execution, Order

S = OrderStatus
EXCHANGE = Exchanges.CUSTOM
QUANTITY = Decimal(10)
ENDS = (S.FILLED, S.CANCELED, S.EXPIRED, S.EXPIRED_IN_MATCH)
TOLD_BY = ("report", "reply", "query")
OUR_WORDS = {"cancel": S.PENDING_CANCEL, "unknown": S.UNKNOWN, "absent": S.NOT_FOUND}
STEPS = 150


@dataclass
class Truth:
    """One order: what the venue did with it, what it has told, and what we have said."""

    name: str
    number: int
    done: list[Order] = field(default_factory=list)
    """All that the venue could tell, in the order of its doings."""
    trades: list[Execution] = field(default_factory=list)
    ended: OrderStatus | None = None
    is_known: bool = False
    """Whether the table has heard of it, from us or from the venue."""
    told: list[Order] = field(default_factory=list)
    ours: OrderStatus | None = S.PENDING_NEW
    """What stands in the place of the venue's word, if anything does."""
    heard: dict[int, Decimal] = field(default_factory=dict)
    """Executions that the table has told on."""
    ends: int = 0

    @property
    def word(self) -> OrderStatus | None:
        """The venue's last word, as far as it was told: the furthest."""
        said = [event.status for event in self.told]
        for status in (*ENDS, S.REJECTED, S.PARTIALLY_FILLED, S.NEW):
            if status in said:
                return status
        return None

    @property
    def status(self) -> OrderStatus:
        """How the order must stand."""
        word = self.word
        if word is not None and (word.is_terminal or self.ours is None):
            return word
        assert self.ours is not None
        return self.ours

    @property
    def executed(self) -> Decimal:
        told = [event.executed_quantity for event in self.told]
        known = {each.trade_id: each.quantity for event in self.told for each in event.executions}
        return max([Decimal(0), sum(known.values(), Decimal(0)), *told])

    def event(self, status: OrderStatus, *trades: Execution) -> Order:
        executed = sum((trade.quantity for trade in self.trades), Decimal(0))
        return Order(
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            symbol="BTCUSDT",
            exchange=EXCHANGE,
            client_order_id=self.name,
            exchange_order_id=self.number,
            quantity=QUANTITY,
            status=status,
            executed_quantity=executed,
            executed_quote_quantity=executed * 100,
            executions=list(trades),
        )


class TableAndModel:
    """Steps that both take, and what must hold after each."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.reached: set[tuple[OrderStatus, OrderStatus]] = set()
        """(status, what was said then), of all orders."""
        self.table = self.make_table()
        self.truths: list[Truth] = []
        self.trade_id = 0
        self.now_ns = 0
        self.operations = 0

    def make_table(self) -> OrderTable:
        return OrderTable(lambda name: "maker" if name.startswith("bot-") else None)

    def order_of(self, truth: Truth) -> Order:
        order = self.table.find(EXCHANGE, "BTCUSDT", truth.name, truth.number)
        assert order is not None
        return order

    def note(self, truth: Truth, change: OrderChange) -> None:
        """What every operation must be right about, whatever it was."""
        self.operations += 1
        assert change.order is self.order_of(truth)
        for execution in change.executions:
            assert execution.trade_id not in truth.heard, "an execution is told once"
            truth.heard[execution.trade_id] = execution.quantity
        truth.ends += change.is_ended
        told_anything = change.status_changed or change.quantity_changed or change.executions
        assert change.is_news or not told_anything
        assert change.verdict is not Verdict.CONTRADICTION

    def step(self) -> None:
        """One random step that is possible now, mostly one of an event that arrives."""
        steps: list[Callable[[], None]] = [self.tell_of_a_strangers]
        if len(self.truths) < 8:
            steps += [self.place] * 2
        if self.find_living():
            steps += [self.trade, self.trade, self.end]
        if any(truth.done for truth in self.truths):
            steps += [self.tell] * 6
        if self.find_known():
            steps += [self.say] * 5 + [self.refuse_unsent]
        if self.find_ended():
            steps.append(self.contradict)
        if self.dice.random() < 0.05:
            steps = [self.begin_anew]
        self.dice.choice(steps)()
        self.every_order_stands_as_it_must()
        self.the_questions_are_answered_alike()

    # The venue's doings.

    def place(self) -> None:
        """An order comes to the venue: sent by this table's bot, by a life that the journal lost, or never at all."""
        is_ours, is_sent = self.dice.random() < 0.7, self.dice.random() < 0.7
        number = len(self.truths) + 1
        truth = Truth(f"bot-maker-{number}", number, is_known=is_ours)
        self.truths.append(truth)
        if is_ours:
            order = Order(
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                symbol="BTCUSDT",
                exchange=EXCHANGE,
                order_id=f"own-{number}",
                client_order_id=truth.name,
                strategy="maker",
                quantity=QUANTITY,
                price=Decimal(100),
            )
            self.note(truth, self.table.add(order))
            self.operations -= 1  # an intent is no event, and not counted
        if is_sent or not is_ours:
            truth.done.append(truth.event(S.NEW))
            # Much may have happened to it before anybody hears of it.
            while truth.ended is None and self.dice.random() < 0.5:
                self.dice.choice((self.trade_in, self.trade_in, self.end_of))(truth)
        elif number % 2:
            truth.ended = S.REJECTED
            truth.done.append(truth.event(S.REJECTED))

    def find_living(self) -> list[Truth]:
        return [truth for truth in self.truths if truth.done and truth.ended is None]

    def trade(self) -> None:
        self.trade_in(self.dice.choice(self.find_living()))

    def trade_in(self, truth: Truth) -> None:
        left = QUANTITY - sum((trade.quantity for trade in truth.trades), Decimal(0))
        quantity = min(Decimal(self.dice.choice((1, 2, 5, 10))), left)
        self.trade_id += 1
        trade = Execution(trade_id=self.trade_id, price=Decimal(100), quantity=quantity)
        truth.trades.append(trade)
        if quantity == left:
            truth.ended = S.FILLED
        truth.done.append(truth.event(truth.ended or S.PARTIALLY_FILLED, trade))

    def end(self) -> None:
        self.end_of(self.dice.choice(self.find_living()))

    def end_of(self, truth: Truth) -> None:
        truth.ended = self.dice.choice(ENDS[1:])
        truth.done.append(truth.event(truth.ended))

    # What comes of it to the table: any event, any number of times, by any road.

    def tell(self) -> None:
        road = self.dice.choice(TOLD_BY)
        truth = self.dice.choice([each for each in self.truths if each.done])
        event = copy.deepcopy(self.dice.choice(truth.done))
        if road == "query":
            event.executions = []
        elif road == "reply":  # it tells all trades so far at once
            quantity = Decimal(0)
            event.executions = []
            for trade in truth.trades:
                quantity += trade.quantity
                if quantity <= event.executed_quantity:
                    event.executions.append(trade)
        self.now_ns += 1
        was_known, word = truth.is_known, truth.word
        if was_known:
            self.reached.add((truth.status, event.status))
        change = self.table.on_venue_order(copy.deepcopy(event), self.now_ns)
        truth.is_known = True
        truth.told.append(event)
        if truth.ours is not S.PENDING_CANCEL or event.status.is_terminal:
            truth.ours = None
        self.note(truth, change)
        assert (change.verdict is Verdict.ADOPTED) is not was_known
        assert change.is_acknowledged is (word is None and event.status is not S.REJECTED)

    def find_ended(self) -> list[Truth]:
        """Those of whose end the table has heard, and cannot have heard of another."""
        return [truth for truth in self.truths if truth.word in ENDS]

    def contradict(self) -> None:
        """The venue says another end than it said before: the first stands, and somebody should look."""
        truth = self.dice.choice(self.find_ended())
        end = self.dice.choice([each for each in (*ENDS, S.REJECTED) if each is not truth.word])
        event = truth.event(end)
        event.executed_quantity = event.executed_quote_quantity = Decimal(0)
        change = self.table.on_venue_order(event, self.now_ns)
        self.operations += 1
        assert change.verdict is Verdict.CONTRADICTION
        assert not change.is_news
        assert not change.status_changed
        assert not change.executions

    def tell_of_a_strangers(self) -> None:
        event = Truth("manual-1", 999_999).event(self.dice.choice((S.NEW, S.FILLED, S.CANCELED)))
        change = self.table.on_venue_order(event, self.now_ns)
        self.operations += 1
        assert (change.verdict, change.order) == (Verdict.FOREIGN, None)

    # Our own words.

    def find_known(self) -> list[Truth]:
        return [truth for truth in self.truths if truth.is_known]

    def say(self) -> None:
        said = self.dice.choice(("cancel", "refused cancel", "unknown", "absent"))
        truth = self.dice.choice(self.find_known())
        order, before = self.order_of(truth), truth.status
        if said in OUR_WORDS:
            self.reached.add((before, OUR_WORDS[said]))
        if said == "cancel":
            change = self.table.on_cancel_requested(order)
            if before in (S.PENDING_NEW, S.UNKNOWN, S.NEW, S.PARTIALLY_FILLED):
                truth.ours = S.PENDING_CANCEL
        elif said == "refused cancel":
            change = self.table.on_cancel_refused(order)
            if before is S.PENDING_CANCEL:
                truth.ours = None if truth.word is not None else S.UNKNOWN
        elif said == "unknown":
            change = self.table.on_unknown(order, "timed out")
            if before is S.PENDING_NEW:
                truth.ours = S.UNKNOWN
        else:
            change = self.table.on_not_found(order, "denied for good")
            if not before.is_terminal:
                truth.ours = S.NOT_FOUND
        self.note(truth, change)
        assert change.status_changed is (truth.status is not before)

    def refuse_unsent(self) -> None:
        """Proven never to have been sent: only of one of which the venue has told nothing."""
        unheard = [each for each in self.find_known() if not each.told and not each.done]
        if not unheard:
            return
        truth = self.dice.choice(unheard)
        self.reached.add((truth.status, S.REJECTED))
        change = self.table.on_refused(self.order_of(truth), Reason.JOURNAL, "not written")
        truth.ended = S.REJECTED
        truth.told.append(truth.event(S.REJECTED))
        self.note(truth, change)

    def begin_anew(self) -> None:
        """Another table takes the orders over, as after a restart."""
        before, self.table = self.table, self.make_table()
        for order in [*before._retired.values(), *before._closed.values(), *before._open.values()]:
            self.table.restore(copy.deepcopy(order))
        self.operations = 0

    # What must hold at any time.

    def every_order_stands_as_it_must(self) -> None:
        for truth in self.find_known():
            order = self.order_of(truth)
            assert order.status is truth.status
            assert order.executed_quantity == truth.executed
            assert order.executed_quote_quantity == truth.executed * 100
            assert truth.heard == {
                each.trade_id: each.quantity for event in truth.told for each in event.executions
            }
            assert truth.ends == order.status.is_terminal
            assert order.is_open is (
                not order.status.is_terminal and order.status is not S.NOT_FOUND
            )

    def the_questions_are_answered_alike(self) -> None:
        living = [truth for truth in self.find_known() if self.order_of(truth).is_open]
        ids = sorted(self.order_of(truth).order_id for truth in living)
        assert sorted(order.order_id for order in self.table.open_orders()) == ids
        assert (
            sorted(each.order_id for each in self.table.open_orders("maker", EXCHANGE, "BTCUSDT"))
            == ids
        )
        left = sum((QUANTITY - truth.executed for truth in living), Decimal(0))
        assert self.table.open_quantity(EXCHANGE, "BTCUSDT", Side.BUY) == left
        assert self.table.counts.total() == self.operations
        for truth in self.find_known():
            order = self.order_of(truth)
            assert self.table.get(order.order_id) is order
            if truth.told and order.exchange_order_id:
                assert self.table.find(EXCHANGE, "BTCUSDT", "", truth.number) is order


def run(seed: int) -> TableAndModel:
    """One life; each step is checked as it is made."""
    both = TableAndModel(seed)
    for _ in range(STEPS):
        both.step()
    return both


@pytest.mark.parametrize("seed", range(60))
def test_whatever_comes_in_whatever_order_each_order_stands_as_it_must(seed: int) -> None:
    assert run(seed).reached


def test_such_lives_come_by_every_entry_of_the_table() -> None:
    # A venue's own PENDING_NEW is a leg's that waits, of which there are none here.
    wanted = {entry for entry in TRANSITIONS if entry[1] is not S.PENDING_NEW}
    for seed in range(100, 300):
        wanted -= run(seed).reached
        if not wanted:
            break
    assert wanted == set()
