"""The chapter on the configuration names every key of every section with its true default, and its example loads."""

import enum
import inspect
import re
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.commands.configuration import DEFAULT_RISK, SECTIONS, load_configuration
from tests.commands.harness import ROOT

CHAPTER = (ROOT / "actors/commands/README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (`.*?`) \| (.*?) \|", re.MULTILINE)


def rows_of(section: str) -> dict[str, str]:
    """Keys and the texts of their defaults, from the table below the section's heading."""
    _, _, rest = CHAPTER.partition(f"\n## `[{section}]`\n")
    table, _, _ = rest.partition("\n## ")
    return {
        key.strip("` "): default for keys, default in ROW.findall(table) for key in keys.split(",")
    }


def written(value: Any) -> str:
    """A default as the chapter writes it."""
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case enum.Enum() | str():
            return f'`"{value}"`'
        case tuple():
            return "`[]`"
        case dict():
            return "`{}`"
    return f"`{value:.10g}`"


@pytest.mark.parametrize(("name", "section"), SECTIONS.items(), ids=str)
def test_every_key_has_its_row_and_default(name: str, section: Any) -> None:
    made = section()
    expected = {key: written(getattr(made, key)) for key in inspect.signature(section).parameters}
    assert rows_of(name) == expected


def test_the_limits_that_hold_without_a_section_are_named() -> None:
    _, _, text = CHAPTER.partition("without the whole section these hold: ")
    sentence = " ".join(text.partition("Sums are")[0].split())
    limits = DEFAULT_RISK
    assert sentence == (
        f"{limits.maximum_order_notional:,} an order, {limits.maximum_position_notional:,} a position, "
        f"{limits.maximum_open_orders} open orders, {limits.maximum_orders_per_second} orders a second, "
        f"a collar of {limits.price_collar}."
    )


def test_its_example_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", CHAPTER, re.DOTALL)
    file = tmp_path / "bot.toml"
    file.write_text(textwrap.dedent(block).replace("my_bot.Breakout", "Breakout"))
    monkeypatch.setenv("BINANCE_API_KEY", "k" * 64)
    monkeypatch.setenv("BINANCE_API_SECRET", "s" * 64)
    configuration = load_configuration(file)
    (actor,) = configuration.actors
    assert (configuration.bot.name, configuration.venue.environment) == ("grid", "testnet")
    assert configuration.risk.maximum_daily_loss == Decimal(20)
    assert (actor.name, actor.arguments["level"]) == ("slow", 60000)
