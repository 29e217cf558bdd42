"""The `[[actors]]` of a configuration, the short names of the shipped ones, and what trades when nothing is configured."""

import sys
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.runtime.config import read_actor
from actors.runtime.errors import Fault
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy

SHIPPED_ACTORS = {
    "Breakout": "actors.strategies.breakout.Breakout",
    "BracketBreakout": "actors.strategies.bracket_breakout.BracketBreakout",
    "MarketMaker": "actors.strategies.market_maker.MarketMaker",
    "MovingAverageCross": "actors.strategies.moving_average_cross.MovingAverageCross",
    "PriceAlert": "actors.strategies.price_alert.PriceAlert",
}
"""Short names for the classes that come with the program."""

DEFAULT_ACTORS: list[dict[str, Any]] = [
    {
        "class": "MarketMaker",
        "symbol": "BTCUSDT",
        "quantity": "0.001",
        "spread": 0.00002,
        "requote_threshold": 0.0001,
        "time_to_cancel": 5.0,
    },
    {
        "class": "MovingAverageCross",
        "symbol": "BTCUSDT",
        "fast": 3,
        "slow": 8,
        "quantity": "0.001",
    },
]
"""What trades when nothing is configured."""


ABOVE_ZERO = ("quantity", "time_to_cancel")
"""Arguments of a strategy that mean, by these names, what an order cannot be without: it would fail with each order."""


def find_classes_near(file: Path | None) -> None:
    """Makes `class = "my_bot.Breakout"` be found beside the configuration file, or else where the command is started."""
    try:
        here = str(Path.cwd())
    except FileNotFoundError:  # removed meanwhile
        here = ""
    folder = str(file.resolve().parent) if file is not None else here
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if here not in sys.path:
        sys.path.append(here)


def find_nothings(specification: ActorSpecification, where: str) -> list[Fault]:
    """What a strategy is to trade with and is 0 or less; one that is left out is not concerned."""
    if not issubclass(specification.actor_class, Strategy):
        return []
    given = ((name, specification.arguments.get(name)) for name in ABOVE_ZERO)
    return [
        Fault(f"{where}.{name}", f"must be above 0, not {value}")
        for name, value in given
        if isinstance(value, int | float | Decimal) and value <= 0
    ]


def read_actors(
    tables: dict[str, Any],
    strategies: list[str] | None,
    place: str,
    faults: list[Fault],
    searched: Collection[str] = (),
) -> list[ActorSpecification]:
    """The `[[actors]]` tables, or the default ones, or what the command line names, as specifications.

    The first one's `searched` arguments may be missing.
    """
    configured = tables.get("actors", DEFAULT_ACTORS)
    if not isinstance(configured, list) or not all(isinstance(item, dict) for item in configured):
        faults.append(Fault(f"{place}: actors", "must be tables", "write [[actors]] for each"))
        return []
    if strategies:
        pool = [*configured, *DEFAULT_ACTORS]
        configured = [
            next((item for item in pool if item.get("class") == name), {"class": name})
            for name in strategies
        ]
    elif not configured:
        faults.append(Fault(f"{place}: actors", "there are none", "name at least one strategy"))
    found = []
    taken: dict[str, int] = {}
    for index, table in enumerate(configured):
        later = searched if index == 0 else ()
        where = f"{place}: actors[{index}]"
        known = len(faults)
        specification = read_actor(table, where, faults, SHIPPED_ACTORS, later)
        if specification is None:
            if (
                strategies
                and len(table) == 1
                and any("is missing" in f.problem for f in faults[known:])
            ):
                remedy = "give them in an [[actors]] table of --config FILE"
                faults.append(Fault(where, f"--strategy {table['class']} has no arguments", remedy))
            continue
        faults += find_nothings(specification, where)
        if specification.name in taken:
            faults.append(
                Fault(
                    f"{place}: actors[{index}].name",
                    f"the name {specification.name!r} is taken by actors[{taken[specification.name]}]",
                    "give each actor a `name` of its own",
                )
            )
        taken.setdefault(specification.name, index)
        found.append(specification)
    return found
