"""The configuration file: what is accepted, and that every fault is told at once with file, key and remedy."""

import inspect
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.commands.composition import Venue, compose
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n1 / 0\n", "ZeroDivisionError: division by zero (my_{name}.py, line 2)"),
        ("def x(:\n", "SyntaxError: invalid syntax (my_{name}.py, line 1)"),
        (
            "from actors.strategies.breakout import Breakout\n\n\nclass Mine(Breakout):\n    '''Mine.'''\n"
            "    def __init__(self) -> None:\n        raise RuntimeError('no')\n",
            "the constructor of Mine failed: RuntimeError: no (my_{name}.py, line 7)",
        ),
    ],
    ids=["import", "syntax", "constructor"],
)
def test_an_error_in_a_users_file_names_its_line(
    text: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    name = request.node.callspec.id
    (tmp_path / f"my_{name}.py").write_text(text)
    (fault,) = faults_of(write(tmp_path, f'[[actors]]\nclass = "my_{name}.Mine"\n'))
    assert said.format(name=name) in fault


def test_a_market_of_the_local_exchange_is_refused_at_a_venue(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.touch(mode=0o600)
    keys.write_text("key\nsecret\n")
    file = write(tmp_path, f'[venue]\nenvironment = "testnet"\nkey_file = "{keys}"\n' + BREAKOUT)
    (fault,) = faults_of(file, overrides={"venue": {"market": "paper"}})
    assert "'paper' is the local exchange's, and this trades on testnet" in fault


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


def test_absence_is_believed_only_after_the_requests_own_time(tmp_path: Path) -> None:
    venue = "[venue]\nreceive_window_ms = 1000\nabsence_after_s = {}\n"
    configuration = load_configuration(write(tmp_path, venue.format(1.5) + BREAKOUT))
    specifications = compose(configuration, Venue.unopened())
    (manager,) = [item for item in specifications if item.name == "order_manager"]
    assert manager.arguments["absence_after_s"] == 1.5
    (fault,) = faults_of(write(tmp_path, venue.format(1.0) + BREAKOUT))
    assert "absence_after_s must be longer than receive_window_ms" in fault


SETTINGS = """
[bot]
foreign_orders = "adopt"
refusal_hold_s = 11
halt_patience_s = 12
checkpoint_entries = 13
[venue]
reconcile_interval_s = 21
request_timeout_s = 22
silence_limit_s = 23
market_silence_limit_s = 24
stale_after_s = 25
connection_lifetime_s = 26
fallback_after_s = 27
rules_interval_s = 28
clock_interval_s = 29
clock_jump_s = 30
absence_after_s = 31
receive_window_ms = 3200
"""


def test_every_setting_reaches_the_actor_that_it_is_for(tmp_path: Path) -> None:
    configuration = load_configuration(write(tmp_path, SETTINGS + BREAKOUT))
    actors = {
        item.name: item.actor_class(**item.arguments)
        for item in compose(configuration, Venue.unopened())
        if item.name in ("gateway", "market_data")
    }
    arguments = {item.name: item.arguments for item in compose(configuration, Venue.unopened())}
    manager = {
        "foreign_orders": "adopt",
        "refusal_hold_s": 11,
        "halt_patience_s": 12,
        "checkpoint_entries": 13,
        "reconcile_interval_s": 21,
        "absence_after_s": 31,
    }
    gateway = {
        "request_timeout_s": 22,
        "silence_limit_s": 23,
        "connection_lifetime_s": 26,
        "fallback_after_s": 27,
        "rules_interval_s": 28,
        "clock_interval_s": 29,
        "clock_jump_s": 30,
        "recv_window_ms": 3200,
    }
    feed = {
        "request_timeout_s": 22,
        "silence_limit_s": 24,
        "stale_after_s": 25,
        "connection_lifetime_s": 26,
        "clock_jump_s": 30,
    }
    assert manager.items() <= arguments["order_manager"].items()
    for name, expected in (("gateway", gateway), ("market_data", feed)):
        assert {key: getattr(actors[name], key) for key in expected} == expected


def test_the_defaults_are_those_of_the_actors_themselves(tmp_path: Path) -> None:
    configuration = load_configuration(write(tmp_path, BREAKOUT))
    for item in compose(configuration, Venue.unopened()):
        if item.name not in ("gateway", "market_data", "order_manager"):
            continue
        parameters = inspect.signature(item.actor_class).parameters
        for key, value in item.arguments.items():
            default = parameters[key].default if key in parameters else inspect.Parameter.empty
            assert default in (inspect.Parameter.empty, value), f"{item.name}: {key}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("foreign_order = 'adopt'", "did you mean 'foreign_orders'?"),
        ("reconcile_interval_s = 5", "it belongs in [venue]"),
        ("maximum_open_orders = 5", "it belongs in [risk]"),
        ("foreign_orders = 'sell'", "foreign_orders: 'sell' is none of ignore, adopt, cancel"),
        ("refusal_hold_s = 0", "refusal_hold_s must be above 0 seconds"),
        ("halt_patience_s = inf", "halt_patience_s"),
        ("checkpoint_entries = 0", "checkpoint_entries must be 1 or more"),
        ("checkpoint_entries = 1.5", "checkpoint_entries"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_one_clear_line(
    line: str, said: str, tmp_path: Path
) -> None:
    (fault,) = faults_of(write(tmp_path, f"[bot]\n{line}\n{BREAKOUT}"))
    assert "bot.toml: bot" in fault
    assert said in fault


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("silence_limit = 5", "did you mean 'silence_limit_s'?"),
        ("request_timeout_ms = 5", "did you mean 'request_timeout_s'?"),
        ("foreign_orders = 'adopt'", "it belongs in [bot]"),
        ("stale_after_s = -1", "stale_after_s must be above 0 seconds"),
        ("clock_jump_s = nan", "clock_jump_s"),
        ("connection_lifetime_s = '1 day'", "connection_lifetime_s"),
        ("order_entry = 'ws'", "order_entry: 'ws' is none of websocket, rest"),
    ],
)
def test_a_setting_of_the_venue_that_cannot_be_meant_is_one_clear_line(
    line: str, said: str, tmp_path: Path
) -> None:
    (fault,) = faults_of(write(tmp_path, f"[venue]\n{line}\n{BREAKOUT}"))
    assert "bot.toml: venue" in fault
    assert said in fault


def test_a_misspelt_class_names_the_nearest(tmp_path: Path) -> None:
    (fault,) = faults_of(write(tmp_path, BREAKOUT.replace("Breakout", "Brekout")))
    assert "'Brekout' names no class (did you mean 'Breakout'?" in fault


def test_every_figure_out_of_range_is_told_at_once(tmp_path: Path) -> None:
    wrong = """
[bot]
journal_days = -1
refusal_hold_s = 0
halt_patience_s = -2
checkpoint_entries = 0
[venue]
receive_window_ms = 0
stale_after_s = -3
trades_per_second = 0
speed = -4
[risk]
maximum_order_notional = -5
price_collar = 1
"""
    faults = faults_of(write(tmp_path, wrong + BREAKOUT))
    expected = [
        ("bot", "journal_days", "from 0 to 36500, not -1"),
        ("bot", "refusal_hold_s", "above 0 seconds, not 0"),
        ("bot", "halt_patience_s", "above 0 seconds, not -2"),
        ("bot", "checkpoint_entries", "1 or more, not 0"),
        ("venue", "receive_window_ms", "from 1 to 60000, not 0"),
        ("venue", "stale_after_s", "above 0 seconds, not -3"),
        ("venue", "trades_per_second", "above 0, not 0"),
        ("venue", "speed", "or more, not -4"),
        ("risk", "maximum_order_notional", "above 0, not -5"),
        ("risk", "price_collar", "below 1 (0.02 is 2 percent), not 1"),
    ]
    assert len(faults) == len(expected)
    for fault, (section, key, allowed) in zip(faults, expected, strict=True):
        assert f"bot.toml: {section}: {key}" in fault
        assert allowed in fault


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fill_modle = 'touch'", "there is no key 'fill_modle' (did you mean 'fill_model'?)"),
        ("seed = 'x'", "backtest.seed: 'x' is not a whole number"),
        ("speed = 2", "there is no key 'speed' (it belongs in [venue])"),
    ],
)
def test_a_slip_in_the_section_of_another_command_is_told(
    line: str, said: str, tmp_path: Path
) -> None:
    (fault,) = faults_of(write(tmp_path, f"[backtest]\n{line}\n{BREAKOUT}"))
    assert said in fault
