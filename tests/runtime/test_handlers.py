"""What a class says about its inputs and outputs, and every way to say it wrong."""

import functools
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, Union

import pytest

from actors.runtime.actor import Actor
from actors.runtime.errors import HandlerError
from actors.runtime.handlers import find_outputs
from actors.strategies.strategy import Strategy
from messages.base import Message
from messages.control import Subscribe, TimerFired
from messages.market import Trade
from messages.orders import AmendOrder, CancelOrder, ClosePosition, PlaceOrder
from tests.runtime.harness import Datum, Ping, Pong, State

if TYPE_CHECKING:
    pass


def define(body: str, base: str = "Actor") -> type[Actor[Any]]:
    """A class with this body, as a user's module would define it."""
    module = ModuleType("users_module")
    sys.modules["users_module"] = module
    source = f"class Bad({base}):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    names = {**globals(), "TimerFired": TimerFired, "__name__": "users_module"}
    names.pop("BookTicker", None)
    module.__dict__.update(names)
    try:
        exec(source, module.__dict__)
    finally:
        del sys.modules["users_module"]
    found: type[Actor[Any]] = module.__dict__["Bad"]
    return found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("async def on_ping(self, ping: Ping): ...", ["Bad.on_ping", "plain `def`"]),
        ("async def on_ping(self, ping: Ping): yield", ["Bad.on_ping", "plain `def`"]),
        ("def on_ping(self, ping: Ping): yield 1", ["Bad.on_ping", "yield"]),
        ("def on_ping(self, ping): ...", ["Bad.on_ping", "annotate"]),
        ("def on_ping(self): ...", ["Bad.on_ping", "exactly one message"]),
        ("def on_ping(self, ping: Ping, more: Pong): ...", ["Bad.on_ping", "exactly one message"]),
        ("def on_ping(self, *pings: Ping): ...", ["Bad.on_ping", "exactly one message"]),
        ("def on_ping(self, *, ping: Ping): ...", ["Bad.on_ping", "exactly one message"]),
        ("def on_ping(self, ping: int): ...", ["Bad.on_ping", "int is not a message class"]),
        ("def on_ping(self, ping: Ping | None): ...", ["Bad.on_ping", "NoneType"]),
        ("def on_ping(self, ping: list[Ping]): ...", ["Bad.on_ping", "list"]),
        ("def on_ping(self, ping: 'Pnig'): ...", ["Bad.on_ping", "Pnig", "TYPE_CHECKING"]),
        (
            "def on_book(self, book: 'BookTicker'): ...",
            ["Bad.on_book", "BookTicker", "TYPE_CHECKING"],
        ),
        (
            "def on_ping(self, ping: Ping): ...\ndef on_other(self, ping: Ping): ...",
            ["Bad", "on_ping", "on_other", "Ping"],
        ),
        (
            "def on_ping(self, ping: Ping): ...\ndef on_both(self, either: Ping | Pong): ...",
            ["Bad", "on_ping", "on_both", "Ping"],
        ),
        ("@staticmethod\ndef on_ping(ping: Ping): ...", ["Bad.on_ping", "staticmethod"]),
        ("@classmethod\ndef on_ping(cls, ping: Ping): ...", ["Bad.on_ping", "classmethod"]),
        ("on_ping = functools.partial(print)", ["Bad.on_ping", "partial"]),
        ("async def on_start(self): ...", ["Bad.on_start", "plain `def`"]),
        ("async def on_stop(self): ...", ["Bad.on_stop", "plain `def`"]),
        ("def on_timer(self, fired: TimerFired): ...", ["Bad.on_timer", "TimerFired"]),
        ("def run(self): ...", ["Bad.run", "async def"]),
        (
            "lazy_inputs = frozenset({Datum})\ndef on_datum(self, datum: Datum): ...",
            ["lazy", "Datum"],
        ),
    ],
)
def test_a_bad_handler_is_an_error_when_the_class_is_made(body: str, expected: list[str]) -> None:
    with pytest.raises(HandlerError) as caught:
        define(body)
    for text in expected:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    "base", ["Actor[int]", "Actor[Ping | str]", "Actor['Nowhere']", "Strategy[int]"]
)
def test_a_bad_output_is_an_error_when_the_class_is_made(base: str) -> None:
    with pytest.raises(HandlerError, match="type argument"):
        define("pass", base)


def test_good_handlers() -> None:
    class Good(Actor[Pong]):
        on_nothing = None
        on_count = 5

        def on_ping(self, ping: Ping) -> None: ...

        def on_some(self, some: "Datum | State") -> None: ...

        def on_old_style(self, message: Union[Pong, Trade]) -> None: ...  # noqa: UP007

    assert Good.handlers == {
        Datum: ("on_some",),
        Ping: ("on_ping",),
        Pong: ("on_old_style",),
        State: ("on_some",),
        Trade: ("on_old_style",),
    }
    assert Good.outputs == {Pong, Subscribe}
    assert not Good.is_boundary


def test_the_base_handles_first() -> None:
    order: list[str] = []

    class Base(Actor):
        def _on_ping(self, ping: Ping) -> None:
            order.append("base")

    class Derived(Base):
        def on_ping(self, ping: Ping) -> None:
            order.append("own")

    Derived().handle(Ping())
    assert order == ["base", "own"]


def test_a_handler_is_inherited_overridden_and_left_out() -> None:
    class Base(Actor[Pong]):
        def on_ping(self, ping: Ping) -> None:
            self.send(Pong(value=1))

    class Inherits(Base): ...

    class Overrides(Base):
        def on_ping(self, ping: Ping) -> None:
            self.send(Pong(value=2))

    class Without(Base):
        on_ping = None  # type: ignore[assignment]

    inherits, overrides = Inherits(), Overrides()
    inherits.handle(Ping())
    overrides.handle(Ping())
    assert [
        item.value for item in [*inherits.outbox, *overrides.outbox] if isinstance(item, Pong)
    ] == [1, 2]
    assert Ping not in Without.handlers
    assert Without.outputs == {Pong, Subscribe}


def test_outputs_of_a_strategy_and_its_own() -> None:
    class Signal(Message, kw_only=True):
        value: int = 0

    class Mine(Strategy[Signal]):
        def on_trade(self, trade: Trade) -> None: ...

    class Plain(Strategy):
        def on_trade(self, trade: Trade) -> None: ...

    class Further(Mine): ...

    orders = {PlaceOrder, CancelOrder, AmendOrder, ClosePosition, Subscribe}
    assert orders <= Plain.outputs
    assert Signal not in Plain.outputs
    assert Mine.outputs == Further.outputs == Plain.outputs | {Signal}
    mine = Mine()
    mine.send(Signal(value=1))
    assert len(mine.outbox) == 1


def test_outputs_by_a_type_parameter() -> None:
    Output = TypeVar("Output", bound=Message)

    class Generic(Actor[Output | Pong]): ...

    class Filled(Generic[Ping]): ...

    assert find_outputs(Generic) == {Pong}
    assert find_outputs(Filled) == {Ping, Pong}


def test_a_run_makes_a_boundary() -> None:
    class Runs(Actor):
        async def run(self) -> None: ...

    assert Runs.is_boundary


def test_a_module_with_late_annotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "late_module.py").write_text(
        textwrap.dedent("""
        from __future__ import annotations
        from actors.runtime.actor import Actor
        from messages.base import Message

        class Own(Message, kw_only=True):
            value: int = 0

        class Late(Actor[Own]):
            def on_own(self, own: Own) -> None:
                self.send(Own(value=own.value + 1))
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module: Any = __import__("late_module")
    late = module.Late()
    late.handle(module.Own(value=1))
    assert [item.value for item in late.outbox] == [2]
    assert functools.reduce(lambda count, _: count + 1, late.outputs, 0) == 2
