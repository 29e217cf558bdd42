"""Failpoints: places between one durable step and the next at which a test has the program killed.

They are off, and cost a look at one name, unless the environment names one: `TICKTROUPE_FAILPOINT=socket.written.order.place:7`
kills the program at the seventh passage of that place as `kill -9` would, so that nothing is closed, flushed or told.
The places, of which each is `NAME` or `NAME.DETAIL`:

| place | what is done by then, and what is not |
|---|---|
| `journal.before.CLASS` | a message of the class is to be written, nothing of its transaction is |
| `journal.within.CLASS` | its rows are written, the transaction is not committed |
| `journal.after.CLASS` | it is committed, and nobody has been told |
| `journal.run` | the number of this start is in the journal, and not in the file beside it |
| `journal.removing` | entries that no start will read are deleted, their transaction is not committed |
| `journal.removed` | it is committed, and others of the same round are still there |
| `gateway.before.CLASS` | a request is about to be handed to the venue's client |
| `socket.written.METHOD` | the request is on its way to the venue, unanswered |
| `rest.before.METHOD.PATH` | a request by REST (`POST.order`) is about to be written |
| `rest.written.METHOD.PATH` | it is on its way, unanswered, over a connection that is kept open for orders |
| `rest.answered.METHOD.PATH` | its answer has been read, and nothing is known of it yet |
| `gateway.after.CLASS` | the venue's answer is there, and nobody has been told |
| `gateway.told` | an event or an answer of the venue's is sent on, and not handled |
"""

import logging
import os
import signal
from collections.abc import Callable, Iterable, Mapping

VARIABLE = "TICKTROUPE_FAILPOINT"
log = logging.getLogger("actors.failpoints")


def kill_this_process() -> None:
    """Ends the program as `kill -9` would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Failpoint:
    """One place, and how often it is still passed before it strikes."""

    def __init__(
        self, place: str, passages: int = 1, strike: Callable[[], None] = kill_this_process
    ) -> None:
        """Raises ValueError without a place, or for fewer passages than one."""
        if not place or passages < 1:
            raise ValueError(
                f"a failpoint is PLACE or PLACE:N with N from 1 on, not {place}:{passages}"
            )
        self.place = place
        self.left = passages
        self.strike = strike

    def lies_at(self, name: str) -> bool:
        """Whether it is the place of this name, or one of its details."""
        return self.place == name or self.place.startswith(f"{name}.")

    def reach(self, name: str, details: Iterable[str] = ()) -> None:
        """Here the program is at a place, once whatever its details; the named one strikes at its passage."""
        if self.place == name or self.place in {f"{name}.{detail}" for detail in details}:
            self.left -= 1
            if self.left == 0:
                self.strike()


def failpoint_named_in(environment: Mapping[str, str]) -> Failpoint | None:
    """The failpoint that the environment names, if it names one. Raises ValueError for a text that names none."""
    text = environment.get(VARIABLE)
    if not text:
        return None
    place, separator, passages = text.partition(":")
    if separator and not passages.isdecimal():
        raise ValueError(f"{VARIABLE}={text!r}: after the colon stands a number of passages")
    log.warning("%s is set: this program kills itself at %s", VARIABLE, text)
    return Failpoint(place, int(passages) if separator else 1)


ARMED = failpoint_named_in(os.environ)
"""The one of this process; None nearly always."""
