"""What the exchange of a round does wrong, drawn from the seed: tables as they stand in its own fault files.

Nearly all name their occasion by its count ("the third order.place"), so that leaving one out changes no other, and all are
over when the storm is. What no venue does is not drawn: an order that was executed is never told to be refused.
"""

from collections.abc import Callable
from typing import Any

from actors.simulation.plan import Kill, KillPoint
from actors.simulation.seeded import SeededRandom

Table = dict[str, Any]

TARGETS = (
    *("order.place",) * 6,
    *("order.cancel",) * 4,
    *("order.status",) * 3,
    "openOrders.status",
    "account.status",
    "myTrades",
    "time",
    "exchangeInfo",
    "session.*",
    "userDataStream.*",
    "connect",
)
ORDER_ENTRY = ("order.place", "order.place", "order.cancel")
EVENTS = (
    "executionReport.NEW",
    "executionReport.TRADE",
    "executionReport.TRADE",
    "executionReport.CANCELED",
    "executionReport.*",
    "outboundAccountPosition",
)
UNKNOWN_CODES = (-1000, -1001, -1006, -1007, -1008, -1016)
CHANNELS = ("market", "websocket_api", "user_events", "all")
LATE_MS = (50, 800, 4_000, 10_500, 14_000)
"""Some of them past the ten seconds that a request of the bot's waits for its answer."""
LAST_TIMES = 3
VENUE_HEARS = ('"order.place"', '"order.place"', '"order.cancel"')
VENUE_SAYS = ('"executionReport"', '"transactTime"', '"TRADE"', '"CANCELED"')


def draw_venue_faults(seed: int, count: int, duration_s: float) -> list[Table]:
    """So many faults for a storm of this length, counted from the exchange's start."""
    random = SeededRandom(f"{seed}:venue faults")
    kinds: list[tuple[Callable[[SeededRandom, float], Table], int]] = [
        (draw_request_fault, 8),
        (draw_slow_engine, 2),
        (draw_limit, 1),
        (draw_event_fault, 4),
        (draw_query_fault, 2),
        (draw_action, 4),
        (draw_frame_fault, 1),
    ]
    draws = random.choices([draw for draw, _ in kinds], [weight for _, weight in kinds], k=count)
    return [{**draw(random, duration_s), "until_seconds": duration_s} for draw in draws]


def draw_settings(seed: int) -> Table:
    """Latencies and the clock, of a storm and of what follows."""
    random = SeededRandom(f"{seed}:venue settings")
    settings: Table = {"seed": seed}
    if random.random() < 0.4:
        settings["latency"] = {
            channel: {"ms": random.choice((0, 2, 30)), "jitter_ms": random.choice((0, 5, 200))}
            for channel in ("rest", "websocket_api", "user_events", "market")
        }
    if random.random() < 0.3:
        settings["clock"] = {
            "offset_ms": round(random.uniform(-3_000, 3_000)),
            "drift_ppm": round(random.uniform(-200, 200)),
        }
    return settings


def draw_short_lives(seed: int, duration_s: float) -> list[Table]:
    """For some seeds every socket is closed after a few seconds, again and again; not as a setting, for it must end."""
    random = SeededRandom(f"{seed}:short lives")
    if random.random() < 0.8:
        return []
    period_s = round(random.uniform(3, 10), 1)
    closing = {"kind": "sockets_closed", "channel": "all", "code": 1001}
    times = {"at_seconds": period_s, "period_seconds": period_s, "until_seconds": duration_s}
    return [{**closing, **times}]


def draw_revocation(seed: int, duration_s: float) -> list[Table]:
    """For some seeds the key is revoked, and restored by its owner before the storm is over."""
    random = SeededRandom(f"{seed}:revocation")
    if random.random() < 0.85:
        return []
    at_s = round(random.uniform(0.1, 0.7) * duration_s, 3)
    for_ms = round(random.uniform(0.1, 1.0) * (duration_s - at_s) * 1000)
    return [
        {
            "kind": "key_revoked",
            "at_seconds": at_s,
            "for_ms": for_ms,
            "until_seconds": duration_s,
        }
    ]


def draw_venue_kills(seed: int, program: str) -> list[Kill]:
    """For some seeds the exchange itself is killed, once or twice, and comes back from what it has kept.

    It is never cut off from power: what it has answered it has only committed to its log, not synchronised.
    """
    random = SeededRandom(f"{seed}:venue kills")
    kills = []
    for incarnation in range(random.choice((0,) * 6 + (1, 2))):
        point: KillPoint = random.choice(("step", "write", "statement", "bytes", "heard"))
        most = {"step": 4.5, "write": 2.5, "statement": 2.7}.get(point, 1.2)
        patterns = VENUE_SAYS if point == "bytes" else VENUE_HEARS
        kills.append(
            Kill(
                program,
                incarnation,
                point,
                int(10 ** random.uniform(0, most)),
                pattern=random.choice(patterns) if point in ("bytes", "heard") else "",
                delay_ns=int(random.uniform(0, 50e6)),
                restart_after_ns=int(random.uniform(0.2, 4.0) * 1e9),
            )
        )
    return kills


def remaining_faults(document: Table, passed_s: float) -> Table:
    """What a fault file still says when the exchange starts again, `passed_s` after its first start."""
    faults = []
    for fault in document["faults"]:
        left = dict(fault)
        for key in ("from_seconds", "until_seconds", "at_seconds"):
            if key in left:
                left[key] = round(left[key] - passed_s, 6)
        if left.get("until_seconds", 0.0) <= 0 or left.get("at_seconds", 0.0) < 0:
            # It is over, or has been; what recurs goes on.
            if "period_seconds" not in left or left.get("until_seconds", 0.0) <= 0:
                continue
            left["at_seconds"] %= left["period_seconds"]
        left["from_seconds"] = max(0.0, left.get("from_seconds", 0.0))
        faults.append(left)
    return {**document, "faults": faults}


def draw_count(random: SeededRandom, most: float = 60.0) -> int:
    """The first times oftener than the later ones."""
    return int(most ** random.random())


def draw_request_fault(random: SeededRandom, duration_s: float) -> Table:
    """One request whose answer is late, lost, an error that says nothing, or no answer at all."""
    target = random.choice(TARGETS)
    table: Table = {"on": target, "nth": draw_count(random)}
    kind = random.choice(("late", "silence", "silence", "disconnect", "close", "error", "error"))
    table["kind"] = kind
    if kind == "late":
        table["delay_ms"] = random.choice(LATE_MS)
        return table
    # A query is answered from the same state whether it "executes" or not.
    table["executes"] = random.random() < 0.7
    if kind == "disconnect":
        table["reset"] = random.random() < 0.5
    elif kind == "close":
        table["code"] = random.choice((1000, 1001, 1008, 1011))
    elif kind == "error":
        table["code"] = random.choice(UNKNOWN_CODES)
    if random.random() < 0.4:
        table["delay_ms"] = random.choice(LATE_MS)
    if target == "connect":
        # Where no request is, only an HTTP answer can be wrong.
        table = {"on": target, "nth": draw_count(random, 6), "kind": "page"}
        table["status"] = random.choice((502, 503, 504))
    return table


def draw_slow_engine(random: SeededRandom, duration_s: float) -> Table:
    """A request that reaches the engine late: executed after its -1007, or refused by the second look at its time."""
    return {
        "kind": "slow_engine",
        "on": random.choice(ORDER_ENTRY),
        "nth": draw_count(random),
        "delay_ms": random.choice((300, 2_500, 4_000, 4_500, 6_500)),
    }


def draw_limit(random: SeededRandom, duration_s: float) -> Table:
    """A limit that is said to be exceeded, or a refusal for the request's time."""
    table: Table = {"on": random.choice(TARGETS[:-1]), "nth": draw_count(random)}
    kind = random.choice(("rate_limit", "rate_limit", "ban", "bad_timestamp"))
    table["kind"] = kind
    if kind == "rate_limit":
        table["code"] = random.choice((-1003, -1015))
        table["retry_after_ms"] = random.choice((200, 1_000, 3_000))
        table["ban_ms"] = 5_000
    elif kind == "ban":
        table["ban_ms"] = random.choice((1_000, 5_000))
    else:
        table["variant"] = random.choice(("ahead", "outside"))
        table["counts"] = random.random() < 0.5
    return table


def draw_event_fault(random: SeededRandom, duration_s: float) -> Table:
    """One user event that comes late, twice or never."""
    table: Table = {"on": random.choice(EVENTS), "nth": draw_count(random)}
    table["kind"] = random.choice(("event_late", "event_late", "event_twice", "event_withheld"))
    if table["kind"] != "event_withheld":
        table["delay_ms"] = random.choice(LATE_MS)
    return table


def draw_query_fault(random: SeededRandom, duration_s: float) -> Table:
    """Queries that see what was some time ago."""
    lag_ms = random.choice((100, 1_000, 5_000))
    if random.random() < 0.7:
        return {"kind": "query_lag", "lag_ms": lag_ms, "probability": random.choice((0.3, 1.0))}
    return {"kind": "stale_open_orders", "lag_ms": lag_ms, "times": LAST_TIMES}


def draw_frame_fault(random: SeededRandom, duration_s: float) -> Table:
    """Messages of the market that are lost."""
    return {"kind": "frame_dropped", "probability": random.choice((0.01, 0.2))}


def draw_action(random: SeededRandom, duration_s: float) -> Table:
    """Something that the exchange does as a whole, at a time or when a request comes."""
    table: Table = {}
    if random.random() < 0.5:
        table["at_seconds"] = round(random.uniform(1, duration_s), 3)
    else:
        table["on"], table["nth"] = random.choice(ORDER_ENTRY), draw_count(random)
    kind = random.choice(
        (
            "shutdown",
            "event_streams_terminated",
            "sockets_closed",
            "sockets_dropped",
            "sockets_frozen",
            "clock_changed",
            "unauthorized",
        )
    )
    table["kind"] = kind
    if kind == "shutdown":
        table["grace_ms"] = random.choice((0, 500, 5_000))
    elif kind.startswith("sockets"):
        table["channel"] = random.choice(CHANNELS)
    if kind == "sockets_closed":
        table["code"] = random.choice((1000, 1001, 1008))
    elif kind == "sockets_dropped":
        table["reset"] = random.random() < 0.5
    elif kind == "sockets_frozen" and random.random() < 0.7:
        table["for_ms"] = random.choice((500, 5_000))
    elif kind == "clock_changed":
        table["offset_ms"] = round(random.uniform(-1_500, 1_500))
        table["drift_ppm"] = round(random.uniform(-100, 100))
    return table
