"""`bin/test --fuzz N`: hostile requests and frames at the local exchange, in rounds, each on an exchange of its own."""

import sys
import time
from collections import Counter
from collections.abc import Sequence

import uvloop

from actors.commands.command_parser import CommandParser
from tests.exchange.fuzz.round import run_round

REQUESTS_OF_A_ROUND = 5_000


def say(line: str) -> None:
    """Tells whoever waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(words: Sequence[str] | None = None) -> int:
    """Sends at least as many as asked for; 0 if all was well, 1 if a round found something."""
    parser = CommandParser(prog="bin/test --fuzz", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=50_000, help="requests and frames")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each has the next")
    parser.add_argument("--keep-going", action="store_true", help="do not end at the first finding")
    arguments = parser.parse_args(words)
    if arguments.count < 1:
        parser.error(f"there must be 1 request or more, not {arguments.count}")
    counts, answers = Counter[str](), Counter[str]()
    failed: list[int] = []
    orders = trades = 0
    seed, started_s, told_s = arguments.seed, time.monotonic(), 0.0
    while counts.total() < arguments.count:
        left = min(REQUESTS_OF_A_ROUND, arguments.count - counts.total())
        report = uvloop.run(run_round(seed, left))
        counts += report.counts
        answers += report.answers
        orders, trades = orders + report.orders, trades + report.trades
        if report.wrong:
            failed.append(seed)
            say(f"seed {seed}, {report.requests} requests: {report.wrong}")
            if not arguments.keep_going:
                break
        elapsed_s = time.monotonic() - started_s
        if elapsed_s - told_s > 30:
            told_s = elapsed_s
            say(f"{counts.total()} in {elapsed_s:.0f} s, seed {seed}")
        seed += 1
    elapsed_s = time.monotonic() - started_s
    split = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    say(f"answers: {dict(sorted(answers.items()))}")
    say(
        f"fuzz: {counts.total()} in {seed - arguments.seed} rounds from seed {arguments.seed} in "
        f"{elapsed_s:.0f} s ({counts.total() / elapsed_s:.0f} a second): {split}; "
        f"{orders} orders, {trades} fills; "
        + (f"FAILED: seeds {', '.join(map(str, failed))}" if failed else "all clean")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
