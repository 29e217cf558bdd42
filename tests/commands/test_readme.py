"""The README is true: its programs run, its configurations load, and the commands, switches and files it names are there."""

import ast
import inspect
import os
import re
import sys
import textwrap
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.commands import exchange, start
from actors.commands.configuration import BotSection, VenueSection, load_configuration
from actors.testing import make_trade
from actors.trading.risk import RiskLimits
from tests.commands.harness import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """The code blocks in a language, in their order, those within lists included."""
    found = [match for match in FENCE.finditer(README) if match[2] == language]
    return [textwrap.dedent(match[3]) for match in found]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """All of its Python, as a user's own module `my_bot`."""
    made = types.ModuleType("my_bot")
    monkeypatch.setitem(sys.modules, "my_bot", made)
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), made.__dict__)
    return made


def test_its_tests_pass(module: types.ModuleType) -> None:
    tests = {name: item for name, item in vars(module).items() if name.startswith("test_")}
    assert list(tests) == ["test_buys_once"]
    for test in tests.values():
        test()


def test_its_alert_fires_once(module: types.ModuleType) -> None:
    alert = module.PriceAlert("BTCUSDT", level=100.0)
    for price in (99.0, 100.0, 101.0):
        alert.handle(make_trade(price=price))
    assert [(message.symbol, message.price) for message in alert.outbox] == [("BTCUSDT", 100.0)]


def test_its_strategy_is_the_one_that_ships(module: types.ModuleType) -> None:
    shipped = (ROOT / "actors/strategies/breakout.py").read_text(encoding="utf-8")
    source = blocks("python")[0]
    for line in source.splitlines():
        assert line in shipped


def test_its_first_configuration_loads_with_the_strategy_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_bot", raising=False)
    (tmp_path / "my_bot.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    file = tmp_path / "bot.toml"
    file.write_text(blocks("toml")[0], encoding="utf-8")
    try:
        (actor,) = load_configuration(file).actors
    finally:
        sys.modules.pop("my_bot", None)
    assert actor.actor_class.__name__ == "Breakout"
    assert actor.arguments == {"symbol": "BTCUSDT", "level": 60000.0, "quantity": Decimal("0.001")}


@pytest.mark.parametrize("index", range(1, len(blocks("toml"))))
def test_its_other_configurations_load(
    index: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
        monkeypatch.setenv(name, "x" * 64)
    file = tmp_path / "bot.toml"
    file.write_text(blocks("toml")[index], encoding="utf-8")
    assert load_configuration(file).actors


def test_real_money_needs_just_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
        monkeypatch.setenv(name, "x" * 64)
    (limits,) = (block for block in blocks("toml") if block.startswith("[risk]"))
    file = tmp_path / "bot.toml"
    file.write_text('[venue]\nenvironment = "live"\n' + limits, encoding="utf-8")
    configuration = load_configuration(file, allows_live=True)
    assert configuration.risk.maximum_order_notional == Decimal(100)


def test_the_commands_it_names_are_there() -> None:
    names = set(re.findall(r"\bbin/(\w+)", README))
    assert {"start", "exchange", "bench", "test", "check"} <= names
    for name in names:
        path = ROOT / "bin" / name
        assert path.is_file()
        assert os.access(path, os.X_OK), f"{name} cannot be executed"


@pytest.mark.parametrize(
    ("command", "parser"), [("start", start.make_parser()), ("exchange", exchange.make_parser())]
)
def test_the_switches_it_names_are_there(command: str, parser: Any) -> None:
    (row,) = re.findall(rf"^\| `bin/{command}( [\[-][^`]*)`", README, re.MULTILINE)
    switches = re.findall(r"--[a-z-]+", row)
    assert len(switches) >= 4
    text = parser.format_help()
    for switch in switches:
        assert switch in text


def test_the_files_it_links_are_there() -> None:
    for link in re.findall(r"\]\(([^)#:\s]+)(?: \"\w+\")?\)", README):
        assert (ROOT / link).exists(), link


def test_the_keys_it_names_are_there() -> None:
    sections = {"bot": BotSection, "venue": VenueSection, "risk": RiskLimits}
    named = re.findall(r"\[(bot|venue|risk)\] (\w+)", README)
    assert named
    for section, key in named:
        assert key in inspect.signature(sections[section]).parameters, f"[{section}] {key}"


def test_each_answer_of_what_happens_when_has_its_proof() -> None:
    chapter = README.partition("\n## What happens when ...\n")[2].partition("\n## ")[0]
    answers = re.split(r"\n- \*\*", chapter)[1:]
    assert len(answers) >= 17
    for answer in answers:
        question, found, _ = answer.partition("?** ")
        assert found, answer
        proofs = re.findall(r"\]\(([^)\s]+) \"(\w+)\"\)", answer)
        assert proofs, question
        for file, name in proofs:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            names = {item.name for item in tree.body if isinstance(item, functions)}
            assert name in names, f"{question}? {file} has no {name}"
            assert name.startswith("test_"), name
