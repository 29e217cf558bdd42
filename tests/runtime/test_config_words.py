"""What a beginner's slips in a configuration are answered: in his words, with the line and with what to write instead."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.config import convert, load_actor_class, read_toml
from actors.runtime.errors import ConfigurationError, Fault


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("class = my_bot.Breakout", 'a text stands in quotes: class = "my_bot.Breakout"'),
        ("name = grid # mine", 'a text stands in quotes: name = "grid"'),
        ("level = 1,5", "the line is: level = 1,5"),
        ("symbol: 'BTCUSDT'", "the line is: symbol: 'BTCUSDT'"),
    ],
)
def test_a_line_that_is_no_toml_is_shown(line: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(f"[[actors]]\n{line}\nquantity = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_toml(file)
    assert "at line 2" in str(caught.value)
    assert str(caught.value).endswith(f"({told})")


def test_an_end_that_came_too_soon_has_no_line(tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    file.write_text("a = [1,", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"not valid TOML: .*\(at end of document\)$"):
        read_toml(file)


@pytest.mark.parametrize(
    ("value", "annotation", "told"),
    [
        ("high", float, "'high' is not a number"),
        (2.5, int, "2.5 is not a whole number"),
        (5, str, "5 is not a text"),
        ("yes", bool, "'yes' is not true or false"),
        ("abc", Decimal, "'abc' is not a plain decimal number"),
        ("high", float | None, "'high' is not a number"),
    ],
)
def test_a_value_of_the_wrong_type_is_shown_with_what_was_expected(
    value: Any, annotation: Any, told: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        convert(value, annotation)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from actors.strategy import Strategy", "did you mean 'actors.strategies.strategy'?"),
        ("from messages.markt import Trade", "did you mean 'messages.market'?"),
        ("from actors.qqq.wxyz import A", "actors has no such module"),
        ("import not_installed_anywhere", "needs not_installed_anywhere: install it"),
    ],
)
def test_a_mistyped_import_of_ours_is_nothing_to_install(
    line: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"mistyped_{abs(hash(line))}"
    (tmp_path / f"{name}.py").write_text(f"import sys\n{line}\n", encoding="utf-8")
    faults: list[Fault] = []
    assert load_actor_class(f"{name}.Mine", "here", faults) is None
    assert told in str(faults[0])
    assert f"({name}.py, line 2)" in str(faults[0])
