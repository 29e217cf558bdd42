"""The configuration: a constructor's signature is the schema, and every mistake a fault with file, key and remedy."""

import pickle
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.runtime.config import check_arguments, check_keys, convert, read_actor, read_toml
from actors.runtime.errors import ConfigurationError, Fault, WiringError
from actors.runtime.specification import ActorSpecification
from messages.enums import Exchanges, KlineInterval, Side

MODULE = """
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from actors.runtime.actor import Actor
from actors.strategies.strategy import Strategy
from messages.enums import Exchanges
from messages.market import Trade

if TYPE_CHECKING:
    from decimal import Context


class Breakout(Strategy):
    def __init__(
        self,
        symbol: str,
        level: float,
        quantity: Decimal,
        time_to_cancel: float | None = None,
        exchange: Exchanges = Exchanges.BINANCE,
    ) -> None:
        if not quantity > 0:
            raise ValueError(f"quantity must be above 0, not {quantity}")
        if time_to_cancel is not None and not time_to_cancel > 0:
            raise ValueError(f"time_to_cancel must be above 0, not {time_to_cancel}")
        self.symbol, self.level, self.quantity = symbol, level, quantity
        self.time_to_cancel = time_to_cancel

    def on_trade(self, trade: Trade) -> None: ...


class Inherits(Breakout):
    pass


class Careless(Actor):
    def __init__(self, how: str) -> None:
        if how == "exit":
            sys.exit(3)
        {}[how]


class Hidden(Actor):
    def __init__(self, context: "Context") -> None: ...


class Shadow(Strategy):
    def __init__(self) -> None:
        self.position = 0

    def place(self, side: str, price: float) -> None: ...


class Wraps(Strategy):
    def __init__(self) -> None:
        self.order = ""

    def buy(self) -> str:
        return super().buy("BTCUSDT", Decimal(1))

    def place(self, *what, **terms) -> str:
        return super().place(*what, **terms)


class NoActor: ...
"""


@pytest.fixture(autouse=True)
def beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's module beside the configuration file, under a name of its own for each test."""
    name = f"my_bot_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def read(beside: str, toml: str) -> tuple[list[ActorSpecification | None], list[Fault]]:
    """What becomes of some `[[actors]]`; MODULE stands for the user's module."""
    path = Path(__file__).with_name("bot.toml")
    faults: list[Fault] = []
    tables = msgspec.toml.decode(textwrap.dedent(toml).replace("MODULE", beside))["actors"]
    return [
        read_actor(table, f"{path.name}: actors[{index}]", faults)
        for index, table in enumerate(tables, start=1)
    ], faults


def texts(faults: list[Fault]) -> list[str]:
    return [str(fault) for fault in faults]


GOOD = """
[[actors]]
class = "MODULE.Breakout"
name = "breakout"
symbol = "BTCUSDT"
level = 100
quantity = 0.01
"""


def test_a_users_class_beside_the_file(beside_the_file: str) -> None:
    [found], faults = read(beside_the_file, GOOD)
    assert faults == []
    assert found is not None
    assert found.name == "breakout"
    assert found.arguments == {"symbol": "BTCUSDT", "level": 100.0, "quantity": Decimal("0.01")}
    assert isinstance(found.arguments["level"], float)
    assert found.exchange is Exchanges.BINANCE
    # Absent is the documented default: no limit, and not "at once".
    assert found.actor_class(**found.arguments).__dict__["time_to_cancel"] is None


def test_a_constructor_is_inherited(beside_the_file: str) -> None:
    [found], faults = read(beside_the_file, GOOD.replace("Breakout", "Inherits"))
    assert faults == []
    assert found is not None
    assert found.actor_class.__name__ == "Inherits"


@pytest.mark.parametrize(
    ("line", "key", "nearest"),
    [
        ('"level " = 2', "'level '", "'level'"),
        ("Level = 2", "'Level'", "'level'"),
        ("levl = 2", "'levl'", "'level'"),
        ("time_to_cancle = 2", "'time_to_cancle'", "'time_to_cancel'"),
        ("exhange = 'BINANCE'", "'exhange'", "'exchange'"),
        ("zzz = 2", "'zzz'", "valid keys: "),
    ],
)
def test_a_key_that_is_not_there(beside_the_file: str, line: str, key: str, nearest: str) -> None:
    [found], faults = read(beside_the_file, GOOD + line)
    assert found is None
    [text] = texts(faults)
    assert text.startswith("bot.toml: actors[1]: there is no key " + key)
    assert nearest in text


def test_a_mistyped_key_is_also_a_missing_one(beside_the_file: str) -> None:
    _, faults = read(beside_the_file, GOOD.replace("level = 100", '"level " = 100'))
    assert texts(faults) == [
        "bot.toml: actors[1]: there is no key 'level ' (did you mean 'level'?)",
        "bot.toml: actors[1]: the key 'level' is missing (give it a number)",
    ]


def test_what_the_constructor_refuses_is_told_beside_a_mistyped_key(beside_the_file: str) -> None:
    _, faults = read(beside_the_file, GOOD.replace("0.01", "-1") + "time_to_cancle = 2")
    unknown, refused = texts(faults)
    assert "'time_to_cancle'" in unknown
    assert "quantity" in refused


@pytest.mark.parametrize(
    ("old", "new", "where", "problem"),
    [
        ("level = 100", 'level = "high"', "actors[1].level", "'high' is not a number"),
        ("level = 100", "level = true", "actors[1].level", "True is not a number"),
        ("level = 100", "level = nan", "actors[1].level", "not a finite number"),
        ("level = 100", "level = -inf", "actors[1].level", "not a finite number"),
        ('symbol = "BTCUSDT"', "symbol = 5", "actors[1].symbol", "5 is not a text"),
        ("quantity = 0.01", 'quantity = "1_000"', "actors[1].quantity", "1_000"),
        ("quantity = 0.01", "quantity = nan", "actors[1].quantity", "finite"),
        ("quantity = 0.01", "quantity = false", "actors[1].quantity", "not a number"),
        ("quantity = 0.01", "quantity = [1]", "actors[1].quantity", "not a number"),
        ("quantity = 0.01", "quantity = 0", "actors[1]", "quantity must be above 0"),
        ("quantity = 0.01", "quantity = -1", "actors[1]", "quantity must be above 0"),
        ("level = 100", "level = 100\ntime_to_cancel = 0", "actors[1]", "time_to_cancel must be"),
        ("level = 100", "level = 100\ntime_to_cancel = -5", "actors[1]", "time_to_cancel must be"),
        (
            "level = 100",
            'level = 1\nexchange = "BINANCEE"',
            "actors[1].exchange",
            "none of BINANCE",
        ),
        ("level = 100", 'level = 1\nexchange = "UNRECOGNISED"', "actors[1].exchange", "none of"),
        ('name = "breakout"', "name = 5", "actors[1].name", "5 is not a text"),
        ("level = 100", 'level = 1\nprocess = "x"', "actors[1].process", "reserved"),
        ("MODULE.Breakout", "MODULE.Breakuot", "actors[1].class", "did you mean 'Breakout'?"),
        ("MODULE.Breakout", "MODULE.NoActor", "actors[1].class", "is not an actor"),
        (
            "MODULE.Breakout",
            "nowhere_at_all.Breakout",
            "actors[1].class",
            "beside the configuration",
        ),
        ("MODULE.Breakout", "Breakout", "actors[1].class", "write module.Class"),
        ("MODULE.Breakout", ".Breakout", "actors[1].class", "importing ''"),
        ("MODULE.Breakout", "..Breakout", "actors[1].class", "importing '.'"),
        ('class = "MODULE.Breakout"', "class = 5", "actors[1].class", "5 names no class"),
        ('class = "MODULE.Breakout"', "", "actors[1]", "the key 'class' is missing"),
        ("class = ", '"Class" = ', "actors[1]", "is it meant by 'Class'?"),
        ("class = ", "clas = ", "actors[1]", "is it meant by 'clas'?"),
    ],
)
def test_one_fault_for_each_mistake(
    beside_the_file: str, old: str, new: str, where: str, problem: str
) -> None:
    assert old in GOOD
    _, faults = read(beside_the_file, GOOD.replace(old, new))
    [text] = texts(faults)
    assert text.startswith(f"bot.toml: {where}: ")
    assert problem in text


def test_ten_faults_at_once(beside_the_file: str) -> None:
    _, faults = read(
        beside_the_file,
        """
        [[actors]]
        class = "MODULE.Breakout"
        levl = 2
        quantity = "much"
        exchange = "KRAKEN"
        [[actors]]
        class = "MODULE.Missing"
        [[actors]]
        class = "MODULE.Breakout"
        symbol = 7
        level = "high"
        quantity = 1
        [[actors]]
        class = "MODULE.Breakout"
        symbol = "BTCUSDT"
        level = 1
        quantity = 0
        [[actors]]
        nme = "x"
        """,
    )
    shown = texts(faults)
    assert len(shown) == 10
    assert [text.split(":")[1].strip() for text in shown] == [
        *["actors[1]"] * 3,
        "actors[1].quantity",
        "actors[1].exchange",
        "actors[2].class",
        "actors[3].symbol",
        "actors[3].level",
        "actors[4]",
        "actors[5]",
    ]


@pytest.mark.parametrize(
    ("how", "expected"), [("exit", "SystemExit: 3"), ("key", "KeyError: 'key'")]
)
def test_a_constructor_that_fails_otherwise(beside_the_file: str, how: str, expected: str) -> None:
    toml = f'[[actors]]\nclass = "MODULE.Careless"\nhow = "{how}"'
    _, faults = read(beside_the_file, toml)
    (problem,) = [fault.problem for fault in faults]
    assert problem.startswith(f"the constructor of Careless failed: {expected} (my_bot_")


def test_a_name_that_hides_a_method_of_the_base_is_refused(beside_the_file: str) -> None:
    _, faults = read(beside_the_file, '[[actors]]\nclass = "MODULE.Shadow"')
    assert sorted(fault.problem for fault in faults) == [
        "Shadow has a place of its own, which cannot stand for that of OrderCalls",
        "Shadow sets self.position, which is a method of Strategy",
    ]
    assert {fault.remedy for fault in faults} == {"choose another name"}
    # What the base does not call is free, and what takes the same arguments is meant.
    assert read(beside_the_file, '[[actors]]\nclass = "MODULE.Wraps"')[1] == []


def test_an_annotation_that_is_not_there_at_run_time(beside_the_file: str) -> None:
    _, faults = read(beside_the_file, '[[actors]]\nclass = "MODULE.Hidden"\ncontext = 1')
    [text] = texts(faults)
    assert "annotation cannot be resolved" in text
    assert "TYPE_CHECKING" in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("import sys; sys.exit(4)", "SystemExit: 4"),
        ("1 / 0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        ("import not_installed_anywhere", "needs not_installed_anywhere: install it"),
        ("raise AssertionError('never')", "AssertionError: never"),
    ],
)
def test_a_module_that_cannot_be_imported(
    tmp_path: Path, beside_the_file: str, body: str, expected: str
) -> None:
    name = f"{beside_the_file}_broken"
    (tmp_path / f"{name}.py").write_text(body + "\n")
    _, faults = read(beside_the_file, f'[[actors]]\nclass = "{name}.Breakout"')
    [text] = texts(faults)
    assert text.startswith("bot.toml: actors[1].class: ")
    assert expected in text


def test_a_short_name() -> None:
    faults: list[Fault] = []
    aliases = {"Breakout": "actors.strategies.breakout.Breakout"}
    table = {"class": "Breakout", "symbol": "BTCUSDT", "level": 1, "quantity": "0.5"}
    found = read_actor(table, "bot.toml", faults, aliases)
    assert found is not None
    assert (found.name, found.arguments["quantity"]) == ("Breakout", Decimal("0.5"))
    assert read_actor({"class": "Breakot"}, "bot.toml", faults, aliases) is None
    assert "one of Breakout" in str(faults[0])


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (0.1, Decimal, Decimal("0.1")),
        (1, Decimal, Decimal(1)),
        ("0.30", Decimal, Decimal("0.30")),
        (0.1, Decimal | None, Decimal("0.1")),
        ([0.1, "0.2", 3], list[Decimal], [Decimal("0.1"), Decimal("0.2"), Decimal(3)]),
        ([0.1, 2], tuple[Decimal, ...], (Decimal("0.1"), Decimal(2))),
        (["a", 0.5], tuple[str, Decimal], ("a", Decimal("0.5"))),
        ({"BTC": 0.5}, dict[str, Decimal], {"BTC": Decimal("0.5")}),
        ({"BTC": [0.5]}, dict[str, list[Decimal]], {"BTC": [Decimal("0.5")]}),
        (2, float, 2.0),
        (2, float | None, 2.0),
        (2, int | str, 2),
        ("two", int | str, "two"),
        ("BINANCE", Exchanges, Exchanges.BINANCE),
        (["1m", "1h"], list[KlineInterval], [KlineInterval("1m"), KlineInterval("1h")]),
        (["BUY"], frozenset[Side], frozenset({Side.BUY})),
        ("/tmp/x", Path, Path("/tmp/x")),
        ([1, 2], Any, [1, 2]),
        ([[1, 2.5]], list[tuple[int, float]], [(1, 2.5)]),
    ],
)
def test_conversions(value: Any, annotation: Any, expected: Any) -> None:
    converted = convert(value, annotation)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (["1m", "7m"], list[KlineInterval]),
        ([1], tuple[int, int]),
        ("x", list[str]),
        ([float("nan")], list[float]),
        (2.5, int),
        ("2", int),
        (1.5, int | bool),
        ({"a": "b"}, dict[str, Decimal]),
        ("SHORT", Side | None),
        (1, str),
    ],
)
def test_conversions_that_are_refused(value: Any, annotation: Any) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        convert(value, annotation)


def test_arguments_of_a_plain_function() -> None:
    def function(level: float, *, name: str = "x", **others: Any) -> None: ...

    faults: list[Fault] = []
    assert check_arguments(function, {"level": 1}, "here", faults) == {"level": 1.0}
    assert faults == []
    check_keys({"b": 1}, {"a"}, "here", faults)
    assert texts(faults) == ["here: there is no key 'b' (valid keys: a)"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such file"),
        (b"a = ", "not valid TOML"),
        (b"a = 1\na = 2", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "bot.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=problem) as caught:
        read_toml(path)
    assert str(path) in str(caught.value)


def test_a_byte_order_mark_and_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    path.write_bytes(b"\xef\xbb\xbflevel = 1\r\n")
    assert read_toml(path) == {"level": 1}
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_toml(tmp_path)


@pytest.mark.parametrize("error_class", [ConfigurationError, WiringError])
def test_the_error_of_a_worker_process_keeps_its_faults(
    error_class: type[ConfigurationError],
) -> None:
    sent = error_class([Fault("bot.toml: bot", "is wrong", "mend it"), Fault("here", "too")])
    error = pickle.loads(pickle.dumps(sent))
    assert (type(error), error.faults, str(error)) == (error_class, sent.faults, str(sent))
