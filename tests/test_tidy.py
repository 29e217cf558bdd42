"""The project's style as a test: what every file of the two packages, and every test, must keep to.

Each rule names the places that may break it, and why. A new exception is a decision: it is written here, with its reason.
"""

import ast
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("actors", "messages")
    for path in (ROOT / folder).rglob("*.py")
)
TESTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))

MAXIMUM_FILE_LINES = 400
MAXIMUM_FUNCTION_LINES = 60

PURE = (
    "messages/",
    "actors/trading/",
    "actors/runtime/config.py",
    "actors/exchange/accounts.py",
    "actors/exchange/book.py",
    "actors/exchange/filters.py",
    "actors/exchange/matching.py",
    "actors/exchange/orders.py",
)
"""What decides, without I/O, clock or randomness."""

IMPURE_MODULES = {"asyncio", "aiohttp", "time", "random", "threading", "uuid", "secrets"}

CLOCKS = (
    "actors/runtime/clock.py",  # the one clock of the bot
    "actors/exchange/",  # a program of its own, with its own clock
    "actors/commands/",  # composition roots: they choose the clock and wait for processes
    "actors/simulation/",  # stands in for the clock
    "actors/binance/client.py",  # its defaults, for use outside the actor system
)
"""Who may ask the operating system for time, randomness or unique ids."""

VENUE_ROOMS = (
    "actors/binance/",
    "actors/exchange/",  # a Binance of its own
    "actors/commands/",
    "actors/backtest/",
    "actors/testing.py",
)
"""Who may name a venue otherwise than as a default; beside them every file called binance.py."""

TASK_BOUNDARIES = (
    "actors/runtime/supervisor.py",
    "actors/runtime/system.py",
    "actors/runtime/cell.py",  # where one actor's handler is called
    "actors/runtime/replay.py",  # where a recorded handler is called again
    "actors/runtime/errors.py",  # the text of a user's exception may itself raise
    "actors/backtest/tight_loop.py",  # where a backtest calls an actor's handlers
    "actors/gateways/",
)
"""Who may catch everything: what an actor or a request's task raises is that actor's failure, not the program's.

Elsewhere one may catch everything only to pass it on.
"""


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), filename=name)


@cache
def nodes_of(name: str) -> list[ast.AST]:
    return list(ast.walk(tree_of(name)))


@cache
def imported_modules(name: str) -> set[str]:
    """Full names of the modules that a file imports, wherever in it."""
    modules = set()
    for node in nodes_of(name):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    return modules


def is_within(name: str, places: tuple[str, ...]) -> bool:
    return any(
        name == place or (place.endswith("/") and name.startswith(place)) for place in places
    )


@cache
def dotted_names(name: str) -> set[str]:
    """Every `a.b` and `a.b.c` that a file mentions."""
    return {ast.unparse(node) for node in nodes_of(name) if isinstance(node, ast.Attribute)}


def for_all(names: Iterable[str]) -> Callable[[Callable[[str], None]], Callable[[], None]]:
    """Makes a rule about one file a test over all of them, which names every file that breaks it."""

    def make_test(rule: Callable[[str], None]) -> Callable[[], None]:
        def test() -> None:
            broken = []
            for name in names:
                try:
                    rule(name)
                except AssertionError as error:
                    broken.append(str(error) or name)
            assert not broken, "\n".join(broken)

        test.__doc__ = rule.__doc__
        return test

    return make_test


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 20
    assert len(TESTS) > 5


@for_all(SOURCES)
def test_size_and_docstring(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").count("\n")
    assert lines <= MAXIMUM_FILE_LINES, f"{name} has {lines} lines"
    assert ast.get_docstring(tree_of(name)), f"{name} has no docstring"
    for node in nodes_of(name):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAXIMUM_FUNCTION_LINES, f"{name}: {node.name} has {length} lines"


@for_all(SOURCES)
def test_public_things_are_documented(name: str) -> None:
    for node in tree_of(name).body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name}: {node.name} has no docstring"


@for_all(SOURCES)
def test_time_randomness_and_ids_come_from_the_system(name: str) -> None:
    if is_within(name, CLOCKS):
        return
    modules = {module.split(".")[0] for module in imported_modules(name)}
    assert not modules & {"time", "uuid", "secrets"}, f"{name} imports {sorted(modules)}"
    if "random" in modules:  # the type may be named; its source is the system's
        taken = {item for item in dotted_names(name) if re.fullmatch(r"random\.\w+", item)}
        for node in nodes_of(name):
            if isinstance(node, ast.ImportFrom) and node.module == "random":
                taken |= {f"random.{alias.name}" for alias in node.names}
            if isinstance(node, ast.Call) and ast.unparse(node).endswith("Random()"):
                taken.add("Random without a seed")
        assert taken <= {"random.Random"}, f"{name} uses {sorted(taken)}"
    clocks = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom")
    asked = [item for item in dotted_names(name) if item.endswith(clocks)]
    assert not asked, f"{name} asks {asked}"


@for_all(SOURCES)
def test_pure_files_are_pure(name: str) -> None:
    if is_within(name, PURE):
        impure = IMPURE_MODULES & {module.split(".")[0] for module in imported_modules(name)}
        assert not impure, f"{name} imports {sorted(impure)}"


@for_all(SOURCES)
def test_python_binance_stays_in_its_room(name: str) -> None:
    if not is_within(name, ("actors/binance/",)):
        modules = {module.split(".")[0] for module in imported_modules(name)}
        assert "binance" not in modules, f"{name} imports python-binance"


def default_nodes(name: str) -> set[ast.AST]:
    """Every node within the default of a parameter or of a class's field, or after an `or`."""
    found: set[ast.AST] = set()
    for node in nodes_of(name):
        defaults: list[ast.expr | None] = []
        if isinstance(node, ast.arguments):
            defaults = [*node.defaults, *node.kw_defaults]
        elif isinstance(node, ast.ClassDef):
            defaults = [item.value for item in node.body if isinstance(item, ast.AnnAssign)]
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            defaults = [node.values[-1]]
        for default in defaults:
            if default is not None:
                found.update(ast.walk(default))
    return found


@for_all(SOURCES)
def test_no_venue_is_hard_coded(name: str) -> None:
    if is_within(name, VENUE_ROOMS) or name.endswith("/binance.py"):
        return
    allowed = default_nodes(name)
    for node in nodes_of(name):
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("Exchanges.BINANCE"):
            assert node in allowed, f"{name}:{node.lineno} names a venue"


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Whether what was caught is raised again in any case."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@for_all(SOURCES)
def test_nothing_catches_everything(name: str) -> None:
    if is_within(name, TASK_BOUNDARIES):
        return
    for node in nodes_of(name):
        if isinstance(node, ast.ExceptHandler) and not passes_on(node):
            caught = ast.unparse(node.type) if node.type is not None else "everything"
            assert not re.search(r"\b(everything|Exception|BaseException)\b", caught), (
                f"{name}:{node.lineno} catches {caught}"
            )


@for_all(SOURCES)
def test_only_commands_print(name: str) -> None:
    if is_within(name, ("actors/commands/",)):
        return
    for node in nodes_of(name):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            raise AssertionError(f"{name}:{node.lineno} prints")


SQLITE = (
    "actors/runtime/journal.py",  # the one place of the bot
    "actors/exchange/",  # a program of its own
    "actors/simulation/",  # stands in for the disk
    "actors/commands/bench_queues.py",  # the bare insert that the journal is measured against
)


@for_all(SOURCES)
def test_sqlite_is_opened_in_one_place(name: str) -> None:
    if not is_within(name, SQLITE):
        assert "sqlite3.connect" not in dotted_names(name), f"{name} opens SQLite"


@for_all(SOURCES)
def test_libraries_neither_run_loops_nor_leave(name: str) -> None:
    """The simulation runs the whole bot within a loop of its own; and the program ends in its composition root."""
    if is_within(name, ("actors/commands/",)):
        return
    banned = {"asyncio.run", "os._exit", "asyncio.to_thread", "sys.exit"} & dotted_names(name)
    assert not banned, f"{name} uses {sorted(banned)}"
    modules = {module.split(".")[0] for module in imported_modules(name)}
    assert not modules & {"argparse", "threading", "concurrent", "multiprocessing"}, name


@for_all(SOURCES)
def test_no_file_is_a_drawer(name: str) -> None:
    assert not {"utils", "util", "helpers", "common", "misc"} & set(re.split(r"[/_.]", name)), name


@for_all([*SOURCES, *TESTS])
def test_nothing_is_left_to_do(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    words = ("TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError")
    assert not [word for word in words if word in text], name


@for_all(TESTS)
def test_tests_do_not_mock_our_own_code(name: str) -> None:
    """Constants may be set to other values, and Python's own import path."""
    assert not {"unittest.mock", "mock", "pytest_mock"} & imported_modules(name), name
    for node in nodes_of(name):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr == "setattr" and ast.unparse(node.func.value) == "monkeypatch":
            first, second = (ast.unparse(argument).strip("'\"") for argument in node.args[:2])
            is_allowed = second.isupper() or first.startswith("sys.")
            assert is_allowed, f"{name}:{node.lineno} patches {ast.unparse(node)}"


@for_all(TESTS)
def test_tests_do_not_sleep_for_long(name: str) -> None:
    """A test waits for what it waits for, with a deadline; a pause between two looks is at most 100 ms.

    In the simulation time is virtual, and a long sleep costs none.
    """
    if is_within(name, ("tests/simulation/",)):
        return
    for node in nodes_of(name):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "asyncio.sleep"):
            seconds = node.args[0] if node.args else None
            if isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float):
                assert seconds.value <= 0.1, f"{name}:{node.lineno} sleeps {seconds.value} s"


@for_all(TESTS)
def test_tests_do_not_import_tests(name: str) -> None:
    modules = [module for module in imported_modules(name) if module.startswith("tests.")]
    assert not [module for module in modules if module.split(".")[-1].startswith("test_")]


SUPPORT = [name for name in TESTS if not name.split("/")[-1].startswith("test_")]
"""What tests share: doubles, clients, and waits that fail when what they wait for does not come."""


@cache
def asserting_functions(name: str) -> frozenset[str]:
    """The functions of a file that can fail a test."""
    return frozenset(
        node.name
        for node in nodes_of(name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and re.search(r"\bassert\b|AssertionError|pytest\.raises|pytest\.fail", ast.unparse(node))
    )


@for_all(TESTS)
def test_every_test_can_fail(name: str) -> None:
    functions = [
        node for node in nodes_of(name) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    asserting = asserting_functions(name) | {
        function for support in SUPPORT for function in asserting_functions(support)
    }
    for node in functions:
        if node.name.startswith("test_"):
            called = {
                ast.unparse(item.func) for item in ast.walk(node) if isinstance(item, ast.Call)
            }
            assert node.name in asserting or called & asserting, f"{name}: {node.name}"
