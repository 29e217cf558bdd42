"""The faults of a run, written out: what the weather drew, kept as JSON, and played again or shrunk without its seed."""

from collections.abc import Iterable
from typing import Any, Literal, Protocol

import msgspec

from actors.simulation.seeded import SeededRandom

CutMode = Literal["reset", "close", "hole"]
Direction = Literal["to_server", "to_client"]
KillPoint = Literal["time", "step", "write", "statement", "bytes", "heard", "power"]


class Cut(msgspec.Struct, frozen=True):
    """A connection that ends after so many bytes of one direction: reset, closed, or silent from then on."""

    connection: int
    direction: Direction
    after_bytes: int
    mode: CutMode


class Kill(msgspec.Struct, frozen=True):
    """A SIGKILL, or with `power` the end of the whole machine; `after` counts what `point` names (time: nanoseconds).

    `bytes` are those that it writes to a socket, `heard` those that have arrived at one and that it has not read;
    `delay_ns` follows them. `log_share` is the part of the unsynchronised write-ahead log that a power cut leaves;
    `incarnation` counts the starts of the program from 0.
    """

    program: str
    incarnation: int
    point: KillPoint
    after: int
    pattern: str = ""
    delay_ns: int = 0
    log_share: float = 1.0
    restart_after_ns: int = -1
    """When it is started again, counted from its death; below 0: it stays dead."""


class Partition(msgspec.Struct, frozen=True):
    """Two hosts that hear nothing of one another for a while; what they sent arrives afterwards."""

    first: str
    second: str
    at_ns: int
    duration_ns: int


class Skew(msgspec.Struct, frozen=True):
    """A step of one program's wall clock."""

    program: str
    at_ns: int
    skew_ns: int


class Pause(msgspec.Struct, frozen=True):
    """A process that gets no processor for a while, as on a laptop that sleeps."""

    program: str
    at_ns: int
    duration_ns: int


class Plan(msgspec.Struct):
    """All faults of one run. Connections are numbered from 1 in the order in which they are opened."""

    seed: int = 0
    cuts: list[Cut] = []
    refusals: list[int] = []
    kills: list[Kill] = []
    partitions: list[Partition] = []
    skews: list[Skew] = []
    pauses: list[Pause] = []
    venue: list[dict[str, Any]] = []
    """What the exchange does wrong: tables as they stand in its own fault files."""
    venue_settings: dict[str, Any] = {}
    """The rest of such a file: latencies and the clock."""

    def to_json(self) -> bytes:
        """The plan as a file's content."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_json(cls, data: bytes) -> "Plan":
        """A kept plan. Raises ValueError (msgspec.ValidationError) if it is none."""
        return msgspec.json.decode(data, type=cls)

    def size(self) -> int:
        """How many faults there are."""
        connections = len(self.cuts) + len(self.refusals) + len(self.partitions)
        return connections + len(self.kills) + len(self.skews) + len(self.pauses) + len(self.venue)


class Fates(Protocol):
    """Decides what becomes of each connection."""

    def is_refused(self, connection: int) -> bool:
        """Whether the connection of this number is refused."""
        ...

    def cut_of(self, connection: int) -> Cut | None:
        """Where it is cut, if anywhere."""
        ...


class DrawnFates:
    """Draws each connection's fate from the seed and its number, and writes into the plan what it drew."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.seed = seed
        self.plan = plan
        self.refused_share = 0.0
        self.cut_share = 0.0
        self.mean_cut_bytes = 4000
        self.modes: tuple[CutMode, ...] = ("reset", "reset", "close", "hole")

    def is_refused(self, connection: int) -> bool:
        """Whether the connection of this number is refused."""
        if not self.refused_share:
            return False
        if SeededRandom(f"{self.seed}:refusal:{connection}").random() >= self.refused_share:
            return False
        self.plan.refusals.append(connection)
        return True

    def cut_of(self, connection: int) -> Cut | None:
        """Where it is cut, if anywhere."""
        if not self.cut_share:
            return None
        random = SeededRandom(f"{self.seed}:cut:{connection}")
        if random.random() >= self.cut_share:
            return None
        direction: Direction = "to_server" if random.random() < 0.5 else "to_client"
        cut = Cut(
            connection,
            direction,
            int(random.expovariate(1 / self.mean_cut_bytes)),
            random.choice(self.modes),
        )
        self.plan.cuts.append(cut)
        return cut


class PlannedFates:
    """The fates that a plan names; all other connections are left alone."""

    def __init__(self, cuts: Iterable[Cut], refusals: Iterable[int]) -> None:
        self.cuts = {cut.connection: cut for cut in cuts}
        self.refusals = set(refusals)

    def is_refused(self, connection: int) -> bool:
        """Whether the connection of this number is refused."""
        return connection in self.refusals

    def cut_of(self, connection: int) -> Cut | None:
        """Where it is cut, if anywhere."""
        return self.cuts.get(connection)
