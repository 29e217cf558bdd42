"""The state machine of an order: one table keyed by (status, what is said of it).

An absent entry changes nothing; the caller reports it. What may be said are the statuses of `OrderStatus`: the venue's
words, and ours for what we did or fail to know. The rules behind the rows:

- a terminal status is final, whatever arrives late, twice or out of order;
- quantities only grow: after PARTIALLY_FILLED a late NEW is old news, and changes nothing;
- NEW replaces what only we had said (PENDING_NEW, UNKNOWN, NOT_FOUND), or nothing would ever become NEW;
- UNKNOWN replaces only PENDING_NEW: once the venue has spoken, losing touch does not unsay it;
- NOT_FOUND is our conclusion, drawn from the venue's own denials, and is not terminal: any word of the venue revokes it,
  and of an order that the venue had spoken of before its last word stands again (`Order.say`);
- while a cancel is on its way the venue's words about a living order are kept aside (`Order.venue_status`), and a
  refused cancel brings them back.
"""

from messages.enums import OrderStatus as Status

LIVING_WORDS = (Status.NEW, Status.PARTIALLY_FILLED)
ENDS = (
    Status.FILLED,
    Status.CANCELED,
    Status.REJECTED,
    Status.EXPIRED,
    Status.EXPIRED_IN_MATCH,
)


def build_transitions() -> dict[tuple[Status, Status], Status]:
    """The whole table: `table[status, said]` is the new status."""
    table: dict[tuple[Status, Status], Status] = {}
    only_ours = (Status.PENDING_NEW, Status.UNKNOWN, Status.NOT_FOUND)
    for status in only_ours:
        for said in LIVING_WORDS + ENDS:
            table[status, said] = said
    table[Status.PENDING_NEW, Status.PENDING_CANCEL] = Status.PENDING_CANCEL
    table[Status.UNKNOWN, Status.PENDING_CANCEL] = Status.PENDING_CANCEL
    table[Status.PENDING_NEW, Status.UNKNOWN] = Status.UNKNOWN
    table[Status.PENDING_NEW, Status.NOT_FOUND] = Status.NOT_FOUND
    table[Status.UNKNOWN, Status.NOT_FOUND] = Status.NOT_FOUND
    # The venue's own PENDING_NEW (a leg that waits) ends our doubt as well as NEW does.
    table[Status.UNKNOWN, Status.PENDING_NEW] = Status.PENDING_NEW
    table[Status.NOT_FOUND, Status.PENDING_NEW] = Status.PENDING_NEW
    table[Status.NEW, Status.PARTIALLY_FILLED] = Status.PARTIALLY_FILLED
    for status in LIVING_WORDS:
        table[status, Status.PENDING_CANCEL] = Status.PENDING_CANCEL
    for status in (*LIVING_WORDS, Status.PENDING_CANCEL):
        table[status, Status.NOT_FOUND] = Status.NOT_FOUND
        for said in ENDS:
            if said is not Status.REJECTED:
                table[status, said] = said
    # A cancel can overtake its order's placement; the venue may still refuse that placement.
    table[Status.PENDING_CANCEL, Status.REJECTED] = Status.REJECTED
    return table


TRANSITIONS = build_transitions()


def next_status(status: Status, said: Status) -> Status | None:
    """The status after `said`, or None where the table has no entry (nothing changes)."""
    return TRANSITIONS.get((status, said))
