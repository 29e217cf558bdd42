"""Errors that a trading system is known to make, planted one at a time into the real bot, for the rounds to find.

`python -m tests.simulation.planted_bugs [--rounds N] [--seed N] [BUG ...]` searches for the first seeds that find them.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

import actors.gateways.gateway as gateway_module
from actors.binance.errors import OutcomeUnknown
from actors.binance.ws_connection import ApiConnection, ApiFrame
from actors.commands.simulate import round_of
from actors.gateways.answers import refusals_of, unknowns_of
from actors.gateways.binance_entry import OrderEntry
from actors.gateways.errors import Refused
from actors.order_manager.inquiries import Inquiries
from actors.runtime.journal import Journal
from actors.simulation.entropy import Entropy
from actors.simulation.plan import Plan
from actors.simulation.rounds import run_round
from messages.orders import NewOrderRequest, Order, VenueRequest

WRITE_BEHIND_S = 0.05
MOST_SEEDS = 1_000


@contextmanager
def planted(owner: Any, name: str, faulty: Any) -> Iterator[None]:
    """Puts a faulty function in the place of the sound one."""
    sound = getattr(owner, name)
    setattr(owner, name, faulty)
    try:
        yield
    finally:
        setattr(owner, name, sound)


@contextmanager
def resend_on_timeout() -> Iterator[None]:
    """No answer to an order: it is sent again, under the same id."""
    real = OrderEntry.place

    async def place(self: OrderEntry, request: NewOrderRequest) -> Order:
        try:
            return await real(self, request)
        except OutcomeUnknown:
            return await real(self, request)

    with planted(OrderEntry, "place", place):
        yield


@contextmanager
def journal_after_send() -> Iterator[None]:
    """The journal is written in the background, soon after what it holds was sent."""
    real_write, real_close = Journal.write, Journal.close
    waiting: list[tuple[Any, Any, dict[str, Any]]] = []
    timers: dict[Journal, asyncio.TimerHandle] = {}

    def flush(journal: Journal) -> None:
        del timers[journal]
        items, waiting[:] = list(waiting), []
        for entries, handled, options in items:
            real_write(journal, entries, handled, **options)

    def write(self: Journal, entries: Any, handled: Any, **options: Any) -> None:
        if self not in timers:
            # What a killed program had not written is lost.
            waiting.clear()
            loop = asyncio.get_running_loop()
            timers[self] = loop.call_later(WRITE_BEHIND_S, flush, self)
        waiting.append((list(entries), dict(handled), options))

    def close(self: Journal) -> None:
        if self in timers:
            timers[self].cancel()
            flush(self)
        real_close(self)

    with planted(Journal, "write", write), planted(Journal, "close", close):
        yield


@contextmanager
def timeout_means_failed() -> Iterator[None]:
    """No answer to an order: it is taken for refused."""

    def answer(request: VenueRequest, text: str) -> Any:
        if isinstance(request, NewOrderRequest):
            return refusals_of(request, Refused(text))
        return unknowns_of(request, text)

    with planted(gateway_module, "unknowns_of", answer):
        yield


@contextmanager
def not_found_means_absent() -> Iterator[None]:
    """The venue does not know an order yet: it is taken for never placed."""
    real = Inquiries.__init__

    def build(self: Inquiries, *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **options)
        self.absence_after_ns = 0

    with planted(Inquiries, "__init__", build):
        yield


@contextmanager
def wedged_reader() -> Iterator[None]:
    """An error that answers no waiting request stops the reading, with the socket open, as in stock python-binance."""
    real = ApiConnection.take
    decode = msgspec.json.Decoder(ApiFrame).decode
    wedged: list[ApiConnection] = []

    def take(self: ApiConnection, data: bytes) -> None:
        if self in wedged:
            return
        frame = decode(data)
        if isinstance(frame.id, int) and frame.id not in self._waiting and frame.status != 200:
            wedged.append(self)
            return
        real(self, data)

    with planted(ApiConnection, "take", take):
        yield


@dataclass(frozen=True)
class Bug:
    """One error, and words of the violation that tells of it."""

    plant: Callable[[], AbstractContextManager[None]]
    words: str
    faults: Sequence[dict[str, Any]] = ()
    """What the exchange does wrong in every round, in the place of a seed's weather: of what weather seldom brings about."""

    def plan_of(self, seed: int) -> Plan | None:
        """The faults of a seed's round; None for its weather."""
        return Plan(seed=seed, venue=list(self.faults)) if self.faults else None


LATE_ERRORS = [
    {
        "kind": "error",
        "on": "order.place",
        "nth": number,
        "executes": False,
        "code": -1016,
        "delay_ms": 10_500,
        "until_seconds": 20.0,
    }
    for number in range(2, 60, 2)
]
"""Errors that come when nobody waits for them any more."""
BUGS = {
    "resend on timeout": Bug(resend_on_timeout, "was placed 2 times"),
    "journal after send": Bug(journal_after_send, "was never written down"),
    "timeout means failed": Bug(timeout_means_failed, "the bot believes"),
    "not found means absent": Bug(not_found_means_absent, "was once called absent"),
    "wedged reader": Bug(wedged_reader, "was not answered", LATE_ERRORS),
}


def finds(bug: str, seed: int, entropy: Entropy) -> str | None:
    """What the round of a seed says of a planted bug, if it finds it and has nothing to say without it."""
    planted_bug = BUGS[bug]
    plan = planted_bug.plan_of(seed)
    with planted_bug.plant():
        report = run_round(round_of(seed), seed, plan=plan, entropy=entropy)
    said = [violation for violation in report.violations if planted_bug.words in violation]
    if not said or run_round(round_of(seed), seed, plan=plan, entropy=entropy).violations:
        return None
    return said[0]


def search(bug: str, first: int, rounds: int, entropy: Entropy) -> tuple[int, str] | None:
    """The first of so many seeds that finds the bug, and its words."""
    for seed in range(first, first + rounds):
        said = finds(bug, seed, entropy)
        if said is not None:
            return seed, said
    return None


def main() -> int:
    """Searches; the exit code is 1 if a bug was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted_bugs")
    parser.add_argument("--rounds", type=int, default=MOST_SEEDS, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("bugs", nargs="*", metavar="BUG", help=", ".join(BUGS))
    options = parser.parse_args()
    is_complete = True
    with Entropy() as entropy:
        for bug in options.bugs or BUGS:
            found = search(bug, options.seed, options.rounds, entropy)
            is_complete = is_complete and found is not None
            told = "not found" if found is None else f"found by seed {found[0]}: {found[1]}"
            print(f"{bug}: {told}", flush=True)  # noqa: T201 - what was asked for
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
