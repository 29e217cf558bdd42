"""Which order of a live run is which order of a backtest over the same data.

Orders of one strategy, symbol and side are paired in three passes, each of what the ones before have left: decided on the
same tick (the n-th such order with the n-th); the same terms, the nearest in time first; and the nearest in time with other
terms. A market maker that quotes anew several times a second is paired by the first two; a strategy on timers by the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from actors.backtest.record import OrderRow
from messages.codec import class_name_of
from messages.market import BookTicker, Kline, OrderBook, PartialKline, Trade

SAME_TERMS_NS = 5_000_000_000
OTHER_TERMS_NS = 1_000_000_000
"""How far apart in time orders may be that are taken for the same one."""
FIRST_OWN_FIELD, COMPARED_FIELDS = 7, 6
"""Of an encoded message: where its header ends, and how many fields are enough to tell which one it is."""
MARKET_DATA = frozenset(
    item.__name__ for item in (Trade, BookTicker, OrderBook, Kline, PartialKline)
)

Tick = tuple[object, ...]
Pair = tuple[OrderRow | None, OrderRow | None]


def tick_of(frame: bytes) -> Tick | None:
    """What tells a message of market data apart, wherever it was sent: its class and its first own fields.

    None for any other message.
    """
    if not frame or class_name_of(frame) not in MARKET_DATA:
        return None
    fields = msgspec.msgpack.decode(frame)
    own = fields[FIRST_OWN_FIELD : FIRST_OWN_FIELD + COMPARED_FIELDS]
    return (fields[0], *map(repr, own))


def pair_orders(live: Iterable[OrderRow], tested: Iterable[OrderRow]) -> list[Pair]:
    """Every order once, with its counterpart or alone; by the time of the decision."""
    groups: dict[tuple[str, str, str], tuple[list[OrderRow], list[OrderRow]]] = {}
    for index, rows in enumerate((live, tested)):
        for row in rows:
            key = (row.strategy, row.symbol, str(row.side))
            groups.setdefault(key, ([], []))[index].append(row)
    pairs: list[Pair] = []
    for ours, theirs in groups.values():
        pairs += pair_group(
            sorted(ours, key=lambda row: row.created_time_ns),
            sorted(theirs, key=lambda row: row.created_time_ns),
        )
    return sorted(pairs, key=time_of_pair)


def time_of_pair(pair: Pair) -> tuple[int, str]:
    """When it was decided, live if it was, and its id."""
    row = pair[0] or pair[1]
    assert row is not None
    return row.created_time_ns, row.order_id


def pair_group(live: Sequence[OrderRow], tested: Sequence[OrderRow]) -> list[Pair]:
    """The orders of one strategy, symbol and side, each sequence in order of time."""
    partners = pair_by_tick(live, tested)
    pair_by_time(live, tested, partners, SAME_TERMS_NS, has_same_terms=True)
    pair_by_time(live, tested, partners, OTHER_TERMS_NS, has_same_terms=False)
    taken = set(partners.values())
    pairs: list[Pair] = [
        (row, tested[partners[index]] if index in partners else None)
        for index, row in enumerate(live)
    ]
    pairs += [(None, row) for index, row in enumerate(tested) if index not in taken]
    return pairs


def pair_by_tick(live: Sequence[OrderRow], tested: Sequence[OrderRow]) -> dict[int, int]:
    """By what they were decided on: places in `live`, each with its place in `tested`."""
    places: dict[Tick, list[int]] = defaultdict(list)
    for place, row in enumerate(tested):
        if (tick := tick_of(row.decided_on)) is not None:
            places[tick].append(place)
    partners: dict[int, int] = {}
    for place, row in enumerate(live):
        found = places.get(tick_of(row.decided_on) or ())
        if found:
            partners[place] = found.pop(0)
    return partners


def pair_by_time(
    live: Sequence[OrderRow],
    tested: Sequence[OrderRow],
    partners: dict[int, int],
    most_ns: int,
    *,
    has_same_terms: bool,
) -> None:
    """Adds pairs of what is left, the nearest in time first."""
    taken = set(partners.values())
    left = [place for place in range(len(tested)) if place not in taken]
    near: list[tuple[int, int, int]] = []
    begin = 0
    for place, row in enumerate(live):
        if place in partners:
            continue
        while begin < len(left) and (
            tested[left[begin]].created_time_ns < row.created_time_ns - most_ns
        ):
            begin += 1
        for other_place in left[begin:]:
            other = tested[other_place]
            if other.created_time_ns > row.created_time_ns + most_ns:
                break
            if not has_same_terms or terms_of(row) == terms_of(other):
                apart_ns = abs(row.created_time_ns - other.created_time_ns)
                near.append((apart_ns, place, other_place))
    for _, place, other_place in sorted(near):
        if place not in partners and other_place not in taken:
            partners[place] = other_place
            taken.add(other_place)


def terms_of(row: OrderRow) -> tuple[object, ...]:
    """What was asked for."""
    return (row.order_type, row.price, row.quantity)
