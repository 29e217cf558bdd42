"""`bin/start status`, `halt`, `resume`, `flatten` against running bots, with the exchange as witness."""

import json
import shutil
import signal
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from actors.commands.start import main
from tests.commands.command_client import ask_status, command, wait_for_state
from tests.commands.harness import BotProcess, LocalVenue, wait_until

QUOTES = """
[[actors]]
class = "MarketMaker"
name = "Quotes"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.05
requote_threshold = 0.5
"""
BUYER = """
[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
level = 1
quantity = "0.005"
"""
SMALL_BUYER = BUYER.replace("0.005", "0.00012")
INITIAL_BTC = Decimal(100)
HOME = "ticktroupe"

StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]


def of_bot(bot: str, venue: LocalVenue, strategy: str = "") -> list[str]:
    """The bot's open orders at the venue."""
    return [name for name in venue.open_ids() if name.startswith(f"{bot}-{strategy}")]


def refusals(folder: Path, reason: str) -> int:
    """How often the bot has refused an order of its strategies."""
    return int(ask_status(folder).get("refusals", {}).get(reason, 0))


def bought(venue: LocalVenue, least: str) -> bool:
    """Whether the account holds so much more than at the beginning."""
    return venue.balances()["BTC"] > INITIAL_BTC + Decimal(least)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_halt_is_proven_spares_others_and_outlives_a_restart(
    end: signal.Signals, start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    venue.place_by_hand("manual-1")
    files = {}
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        files[name] = venue.write_configuration(tmp_path / name, QUOTES, f'name = "{name}"')
    bots = {
        name: start_bot("--config", file, folder=tmp_path / name) for name, file in files.items()
    }
    for name in files:
        wait_until(partial(of_bot, name, venue), f"an order of {name}")
    mine = tmp_path / "mine/state"

    halted = command("halt", files["mine"], "--reason", "lunch")
    assert halted.code == 0, halted.err
    assert "the venue says that no order of ours is open" in halted.out
    assert not of_bot("mine", venue)
    # The strategy goes on asking; nothing passes.
    wait_until(lambda: refusals(mine, "HALTED"), "a refused order")
    assert not of_bot("mine", venue)
    assert of_bot("other", venue)
    assert "manual-1" in venue.open_ids()

    bots["mine"].signal(end)
    assert bots["mine"].wait().code == (0 if end == signal.SIGTERM else -end)
    again = start_bot("--config", files["mine"], folder=tmp_path / "mine")
    status = wait_for_state(mine, "halted")
    (halt,) = status["obstacles"]
    assert (halt["kind"], halt["is_kept"]) == ("halt", True)
    assert halt["reason"] == "by command: lunch"
    wait_until(lambda: refusals(mine, "HALTED"), "a refused order")
    assert not of_bot("mine", venue)

    resumed = command("resume", files["mine"])
    assert resumed.code == 0, resumed.err
    assert "trading goes on; it was halted: by command: lunch" in resumed.out
    wait_until(partial(of_bot, "mine", venue), "an order after the halt")
    again.signal(signal.SIGTERM)
    assert again.wait().code == 0
    assert "manual-1" in venue.open_ids()
    assert of_bot("other", venue)


def test_flatten_sells_what_the_bot_bought_and_nothing_else(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    venue.place_by_hand("manual-1")
    files = {}
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        files[name] = venue.write_configuration(tmp_path / name, BUYER, f'name = "{name}"')
        start_bot("--config", files[name], folder=tmp_path / name)
    wait_until(lambda: bought(venue, "0.0098"), "two positions")
    wait_until(lambda: not of_bot("mine", venue), "the buyer's last fill")

    flat = command("flatten", files["mine"])
    assert flat.code == 0, flat.err
    assert "no order of ours is open" in flat.out
    left = venue.balances()["BTC"] - INITIAL_BTC
    # The other bot's position is whole, the account's own hundred too.
    assert Decimal("0.0049") < left < Decimal("0.0052")
    (position,) = ask_status(tmp_path / "other/state")["positions"]
    assert Decimal(position["quantity"]) > Decimal("0.0049")
    assert venue.open_ids() == ["manual-1"]
    # What is left of ours is dust, which is said and not sold again and again.
    held = ask_status(tmp_path / "mine/state")["positions"]
    assert all(item["is_dust"] or not Decimal(item["quantity"]) for item in held)
    sold = [item for item in venue.trades() if not item["isBuyer"]]
    again = command("flatten", files["mine"])
    assert again.code == 0, again.err
    assert [item for item in venue.trades() if not item["isBuyer"]] == sold


def test_dust_is_shown_and_is_no_reason_to_fail(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    file = venue.write_configuration(tmp_path, SMALL_BUYER)
    bot = start_bot("--config", file)
    # A bought 0.00012 less a fee of a thousandth: the next lower step is worth 6.6 USDT or less.
    wait_until(lambda: bought(venue, "0.0001"), "a small position")
    flat = command("flatten", file)
    assert flat.code == 0, flat.err
    status = ask_status(tmp_path / "state")
    (position,) = status["positions"]
    assert position["is_dust"]
    assert "dust, less than the venue lets anybody sell" in flat.out
    assert "dust" in command("status", file).out
    sent = status["orders_sent"], status["refusals"]
    handled = {item["name"]: item["handled"] for item in status["actors"]}["Breakout"]

    def heard_more() -> bool:
        actors = {
            item["name"]: item["handled"] for item in ask_status(tmp_path / "state")["actors"]
        }
        return bool(actors["Breakout"] > handled + 50)

    wait_until(heard_more, "fifty more trades")
    status = ask_status(tmp_path / "state")
    assert status["orders_sent"] == sent[0]
    # The strategy asks to buy again, and is refused for the halt; nobody tries to sell.
    assert set(status["refusals"]) - set(sent[1]) <= {"HALTED"}
    bot.signal(signal.SIGTERM)
    assert bot.wait().code == 0


def test_one_strategy_is_halted_and_the_other_trades_on(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    file = venue.write_configuration(tmp_path, QUOTES + QUOTES.replace("Quotes", "Second"))
    start_bot("--config", file)
    for strategy in ("Quotes", "Second"):
        wait_until(partial(of_bot, "bot", venue, strategy), f"an order of {strategy}")
    assert command("halt", file, "--strategy", "Quotes").code == 0
    assert not of_bot("bot", venue, "Quotes")
    assert of_bot("bot", venue, "Second")
    status = ask_status(tmp_path / "state")
    assert status["state"] == "trading"
    assert [item["scope"] for item in status["obstacles"]] == ["Quotes"]
    wrong = command("resume", file, "--strategy", "Third")
    assert wrong.code == 2
    assert "there are Quotes, Second" in wrong.err
    resumed = command("resume", file)
    assert "Quotes goes on; it was halted: by command" in resumed.out
    wait_until(partial(of_bot, "bot", venue, "Quotes"), "an order after the halt")


def test_a_limit_of_loss_is_told_and_lifted(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    # The fee of the first purchase, 0.3 USDT, is more than may be lost; so is no move of the price soon after.
    risk = "[risk]\nmaximum_daily_loss = 0.25\nmaximum_open_orders = 7\n"
    file = venue.write_configuration(tmp_path, risk + BUYER)
    start_bot("--config", file)
    status = wait_for_state(tmp_path / "state", "halted")
    (halt,) = [item for item in status["obstacles"] if item["kind"] == "halt"]
    assert "lost today (UTC)" in halt["reason"]
    limits = {item["name"]: item for item in status["limits"]}
    assert Decimal(limits["maximum_daily_loss"]["used"]) >= Decimal("0.25")
    assert Decimal(limits["maximum_open_orders"]["limit"]) == 7
    assert "maximum_daily_loss" in command("status", file).out
    resumed = command("resume", file)
    assert resumed.code == 0
    assert "lost today (UTC)" in resumed.out
    assert "losses are counted from now on" in resumed.out


def test_a_halt_that_follows_a_resume_at_once_is_told_as_such(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    shutil.copy(Path(__file__).with_name("wary_bot.py"), tmp_path / "my_bot.py")
    file = venue.write_configuration(tmp_path, QUOTES + '[[actors]]\nclass = "my_bot.Wary"\n')
    start_bot("--config", file)
    wait_until(partial(of_bot, "bot", venue, "Quotes"), "an order")
    assert command("halt", file, "--reason", "lunch").code == 0
    resumed = command("resume", file)
    assert "trading goes on; it was halted: by command: lunch" in resumed.err
    assert "trading is halted again: not yet" in resumed.err
    assert resumed.code == 1
    assert wait_for_state(tmp_path / "state", "halted")


def test_a_strategy_that_failed_for_good_is_told_and_not_resumed(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    shutil.copy(Path(__file__).with_name("failing_bot.py"), tmp_path / "my_bot.py")
    failing = QUOTES.replace("MarketMaker", "my_bot.Forgetful").replace("Quotes", "Forgetful")
    table = failing.partition("spread")[0]
    file = venue.write_configuration(tmp_path, QUOTES + table)
    start_bot("--config", file)

    def is_out() -> bool:
        obstacles = ask_status(tmp_path / "state").get("obstacles", [])
        return {"halt", "stop"} <= {item["kind"] for item in obstacles}

    wait_until(is_out, "the end of the strategy that fails")
    assert "Forgetful" in command("status", file).out
    assert command("halt", file).code == 0
    resumed = command("resume", file)
    assert resumed.code == 0
    assert "trading goes on; it was halted: by command" in resumed.out
    assert "Forgetful is out until a restart of the bot: " in resumed.out
    assert "Forgetful goes on" not in resumed.out
    wait_until(partial(of_bot, "bot", venue, "Quotes"), "an order of the other")


def test_status_is_for_people_and_programs(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    file = venue.write_configuration(tmp_path, QUOTES + BUYER)
    bot = start_bot("--config", file)
    wait_until(partial(of_bot, "bot", venue, "Quotes"), "an order")
    wait_until(lambda: bought(venue, "0.004"), "a position")
    wait_until(lambda: len(ask_status(tmp_path / "state")["positions"]) == 1, "word of it")
    told = command("status", file)
    assert told.code == 0
    assert max(len(line) for line in told.out.splitlines()) <= 80
    for word in ("trading", "Quotes", "Breakout", "order entry", "BTCUSDT: LIVE", "open", "limit"):
        assert word in told.out
    status = json.loads(command("status", file, "--json").out)
    assert status["process"] == bot.process.pid
    (order,) = [item for item in status["open_orders"] if item["strategy"] == "Quotes"][:1]
    assert order["client_order_id"] in venue.open_ids()
    (position,) = status["positions"]
    assert Decimal(position["quantity"]) + INITIAL_BTC == venue.balances()["BTC"]
    assert status["market_data"][0]["state"] == "LIVE"
    assert command("resume", file).out.startswith("trading was not halted")


def start_silent_venue(start_venue: StartVenue, folder: Path) -> LocalVenue:
    """One that carries out no order and says nothing of any."""
    plan = folder / "faults.toml"
    plan.write_text(
        '[[faults]]\nkind = "silence"\non = "order.place"\nexecutes = false\n'
        '[[faults]]\nkind = "silence"\non = "order.status"\n'
    )
    return start_venue("--rate", "60", "--faults", str(plan))


def test_an_order_of_unknown_outcome_is_shown_and_decides_the_exit_code(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_silent_venue(start_venue, tmp_path)
    times = "request_timeout_s = 1\n"
    file = venue.write_configuration(tmp_path, times + QUOTES, "halt_patience_s = 0.5")
    bot = start_bot("--config", file)

    def find_unknown() -> list[str]:
        orders = ask_status(tmp_path / "state").get("open_orders", [])
        return [item["client_order_id"] for item in orders if item["is_unknown"]]

    (name,) = wait_until(find_unknown, "an order of unknown outcome")
    assert f"UNKNOWN    {name}" in command("status", file).out
    halted = command("halt", file)
    assert halted.code == 1
    assert f"unknown   {name}" in halted.err
    assert "look for its id among the venue's orders" in halted.err
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 1
    (line,) = [line for line in ended.stdout.splitlines() if name in line]
    assert line.startswith("unknown   ")
    assert "start the bot again, which asks" in line
    assert ended.summary["unknown_orders"] == [name]


def test_an_end_says_what_it_waits_for(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_silent_venue(start_venue, tmp_path)
    file = venue.write_configuration(tmp_path, "request_timeout_s = 1\n" + QUOTES)
    bot = start_bot("--config", file)
    wait_until(
        lambda: any(
            item["is_unknown"] for item in ask_status(tmp_path / "state").get("open_orders", [])
        ),
        "an order of unknown outcome",
    )
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 1
    (line,) = [line for line in ended.stderr.splitlines() if "the end waits" in line]
    (name,) = ended.summary["unknown_orders"]
    assert f"the venue's word on how 1 of our orders ended: {name}" in line
    assert "at most 15 s" in line


def test_an_order_that_the_venue_has_never_seen_does_not_spoil_the_exit_code(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    plan = tmp_path / "faults.toml"
    plan.write_text('[[faults]]\nkind = "silence"\non = "order.place"\nexecutes = false\nnth = 1\n')
    venue = start_venue("--rate", "60", "--faults", str(plan))
    times = "request_timeout_s = 1\nreceive_window_ms = 500\nabsence_after_s = 1.5\n"
    bot = start_bot("--config", venue.write_configuration(tmp_path, times + QUOTES))
    wait_until(
        lambda: ask_status(tmp_path / "state").get("orders_by_status", {}).get("NOT_FOUND"),
        "the venue's word that there is no such order",
    )
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stdout
    assert ended.summary["orders_by_status"]["NOT_FOUND"] == 1
    assert venue.open_ids() == []


def test_without_a_bot_there_is_a_clear_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for words in (["status"], ["halt"], ["resume", "--bot", "none"], ["flatten"]):
        assert main(words) == 1
        text = capsys.readouterr()
        assert "no bot is running in" in text.err
        assert str(tmp_path / HOME) in text.err
        assert not text.out
    assert main(["status", "--bot", "my bot"]) == 2
    assert "my bot" in capsys.readouterr().err
    assert main(["halt", "--config", str(tmp_path / "none.toml")]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert not (tmp_path / HOME).exists()


@pytest.mark.parametrize("name", ["status", "halt", "resume", "flatten"])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in (f"bin/start {name}", "--config", "--state-folder", "--bot", "Exit codes"):
        assert word in text
    with pytest.raises(SystemExit) as ended:
        main([name, "--no-such-switch"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"bin/start {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("statu", "there is no command 'statu' (did you mean 'status'?)"),
        ("Halt", "there is no command 'Halt' (did you mean 'halt'?)"),
        ("bot.toml", "there is no command 'bot.toml' (there are status, halt, resume, flatten)"),
    ],
)
def test_a_mistyped_command_names_the_nearest(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"bin/start: error: {said}\n")
