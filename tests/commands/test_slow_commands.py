"""What a person hears while a command waits for a venue that says nothing."""

from collections.abc import Callable
from pathlib import Path

from tests.commands.command_client import command
from tests.commands.harness import PATIENT, BotProcess, LocalVenue, wait_until


def test_a_halt_says_all_the_while_that_it_waits(
    start_venue: Callable[..., LocalVenue],
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
) -> None:
    """Whoever asked takes a bot for dead that says nothing for long."""
    venue = start_venue("--rate", "60", "--control")
    file = venue.write_configuration(tmp_path, PATIENT)
    start_bot("--config", file)
    wait_until(venue.open_ids, "an order that rests")
    venue.set_fault(kind="silence", on="openOrders.status")
    halted = command("halt", file)
    assert halted.code == 1
    heard = (halted.out + halted.err).splitlines()
    asked = heard.index("asking the venue which of our orders are open ...")
    assert heard[asked + 1] == "still waiting for the venue's list of open orders ..."
    assert "NOT PROVEN that nothing of ours is open" in halted.err
