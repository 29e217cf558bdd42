"""The configuration file: what is accepted, and that every fault is told at once with file, key and remedy."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.commands.configuration import load_configuration
from actors.runtime.errors import ConfigurationError
from actors.strategies.breakout import Breakout
from messages.enums import Exchanges


def write(folder: Path, text: str) -> Path:
    file = folder / "bot.toml"
    file.write_text(text, encoding="utf-8")
    return file


def faults_of(file: Path | None, **options: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file, **options)
    return [str(fault) for fault in caught.value.faults]


BREAKOUT = """
[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
level = 100
quantity = 0.01
"""


def test_without_a_file_the_shipped_strategies_trade_on_the_local_exchange() -> None:
    configuration = load_configuration(None)
    assert configuration.venue.is_local
    assert [item.name for item in configuration.actors] == ["MarketMaker", "MovingAverageCross"]
    assert configuration.symbols() == ["BTCUSDT"]
    assert configuration.risk.maximum_order_notional is not None


def test_numbers_are_taken_by_their_shortest_text(tmp_path: Path) -> None:
    configuration = load_configuration(write(tmp_path, BREAKOUT))
    (actor,) = configuration.actors
    assert actor.actor_class is Breakout
    assert actor.arguments["quantity"] == Decimal("0.01")
    assert actor.arguments["level"] == 100.0


def test_ten_different_faults_are_ten_lines(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
[bot]
name = "my bot"
[venue]
enviroment = "local"
receive_window = 5000
[risk]
maximum_order_notional = -5
[strategy]
[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
"level " = 2
quantity = 0.01
[[actors]]
class = "Breakout"
symbol = 5
level = 1
quantity = "NaN"
[[actors]]
class = "NoSuchStrategy"
[[actors]]
name = "nameless"
""",
    )
    faults = faults_of(file)
    assert len(faults) >= 10
    text = "\n".join(faults)
    for expected in (
        "there is no key 'strategy'",
        "my bot",
        "'enviroment' (did you mean 'environment'?)",
        "'receive_window' (did you mean 'receive_window_ms'?)",
        "maximum_order_notional",
        "'level ' (did you mean 'level'?)",
        "the key 'level' is missing",
        "actors[1].symbol",
        "actors[1].quantity",
        "'NoSuchStrategy' names no class",
        "the key 'class' is missing",
    ):
        assert expected in text
    assert all(str(file) in fault for fault in faults)


@pytest.mark.parametrize("key", ["level ", "Level", "levl"])
def test_a_misspelt_key_is_never_ignored(tmp_path: Path, key: str) -> None:
    faults = faults_of(write(tmp_path, BREAKOUT.replace("level", f'"{key}"')))
    assert any(f"{key!r} (did you mean 'level'?)" in fault for fault in faults)
    assert any("the key 'level' is missing" in fault for fault in faults)


@pytest.mark.parametrize("limit", ["0", "-1"])
@pytest.mark.parametrize(
    "key",
    [
        "maximum_order_notional",
        "maximum_position_notional",
        "maximum_open_orders",
        "maximum_orders_per_second",
        "price_collar",
    ],
)
def test_a_limit_of_nothing_is_refused_not_taken_for_none(
    tmp_path: Path, key: str, limit: str
) -> None:
    faults = faults_of(write(tmp_path, f"[risk]\n{key} = {limit}\n{BREAKOUT}"))
    assert any(key in fault and "above 0" in fault for fault in faults)


def test_two_actors_of_one_name_are_refused(tmp_path: Path) -> None:
    assert any("is taken" in fault for fault in faults_of(write(tmp_path, BREAKOUT + BREAKOUT)))


def test_real_money_needs_the_switch_the_limits_and_the_keys(tmp_path: Path) -> None:
    file = write(
        tmp_path, '[venue]\nenvironment = "live"\napi_key_variable = "NO_SUCH_KEY"\n' + BREAKOUT
    )
    text = "\n".join(faults_of(file))
    assert "--live" in text
    assert "maximum_order_notional" in text
    assert "NO_SUCH_KEY is not set" in text


def test_the_switch_alone_does_not_trade_real_money(tmp_path: Path) -> None:
    assert any(
        "--live" in fault for fault in faults_of(write(tmp_path, BREAKOUT), allows_live=True)
    )


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("key\nsecret\n")
    keys.chmod(0o644)
    file = write(tmp_path, f'[venue]\nenvironment = "testnet"\nkey_file = "{keys}"\n' + BREAKOUT)
    assert any("chmod 600" in fault for fault in faults_of(file))
    keys.chmod(0o600)
    assert load_configuration(file).venue.key_file == keys


def test_a_class_beside_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "my_own_bot.py").write_text(
        "from actors.strategies.breakout import Breakout\n\n\nclass Mine(Breakout):\n    '''Mine.'''\n"
    )
    file = write(tmp_path, BREAKOUT.replace("Breakout", "my_own_bot.Mine"))
    assert load_configuration(file).actors[0].actor_class.__name__ == "Mine"
    file = write(tmp_path, BREAKOUT.replace("Breakout", "my_own_bot.Mien"))
    assert any("did you mean 'Mine'?" in fault for fault in faults_of(file))


def test_a_handler_that_cannot_be_one_names_class_and_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "my_async_bot.py").write_text(
        "from actors.strategies.strategy import Strategy\nfrom messages.market import Trade\n\n\n"
        "class Late(Strategy):\n    '''Late.'''\n    async def on_trade(self, trade: Trade) -> None: ...\n"
    )
    file = write(tmp_path, '[[actors]]\nclass = "my_async_bot.Late"\n')
    assert any("Late.on_trade" in fault and "plain `def`" in fault for fault in faults_of(file))


def test_strategies_named_on_the_command_line_replace_the_configured_ones(tmp_path: Path) -> None:
    file = write(tmp_path, BREAKOUT)
    assert [item.name for item in load_configuration(file, strategies=["MarketMaker"]).actors] == [
        "MarketMaker"
    ]
    assert [item.name for item in load_configuration(file, strategies=["Breakout"]).actors] == [
        "Breakout"
    ]


def test_a_file_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    assert "line 1" in faults_of(write(tmp_path, "[bot\nname='a'"))[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "there is no such file" in faults_of(tmp_path / "none.toml")[0]


def test_another_exchange_needs_its_own_gateway(tmp_path: Path) -> None:
    file = write(tmp_path, f'[venue]\nexchange = "{Exchanges.CUSTOM}"\n' + BREAKOUT)
    assert any("no gateway for CUSTOM" in fault for fault in faults_of(file))
