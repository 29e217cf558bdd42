"""`bin/test --campaign`: rounds of bot and exchange as real processes, killed and compared."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from actors.commands.command_parser import CommandParser
from tests.campaign.round import RoundReport, run_round


def say(line: str) -> None:
    """Tells whoever waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(words: Sequence[str] | None = None) -> int:
    """Runs the rounds; 0 if all were clean, 1 if one was not."""
    parser = CommandParser(prog="bin/test --campaign", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each has the next")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep logs and journals there")
    arguments = parser.parse_args(words)
    if arguments.rounds < 1:
        parser.error(f"--rounds must be 1 or more, not {arguments.rounds}")
    started_s = time.monotonic()
    reports: list[RoundReport] = []
    for seed in range(arguments.seed, arguments.seed + arguments.rounds):
        report = run_round(seed, arguments.keep)
        reports.append(report)
        say(report.explain() if report.wrong else str(report))
    failed = [str(report.seed) for report in reports if report.wrong]
    say(
        f"campaign: {len(reports)} rounds from seed {arguments.seed} in "
        f"{time.monotonic() - started_s:.0f} s, {sum(item.orders for item in reports)} orders, "
        f"{sum(item.fills for item in reports)} fills, {sum(item.kills for item in reports)} kills "
        f"({sum(len(item.struck) for item in reports)} at failpoints), "
        f"{sum(item.exchange_kills for item in reports)} of the exchange; "
        + (f"FAILED: seeds {', '.join(failed)}" if failed else "all clean")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
