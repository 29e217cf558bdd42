"""A plan of faults as a person writes it: TOML or JSON, checked in full before anything strikes.

```toml
seed = 7                                  # of every chance below

[latency]                                 # one way, in milliseconds; channels: rest websocket_api user_events market
rest = {ms = 20, jitter_ms = 10}

[clock]
offset_ms = 500
drift_ppm = 50

[sockets]
lifetime_seconds = 30                     # 86400 unless given
pongs = "none"                            # or "empty"; "echo" is right
pings = "empty"                           # "time" is usual

[[faults]]
kind = "silence"
on = "order.place"
nth = 3
```

Everything that is wrong is told at once, each fault with its key.
"""

import tomllib
from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from actors.exchange.fault_rules import (
    CONNECT,
    KINDS,
    ActionRule,
    Amount,
    EventRule,
    FrameRule,
    RequestRule,
    Rule,
    SymbolChanged,
    kind_of,
)
from actors.exchange.faults import matches
from actors.spelling import suggest
from messages.enums import ExecutionType

EVENTS = (
    *(f"executionReport.{one.value}" for one in ExecutionType if one.value != "UNRECOGNISED"),
    "outboundAccountPosition",
)
RULES = {kind_of(kind): kind for kind in KINDS}
SETTINGS = ("latency", "clock", "sockets")
TableT = TypeVar("TableT", bound=msgspec.Struct)


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """One way through a channel: `ms`, and up to `jitter_ms` more."""

    ms: Amount = 0.0
    jitter_ms: Amount = 0.0


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """The delay of each channel; `rest` and `websocket_api` have it on the way in and on the way out."""

    rest: Delay = Delay()
    websocket_api: Delay = Delay()
    user_events: Delay = Delay()
    market: Delay = Delay()


class ClockPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How far the exchange's clock is from the true one, and by how much it gains on it."""

    offset_ms: float = 0.0
    drift_ppm: float = 0.0


class SocketPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How sockets behave. A connection is closed when its lifetime is over."""

    lifetime_seconds: Amount = 86_400.0
    pings: Literal["time", "empty"] = "time"
    pongs: Literal["echo", "empty", "none"] = "echo"


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a fault file says; a setting that it does not mention is None."""

    seed: int = 0
    latency: Latency | None = None
    clock: ClockPlan | None = None
    sockets: SocketPlan | None = None
    faults: tuple[Rule, ...] = ()


class InvalidPlan(ValueError):
    """A plan with mistakes; `problems` has one line for each, as `faults[2].delay_ms: ...`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_plan(path: Path, methods: Collection[str], symbols: Collection[str]) -> FaultPlan:
    """The plan in a `.toml` or `.json` file. Raises InvalidPlan, each line with the file's name, and OSError."""
    text = path.read_bytes()
    try:
        return parse_plan(text, path.suffix != ".json", methods, symbols)
    except InvalidPlan as error:
        raise InvalidPlan([f"{path}: {problem}" for problem in error.problems]) from None


def parse_plan(
    text: bytes, is_toml: bool, methods: Collection[str], symbols: Collection[str]
) -> FaultPlan:
    """The plan in a text; `methods` and `symbols` are what the exchange knows. Raises InvalidPlan."""
    try:
        document = tomllib.loads(text.decode()) if is_toml else msgspec.json.decode(text)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidPlan([f"not {'TOML' if is_toml else 'JSON'}: {error}"]) from None
    except RecursionError:
        raise InvalidPlan(["it nests its values too deeply"]) from None
    return _Checker(methods, symbols).plan(document)


class _Checker:
    """Goes through a document and gathers what is wrong with it."""

    def __init__(self, methods: Collection[str], symbols: Collection[str]) -> None:
        self.methods, self.symbols = methods, symbols
        self.problems: list[str] = []

    def plan(self, document: Any) -> FaultPlan:
        if not isinstance(document, dict):
            raise InvalidPlan(
                ["expected a table with the keys seed, latency, clock, sockets, faults"]
            )
        head = {
            name: value for name, value in document.items() if name not in (*SETTINGS, "faults")
        }
        self.unknown(head, (*SETTINGS, "faults", "seed"), "")
        seed = self.value(head.get("seed", 0), int, "seed")
        latency = self.latency(document.get("latency"))
        clock = self.table(document.get("clock"), ClockPlan, "clock")
        sockets = self.table(document.get("sockets"), SocketPlan, "sockets")
        rules = document.get("faults", [])
        if not isinstance(rules, list):
            self.problems.append("faults: expected a list of tables, [[faults]]")
            rules = []
        faults = [self.rule(rule, f"faults[{number}]") for number, rule in enumerate(rules)]
        if self.problems:
            raise InvalidPlan(self.problems)
        return FaultPlan(
            seed=seed or 0,
            latency=latency,
            clock=clock,
            sockets=sockets,
            faults=tuple(rule for rule in faults if rule is not None),
        )

    def latency(self, document: Any) -> Latency | None:
        """The table of channels, of which each has a table of its own."""
        if document is None:
            return None
        if not isinstance(document, dict):
            self.problems.append("latency: expected a table of channels")
            return None
        names = Latency.__struct_fields__
        self.unknown(document, names, "latency.")
        found = {
            name: self.table(document[name], Delay, f"latency.{name}")
            for name in names
            if name in document
        }
        return Latency(**{name: delay for name, delay in found.items() if delay is not None})

    def rule(self, document: Any, where: str) -> Rule | None:
        if not isinstance(document, dict):
            self.problems.append(f"{where}: expected a table")
            return None
        kind = document.get("kind")
        if not isinstance(kind, str) or kind not in RULES:
            said = f"unknown kind {kind!r}" if kind is not None else "missing"
            self.problems.append(f"{where}.kind: {said}{nearest(kind, RULES)}")
            return None
        self.names(document, RULES[kind], where)
        rule = self.table(
            {name: value for name, value in document.items() if name != "kind"}, RULES[kind], where
        )
        if rule is not None:
            self.meaning(rule, where)
        return rule

    def table(self, document: Any, kind: type[TableT], where: str) -> TableT | None:
        """One table as a struct; None with its problems noted, or if there is no table."""
        if document is None:
            return None
        if not isinstance(document, dict):
            self.problems.append(f"{where}: expected a table")
            return None
        before = len(self.problems)
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        self.unknown(document, fields, f"{where}.")
        values: dict[str, Any] = {}
        for name, field in fields.items():
            if name in document:
                values[name] = self.value(document[name], field.type, f"{where}.{name}")
            elif field.required:
                self.problems.append(f"{where}.{name}: missing")
        return kind(**values) if len(self.problems) == before else None

    def value(self, value: Any, kind: Any, where: str) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self.problems.append(f"{where}: {error}, but it is {value!r}")
            return None

    def unknown(self, document: Mapping[str, Any], known: Collection[str], where: str) -> None:
        for name in document:
            if name not in known:
                self.problems.append(f"{where}{name}: unknown key{nearest(name, known)}")

    def meaning(self, rule: Rule, where: str) -> None:
        """What each value alone does not show."""
        if rule.until_seconds is not None and rule.until_seconds <= rule.from_seconds:
            self.problems.append(f"{where}.until_seconds: must be above from_seconds")
        if isinstance(rule, ActionRule) and rule.names and rule.at_seconds is not None:
            self.problems.append(f"{where}.at_seconds: not together with 'on'")
        if (
            isinstance(rule, RequestRule)
            and CONNECT not in rule.names  # Any channel can be connected to.
            and rule.channel not in (None, *rule.channels)
        ):
            self.problems.append(f"{where}.channel: nothing of this kind is at {rule.channel}")
        if isinstance(rule, SymbolChanged):
            for name in ("tick_size", "lot_size", "min_notional"):
                number: Decimal | None = getattr(rule, name)
                if number is not None and not (number.is_finite() and number > 0):
                    self.problems.append(f"{where}.{name}: must be above 0, but it is {number}")

    def names(self, document: Mapping[str, Any], kind: type[Rule], where: str) -> None:
        """Names of what a rule strikes at, which must exist."""
        patterns = document.get("on", [])
        patterns = patterns if isinstance(patterns, list) else [patterns]
        known: Collection[str] = EVENTS if issubclass(kind, EventRule) else self.methods
        for pattern in patterns:
            if issubclass(kind, FrameRule) or pattern == CONNECT or not isinstance(pattern, str):
                continue
            if not any(matches(pattern, name) for name in known):
                self.problems.append(
                    f"{where}.on: nothing is called {pattern!r}{nearest(pattern, known)}"
                )
        symbol = document.get("symbol")
        if isinstance(symbol, str) and symbol not in self.symbols:
            self.problems.append(
                f"{where}.symbol: {symbol!r} is not listed{nearest(symbol, self.symbols)}"
            )


def nearest(name: object, known: Collection[str]) -> str:
    """A suggestion for a mistyped name, or the choices when nothing is close."""
    listing = f"known are {', '.join(sorted(known))}" if len(known) <= 40 else ""
    meant = suggest(str(name), known, listing)
    return f"; {meant}" if meant else ""
