"""What a round is to meet, drawn from its seed: kills, places to be killed at, faults, and what the bystander does."""

import random
from dataclasses import dataclass, field
from typing import Any

PLACES = (
    ("journal.before.NewOrderRequest", 4),
    ("journal.within.NewOrderRequest", 4),
    ("journal.after.NewOrderRequest", 4),
    ("gateway.before.NewOrderRequest", 4),
    ("socket.written.order.place", 4),
    ("gateway.after.NewOrderRequest", 4),
    ("journal.before.CancelOrderRequest", 2),
    ("journal.after.CancelOrderRequest", 2),
    ("socket.written.order.cancel", 2),
    ("gateway.after.CancelOrderRequest", 2),
    ("journal.before.OrderUpdate", 10),
    ("journal.within.OrderUpdate", 10),
    ("journal.after.OrderUpdate", 10),
    ("journal.before.Fill", 4),
    ("journal.within.Fill", 4),
    ("journal.after.Fill", 4),
    ("journal.before.NewOrderListRequest", 2),
    ("journal.after.NewOrderListRequest", 2),
    ("gateway.before.NewOrderListRequest", 2),
    ("socket.written.orderList.place.oco", 1),
    ("socket.written.orderList.place.oto", 1),
    ("socket.written.orderList.place.otoco", 2),
    ("gateway.after.NewOrderListRequest", 2),
    ("journal.before.ReplaceOrderRequest", 1),
    ("journal.after.ReplaceOrderRequest", 1),
    ("socket.written.order.cancelReplace", 1),
    ("gateway.after.ReplaceOrderRequest", 1),
    ("socket.written.orderList.cancel", 1),
    ("gateway.told", 12),
    ("journal.before.OrderManagerCheckpoint", 1),
    ("journal.within.OrderManagerCheckpoint", 1),
    ("journal.after.OrderManagerCheckpoint", 1),
    ("journal.removing", 1),
    ("journal.removed", 1),
    ("journal.run", 1),
)
"""Where a bot can be killed, and how many passages of each may be drawn."""

BY_REST = (
    ("rest.before.POST.order", 2),
    ("rest.written.POST.order", 4),
    ("rest.answered.POST.order", 4),
    ("rest.written.DELETE.order", 2),
    ("rest.answered.DELETE.order", 2),
    ("rest.written.POST.orderList/oco", 1),
    ("rest.written.POST.orderList/otoco", 1),
    ("rest.answered.POST.orderList/otoco", 1),
    ("rest.written.POST.order/cancelReplace", 1),
    ("rest.answered.POST.order/cancelReplace", 1),
    ("rest.written.DELETE.orderList", 1),
)
"""The same of one whose orders go by REST, beside those that do not lie in the WebSocket API's requests."""

PLACE_PATIENCE_S = 4.0
"""How long after its first order a bot may take to come by the place where it is to be killed."""

ENTRY = ["order.place", "order.cancelReplace", "orderList.place.*"]
CANCELS = ["order.cancel", "orderList.cancel"]

STARTUP_S = 1.5
"""About how long a bot takes from its start to its first order."""


@dataclass(frozen=True)
class Life:
    """How one life of the bot is ended: at a place, or from outside after some seconds.

    The seconds count from its first order, or from its start for one that is killed while it starts; at a place they
    are how long it is waited for the bot to come by.
    """

    place: str = ""
    passages: int = 1
    after_s: float = 1.0
    is_startup: bool = False

    def __str__(self) -> str:
        if self.place:
            return f"{self.place}:{self.passages}"
        return f"{self.after_s:.2f} s after {'the start' if self.is_startup else 'an order'}"


@dataclass(frozen=True)
class ExchangeKill:
    """When the exchange is killed: in which life, how long after its first order, and for how long it is away."""

    life: int
    after_s: float
    away_s: float


PLAIN_SEEDS = (3, 6, 9)
"""The last digits of seeds whose rounds have a plain symbol: three in ten."""
REST_SEEDS = (4, 7, 9)
"""The last digits of seeds in whose rounds orders go by REST: three in ten, one of them with a plain symbol."""


@dataclass(frozen=True)
class RoundPlan:
    """Everything that is drawn for a round."""

    seed: int
    rate: int
    """Trades a second of the market."""
    lives: tuple[Life, ...]
    exchange_kills: tuple[ExchangeKill, ...]
    faults: dict[str, Any] = field(default_factory=dict)
    settles_in_peace: bool = True
    """Whether the faults end before the last life starts, or once it trades."""
    is_plain: bool = False
    """Whether the symbol takes no triggers and no lists, so that the bot keeps them itself."""
    is_by_rest: bool = False
    """Whether orders go by REST."""


def draw_life(chance: random.Random, is_by_rest: bool = False) -> Life:
    """Half are killed at a place; where orders go by REST half of these within a request."""
    kind = chance.random()
    if kind < 0.55:
        places = list(PLACES)
        if is_by_rest:
            elsewhere = [each for each in PLACES if not each[0].startswith("socket.")]
            places = chance.choice((list(BY_REST), elsewhere))
        place, most = chance.choice(places)
        return Life(place, chance.randint(1, most), after_s=PLACE_PATIENCE_S)
    if kind < 0.7:
        return Life(after_s=chance.uniform(0.1, STARTUP_S), is_startup=True)
    return Life(after_s=chance.uniform(0.0, 1.2))


def draw_faults(chance: random.Random, is_short: bool) -> dict[str, Any]:
    """Faults as the exchange reads them; the bystander's own orders, which go by REST, meet none.

    `is_short`: without silence, after which an order's outcome is unknown for as long as the bot waits for an answer.
    """
    share = chance.choice((0.03, 0.1, 0.2))
    entry = {"channel": "websocket_api", "probability": share}
    possible: list[dict[str, Any]] = [
        {"kind": "late", "on": [*ENTRY, *CANCELS], "delay_ms": 150, **entry},
        {"kind": "disconnect", "on": [*ENTRY, *CANCELS], "reset": True, **entry},
        {"kind": "disconnect", "on": ENTRY, "executes": False, **entry},
        {"kind": "close", "on": [*ENTRY, *CANCELS], **entry},
        {"kind": "error", "on": [*ENTRY, *CANCELS], "code": -1007, **entry},
        {"kind": "error", "on": ENTRY, "code": -1001, "executes": False, **entry},
        {"kind": "bad_timestamp", "on": ENTRY, **entry},
        {"kind": "slow_engine", "on": ENTRY, "delay_ms": 400, **entry},
        {"kind": "event_late", "on": "executionReport.*", "delay_ms": 120, "probability": share},
        {"kind": "event_late", "on": "executionReport.TRADE", "delay_ms": 700, "probability": 0.3},
        {"kind": "event_twice", "on": "executionReport.*", "delay_ms": 50, "probability": 0.3},
        {"kind": "query_lag", "lag_ms": 300},
        {"kind": "stale_open_orders", "lag_ms": 300},
        {"kind": "sockets_dropped", "at_seconds": 2.5, "period_seconds": 1.5, "reset": True},
        {"kind": "sockets_closed", "channel": "user_events", "at_seconds": 3.0},
        {"kind": "shutdown", "grace_ms": 200, "at_seconds": chance.uniform(2, 4)},
        {"kind": "event_streams_terminated", "at_seconds": chance.uniform(2, 4)},
        {"kind": "clock_changed", "offset_ms": chance.uniform(-300, 300), "drift_ppm": 200},
    ]
    if not is_short:
        silence = {"kind": "silence", "on": ENTRY, **entry}
        possible += [silence, {**silence, "executes": False}]
        possible.append({"kind": "event_withheld", "on": "executionReport.*", "probability": share})
    delay = {"ms": chance.uniform(0, 20), "jitter_ms": chance.uniform(0, 30)}
    return {
        "seed": chance.getrandbits(31),
        "latency": dict.fromkeys(("rest", "websocket_api", "user_events"), delay),
        "faults": chance.sample(possible, chance.randint(0, 4)),
    }


def draw_plan(seed: int) -> RoundPlan:
    """The plan of a seed."""
    chance = random.Random(f"campaign {seed}")
    is_by_rest = seed % 10 in REST_SEEDS
    lives = tuple(draw_life(chance, is_by_rest) for _ in range(chance.choice((1, 2, 2, 2))))
    kills = tuple(
        ExchangeKill(number, chance.uniform(0.0, 0.9), chance.uniform(0.02, 0.5))
        for number in range(len(lives) + 1)
        if chance.random() < 0.2
    )
    settles_in_peace = chance.random() < 0.6
    return RoundPlan(
        seed=seed,
        rate=chance.choice((20, 60, 120)),
        lives=lives,
        exchange_kills=kills,
        faults=draw_faults(chance, is_short=not settles_in_peace),
        settles_in_peace=settles_in_peace,
        is_plain=seed % 10 in PLAIN_SEEDS,
        is_by_rest=is_by_rest,
    )
