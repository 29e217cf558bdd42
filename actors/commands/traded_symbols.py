"""The symbols that a configuration names: whether Binance, or the local exchange, could have any of that name."""

import re
from collections.abc import Iterable

from actors.exchange.symbols import rules_for
from actors.runtime.errors import Fault
from actors.runtime.specification import ActorSpecification
from actors.spelling import did_you_mean

NOT_IN_SYMBOLS = re.compile(r"[a-z]|[^\w.\-]")
LONGEST = 50


def symbols_of(actor: ActorSpecification) -> list[str]:
    """The symbols that an actor's arguments name."""
    named = (actor.arguments.get("symbol"), *(actor.arguments.get("symbols") or ()))
    return [symbol for symbol in named if isinstance(symbol, str)]


def find_symbol_faults(
    actors: Iterable[ActorSpecification], listed: Iterable[str], is_local: bool, place: str
) -> list[Fault]:
    """Names that no symbol can have; at the local exchange, also those that it cannot list."""
    named = [(f"{place}: {actor.name}.symbol", symbols_of(actor)) for actor in actors]
    named.append((f"{place}: venue.symbols", list(listed)))
    faults = []
    for where, symbols in named:
        for symbol in symbols:
            problem = find_problem(symbol, is_local)
            if problem:
                nearest = re.sub(r"[^\w.]", "", symbol).upper()
                fits = bool(nearest) and nearest != symbol and not find_problem(nearest, is_local)
                faults.append(Fault(where, problem, did_you_mean(nearest) if fits else ""))
    return faults


def find_problem(symbol: str, is_local: bool) -> str:
    """What is wrong with a symbol's name, in words; empty if nothing is."""
    if not symbol or len(symbol) > LONGEST or NOT_IN_SYMBOLS.search(symbol):
        return f"{symbol!r} is no symbol: they are of A-Z and 0-9, as BTCUSDT"
    if is_local:
        try:
            rules_for(symbol)
        except ValueError as error:
            return str(error)
    return ""
