"""`python -m tests.endurance short|whole FOLDER`: one day, in a process of its own; the outcome as JSON on stdout.

Nothing else is in this process, so that what it holds is the bot's: a test's own process keeps what was logged.
"""

import asyncio
import sys
from pathlib import Path

import msgspec
import uvloop

from tests.endurance.day import DAYS, Outcome, pass_a_day


def say(line: str) -> None:
    """Tells how things stand."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main() -> Outcome:
    """Runs the day, on the loop that the bot has in earnest."""
    form, folder = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(pass_a_day(DAYS[form], Path(folder), say))


if __name__ == "__main__":
    sys.stdout.write(f"\n{msgspec.json.encode(main()).decode()}\n")
