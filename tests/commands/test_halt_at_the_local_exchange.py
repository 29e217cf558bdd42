"""A halt on the exchange that a bot brings with it: it lasts as long as that exchange, and says so."""

import signal
from collections.abc import Callable
from pathlib import Path

from tests.commands.command_client import command, wait_for_state
from tests.commands.harness import PATIENT, BotProcess


def test_a_halt_ends_with_the_exchange_and_says_so(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    file = tmp_path / "bot.toml"
    state = tmp_path / "state"
    file.write_text(f'[bot]\nstate_folder = "{state}"\n{PATIENT}', encoding="utf-8")
    bot = start_bot("--config", file)
    wait_for_state(state, "trading")
    halted = command("halt", file)
    assert halted.code == 0, halted.err
    assert (
        "until `bin/start resume` or the end of this run: the local exchange begins" in halted.out
    )
    bot.signal(signal.SIGTERM)
    assert bot.wait().code == 0
    start_bot("--config", file)
    assert wait_for_state(state, "trading")["obstacles"] == []
