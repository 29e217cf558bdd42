"""`fan-out`, `burst` and `scaling`: what a delivered message costs when there is more of everything."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import cycle, islice

from actors.commands.bench_exchange import FIRST_PRICE, SYMBOL, TICK_SIZE
from actors.commands.bench_hop import make_trade
from actors.commands.bench_measure import Effort, Figure, run_in_loop
from actors.commands.bench_process import PATIENCE_S, BenchError
from actors.commands.bench_queues import Source
from actors.gateways.venue_actor import VenueActor
from actors.order_manager.manager import OrderManager
from actors.order_manager.naming import OrderNames
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.strategies.strategy import Strategy
from messages.account import AccountSnapshot
from messages.control import Ready, Subscribe
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.instruments import Instrument
from messages.market import BookTicker, Trade
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest, SnapshotRequest
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)

FANS = (1, 10, 100)
MILLION = 1_000_000
BEAT_S = 0.001
REST_PATIENCE_S = 300.0
"""Ten thousand orders that the order manager has to adopt take it a while."""
GROWTHS = (1, 10, 100)
MOST_WAITING = 5_000
"""Messages in one mailbox, half of what it holds."""
MANY = 50
OPEN_ORDERS = 100
MESSAGES_PER_S = 1_000


class Listener(Actor[Subscribe]):
    """Counts the trades it hears."""

    def __init__(self, expected: int) -> None:
        self.expected, self.count = expected, 0
        self.done = asyncio.Event()

    def on_trade(self, trade: Trade) -> None:
        """One more."""
        self.count += 1
        if self.count == self.expected:
            self.done.set()


async def time_deliveries(trades: int, listeners: int, *, at_once: bool) -> list[float]:
    """Nanoseconds for each delivery of trades to so many listeners: to send and to handle.

    `at_once`: all lie in the mailboxes before the first is handled; else in portions of a hundred.
    """
    fans = [
        ActorSpecification(Listener, f"listener-{number}", {"expected": trades})
        for number in range(listeners)
    ]
    system = System(
        [*fans, ActorSpecification(Source, "source")],
        RealClock(),
        mailbox_limits={"sequence_limit": trades + 1},
    )
    await system.start()
    await asyncio.sleep(0)
    begin_ns = time.perf_counter_ns()
    for number in range(trades):
        system.send(make_trade(Trade, number))
        if not at_once and number % 100 == 99:
            await asyncio.sleep(0)
    sent_ns = time.perf_counter_ns()
    for fan in fans:
        instance = system.cells[fan.name].instance
        assert isinstance(instance, Listener)
        await asyncio.wait_for(instance.done.wait(), PATIENCE_S)
    done_ns = time.perf_counter_ns()
    await system.stop()
    each = trades * listeners
    return [(sent_ns - begin_ns) / each, (done_ns - begin_ns) / each]


def measure_fan_out(effort: Effort) -> list[Figure]:
    """A trade to 1, 10 and 100 listeners: encoded once, decoded by each."""
    figures = []
    for fan in FANS:
        figure = Figure(f"fan-out to {fan}, each delivery", "ns", is_headline=fan == FANS[-1])
        trades = effort.count(100_000 // fan, least=20)
        for run in range(effort.runs + 1):
            _, each_ns = run_in_loop(partial(time_deliveries, trades, fan, at_once=False))
            if run:
                figure.add(each_ns)
        figures.append(figure)
    return figures


def measure_burst(effort: Effort) -> list[Figure]:
    """A million trades into one mailbox before the first is handled."""
    trades = effort.count(MILLION, least=1_000)
    put = Figure(f"burst of {trades:,}, to send", "ns")
    whole = Figure(f"burst of {trades:,}, to send and handle", "ns", is_headline=True)
    for _ in range(effort.runs):
        put_ns, whole_ns = run_in_loop(partial(time_deliveries, trades, 1, at_once=True))
        put.add(put_ns)
        whole.add(whole_ns)
    return [put, whole]


class Quotes(Actor[BookTicker | Trade]):
    """Stands for the feed in the wiring; the benchmark sends in its place."""


class QuietVenue(VenueActor):
    """A venue in which so many of our orders rest, and nothing happens to them."""

    exchange = Exchanges.BINANCE

    def __init__(self, resting: int, owner: str) -> None:
        self.resting, self.owner = resting, owner

    def on_subscribe(self, asked: Subscribe) -> None:
        """Tells a symbol's rules."""
        self.send(
            Instrument(
                exchange=self.exchange,
                symbol=asked.symbol,
                base_asset=asked.symbol.removesuffix("USDT"),
                quote_asset="USDT",
                tick_size=TICK_SIZE,
            )
        )

    def on_snapshot_request(self, request: SnapshotRequest) -> None:
        """Tells the account, with what rests in it."""
        names = OrderNames("bench", 1)
        orders = [
            Order(
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                symbol=SYMBOL,
                client_order_id=names.next(self.owner),
                exchange_order_id=number,
                quantity=Decimal("0.001"),
                price=FIRST_PRICE - number * TICK_SIZE,
                status=OrderStatus.NEW,
            )
            for number in range(1, self.resting + 1)
        ]
        self.send(AccountSnapshot(exchange=self.exchange, balances=[], open_orders=orders))

    def on_new_order_request(self, request: NewOrderRequest) -> None:
        """Nobody asks."""

    def on_cancel_order_request(self, request: CancelOrderRequest) -> None:
        """Nobody asks."""

    def on_amend_order_request(self, request: AmendOrderRequest) -> None:
        """Nobody asks."""

    def on_new_order_list_request(self, request: NewOrderListRequest) -> None:
        """Nobody asks."""

    def on_replace_order_request(self, request: ReplaceOrderRequest) -> None:
        """Nobody asks."""

    def on_query_order_request(self, request: QueryOrderRequest) -> None:
        """Nobody asks."""


class Follower(Strategy):
    """A strategy that counts trades and may trade."""

    def __init__(self, symbol: str) -> None:
        self.symbol, self.count = symbol, 0

    def on_trade(self, trade: Trade) -> None:
        """One more."""
        self.count += 1


class ReadyBell(Actor):
    """Rings when the order manager knows the account."""

    def __init__(self) -> None:
        self.is_ready = asyncio.Event()

    def on_ready(self, ready: Ready) -> None:
        """The order manager has told."""
        self.is_ready.set()


async def cost_of_delivery(
    messages: int, symbols: int, strategies: int, open_orders: int, messages_per_s: int
) -> float:
    """CPU time of the process for each trade that a strategy handles, in ns."""
    names = [SYMBOL, *(f"S{number}USDT" for number in range(1, symbols))]
    followers = [
        ActorSpecification(Follower, f"follower-{number}", {"symbol": names[number % symbols]})
        for number in range(max(strategies, symbols))
    ]
    venue = {"resting": open_orders, "owner": "follower-0"}
    system = System(
        [
            ActorSpecification(QuietVenue, "venue", venue),
            ActorSpecification(Quotes, "quotes"),
            ActorSpecification(OrderManager, "order_manager", {"bot": "bench"}),
            ActorSpecification(ReadyBell, "bell"),
            *followers,
        ],
        RealClock(),
        run=2,
    )
    await system.start()
    bell = system.cells["bell"].instance
    assert isinstance(bell, ReadyBell)
    await asyncio.wait_for(bell.is_ready.wait(), PATIENCE_S)
    cells = system.cells.values()
    await until(lambda: not any(cell.awaits_resync or cell.has_work() for cell in cells))
    before = count_handled(system)
    begin_s, begin_cpu_ns = time.perf_counter(), time.process_time_ns()
    trades, sent = cycle(names), 0
    while sent < messages:
        due = min(int((time.perf_counter() - begin_s) * messages_per_s), messages)
        if due - sent > MANY:
            # A machine that cannot keep up with the rate takes longer; what a mailbox must drop is never handled.
            due = min(due, sent + MOST_WAITING - max(cell.mailbox.depth for cell in cells))
        for symbol in islice(trades, max(due - sent, 0)):
            trade = make_trade(Trade, sent)
            trade.symbol = symbol
            system.send(trade)
        sent = max(sent, due)
        await asyncio.sleep(BEAT_S)
    await until(lambda: count_handled(system) - before >= messages)
    cpu_ns = time.process_time_ns() - begin_cpu_ns
    handled = count_handled(system) - before
    await system.stop()
    return cpu_ns / handled


async def until(is_so: Callable[[], bool]) -> None:
    """Returns once it is so. Raises BenchError if it takes too long."""
    deadline_s = time.perf_counter() + REST_PATIENCE_S
    while not is_so():
        if time.perf_counter() > deadline_s:
            raise BenchError("the benchmark's own actors do not come to rest")
        await asyncio.sleep(BEAT_S)


def count_handled(system: System) -> int:
    """Trades that strategies have handled."""
    instances = [cell.instance for cell in system.cells.values()]
    return sum(item.count for item in instances if isinstance(item, Follower))


def measure_scaling(effort: Effort) -> list[Figure]:
    """The cost of a delivered message as one thing grows ten and a hundred times and the others stay."""
    base = {
        "symbols": 1,
        "strategies": 1,
        "open_orders": OPEN_ORDERS,
        "messages_per_s": MESSAGES_PER_S,
    }
    figures = {
        (name, growth): Figure(f"scaling, {base[name] * growth:,} {name.replace('_', ' ')}", "ns")
        for name in base
        for growth in GROWTHS
    }
    for _ in range(effort.runs):
        for name in base:
            costs: list[float] = []
            for growth in GROWTHS:
                grown = {**base, name: base[name] * growth}
                messages = effort.count(1_000, least=30) * (
                    growth if name == "messages_per_s" else 1
                )
                costs.append(run_in_loop(partial(cost_of_delivery, messages, **grown)))
                figures[name, growth].add(costs[-1], costs[0] if growth > 1 else None)
    for figure in figures.values():
        figure.note = "bare: before it grew" if figure.bounds else ""
    figures["strategies", 100].is_headline = True
    return list(figures.values())
