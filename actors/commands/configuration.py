"""The configuration of a bot: what the file may say, what the command line may change, and every fault at once."""

import os
import stat
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import platformdirs

from actors.runtime.config import check_arguments, check_keys, read_actor, read_toml
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.specification import ActorSpecification
from actors.runtime.wiring import ACTOR_NAME
from actors.trading.risk import RiskLimits
from messages.enums import Exchanges

Environment = Literal["local", "testnet", "demo", "live"]

SHIPPED_ACTORS = {
    "Breakout": "actors.strategies.breakout.Breakout",
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

LIVE_LIMITS = ("maximum_order_notional", "maximum_position_notional", "maximum_open_orders")
"""Limits that must be set before real money is traded."""


@dataclass(frozen=True)
class BotSection:
    """`[bot]`."""

    name: str = "bot"
    state_folder: Path | None = None
    """None: a folder of that name in the user's state directory."""
    seed: int = 0
    journal_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """`NORMAL` survives a killed process, `FULL` a power cut."""

    def __post_init__(self) -> None:
        """Raises ValueError for a name that cannot be a folder and part of an order id."""
        if not ACTOR_NAME.fullmatch(self.name):
            raise ValueError(f"the name {self.name!r} may hold only A-Z a-z 0-9 _ -")

    @property
    def folder(self) -> Path:
        """Where state, logs and recordings of this bot lie."""
        return self.state_folder or Path(platformdirs.user_state_dir("ticktroupe")) / self.name


@dataclass(frozen=True)
class VenueSection:
    """`[venue]`: where it trades. Keys are named, never written here."""

    exchange: Exchanges = Exchanges.BINANCE
    environment: Environment = "local"
    rest: str = ""
    """Instead of an environment: a URL such as http://127.0.0.1:8080"""
    ws_api: str = ""
    streams: str = ""
    api_key_variable: str = "BINANCE_API_KEY"
    """Name of the environment variable that holds the key."""
    api_secret_variable: str = "BINANCE_API_SECRET"
    key_file: Path | None = None
    """Instead of the two variables: a file with the key in its first line and the secret in its second."""
    private_key_file: Path | None = None
    """For an Ed25519 key: its PEM; the API key still comes from variable or file."""
    order_entry: Literal["websocket", "rest"] = "websocket"
    receive_window_ms: int = 5_000
    market: str = "synthetic"
    """For the local exchange: `synthetic`, or a file of recorded trades."""
    trades_per_second: float = 10.0
    speed: float = 1.0
    """For a recorded market: 2 is twice as fast, 0 as fast as possible."""
    market_seed: int = 2
    """Of the synthetic market: the same seed, the same market."""
    symbols: tuple[str, ...] = ()
    """Symbols that the local exchange lists beside those that the actors name."""

    def __post_init__(self) -> None:
        """Raises ValueError for figures out of range and for an incomplete set of URLs."""
        if not 1 <= self.receive_window_ms <= 60_000:
            raise ValueError(
                f"receive_window_ms must be from 1 to 60000, not {self.receive_window_ms}"
            )
        if not self.trades_per_second > 0:
            raise ValueError(f"trades_per_second must be above 0, not {self.trades_per_second}")
        if not self.speed >= 0:
            raise ValueError(f"speed must be 0 (as fast as possible) or more, not {self.speed}")
        urls = (self.rest, self.ws_api, self.streams)
        if any(urls) and not all(urls):
            raise ValueError(
                "rest, ws_api and streams belong together: give all three URLs, or none"
            )

    @property
    def is_local(self) -> bool:
        """Whether this program starts the exchange itself."""
        return self.environment == "local" and not self.rest

    @property
    def place(self) -> str:
        """Where that is, for people."""
        return self.rest or ("local exchange" if self.is_local else self.environment)


DEFAULT_RISK = RiskLimits(
    maximum_order_notional=Decimal(1_000),
    maximum_position_notional=Decimal(5_000),
    maximum_open_orders=50,
    maximum_orders_per_second=20,
    price_collar=Decimal("0.1"),
)
"""What holds when the file has no `[risk]`, or there is no file."""


@dataclass
class Configuration:
    """One bot, checked."""

    bot: BotSection = field(default_factory=BotSection)
    venue: VenueSection = field(default_factory=VenueSection)
    risk: RiskLimits = DEFAULT_RISK
    actors: list[ActorSpecification] = field(default_factory=list)
    file: Path | None = None

    def symbols(self) -> list[str]:
        """Every symbol that an actor or the venue section names."""
        named = [
            symbol
            for actor in self.actors
            for symbol in (actor.arguments.get("symbol"), *(actor.arguments.get("symbols") or ()))
            if isinstance(symbol, str)
        ]
        return sorted({*named, *self.venue.symbols})


def load_configuration(
    file: Path | None,
    overrides: dict[str, dict[str, Any]] | None = None,
    strategies: list[str] | None = None,
    allows_live: bool = False,
) -> Configuration:
    """Reads the file (or nothing), applies the command line's words, and checks everything.

    `overrides` are values by section, such as `{"venue": {"market": "synthetic"}}`; `strategies` are class names that
    replace the configured actors. Raises ConfigurationError with every fault.
    """
    faults: list[Fault] = []
    tables = read_toml(file) if file is not None else {}
    place = str(file) if file is not None else "command line"
    if file is not None:
        # So that `class = "my_bot.Breakout"` is found beside the file.
        sys.path.insert(0, str(file.resolve().parent))
    check_keys(tables, ("bot", "venue", "risk", "actors"), place, faults)
    for section, values in (overrides or {}).items():
        table = tables.get(section, {})
        tables[section] = {**table, **values} if isinstance(table, dict) else table
    bot = read_section(BotSection, tables, "bot", place, faults)
    venue = read_section(VenueSection, tables, "venue", place, faults)
    risk = (
        read_section(RiskLimits, tables, "risk", place, faults)
        if "risk" in tables
        else DEFAULT_RISK
    )
    actors = read_actors(tables, strategies, place, faults)
    if venue is not None:
        faults.extend(find_venue_faults(venue, tables.get("risk", {}), place, allows_live))
    if faults or bot is None or venue is None or risk is None:
        raise ConfigurationError(faults)
    return Configuration(bot, venue, risk, actors, file)


def read_section(
    section_class: Any, tables: dict[str, Any], name: str, place: str, faults: list[Fault]
) -> Any:
    """One section as its dataclass, or None with faults."""
    table = tables.get(name, {})
    where = f"{place}: {name}"
    if not isinstance(table, dict):
        faults.append(Fault(where, "must be a table", f"write [{name}]"))
        return None
    known = len(faults)
    arguments = check_arguments(section_class, table, where, faults)
    if len(faults) > known:
        return None
    try:
        return section_class(**arguments)
    except ValueError as error:
        faults.append(Fault(where, str(error)))
        return None


def read_actors(
    tables: dict[str, Any], strategies: list[str] | None, place: str, faults: list[Fault]
) -> list[ActorSpecification]:
    """The `[[actors]]` tables, or the default ones, or what the command line names, as specifications."""
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
        specification = read_actor(table, f"{place}: actors[{index}]", faults, SHIPPED_ACTORS)
        if specification is None:
            continue
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


def find_venue_faults(
    venue: VenueSection, risk_table: Any, place: str, allows_live: bool
) -> list[Fault]:
    """What stands in the way of trading at this venue: the switch and limits for real money, and the keys."""
    where = f"{place}: venue"
    faults = []
    if venue.exchange is not Exchanges.BINANCE:
        faults.append(
            Fault(
                f"{where}.exchange", f"there is no gateway for {venue.exchange} here", "use BINANCE"
            )
        )
    if venue.environment == "live":
        if not allows_live:
            faults.append(
                Fault(
                    where,
                    'environment = "live" trades real money',
                    "start with --live if that is meant",
                )
            )
        limits = risk_table if isinstance(risk_table, dict) else {}
        missing = [name for name in LIVE_LIMITS if name not in limits]
        if missing:
            faults.append(
                Fault(
                    f"{place}: risk",
                    f"live trading needs limits; missing: {', '.join(missing)}",
                    "set them",
                )
            )
    elif allows_live:
        faults.append(
            Fault("--live", 'goes with environment = "live" in [venue] alone', "leave it out")
        )
    if venue.is_local:
        if venue.market != "synthetic" and not Path(venue.market).is_file():
            faults.append(
                Fault(
                    f"{where}.market",
                    f"there is no file {venue.market!r}",
                    "synthetic, or a file of trades",
                )
            )
    else:
        faults.extend(find_key_faults(venue, where))
    return faults


def find_key_faults(venue: VenueSection, where: str) -> list[Fault]:
    """Keys that are not there, or that others could read."""
    faults = []
    for key, file in (("key_file", venue.key_file), ("private_key_file", venue.private_key_file)):
        if file is None:
            continue
        if not file.is_file():
            faults.append(Fault(f"{where}.{key}", f"there is no file {str(file)!r}"))
        elif file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            faults.append(
                Fault(f"{where}.{key}", f"{str(file)!r} can be read by others", f"chmod 600 {file}")
            )
    if venue.key_file is None:
        variables = [venue.api_key_variable]
        if venue.private_key_file is None:
            variables.append(venue.api_secret_variable)
        faults.extend(
            Fault(
                where, f"the environment variable {name} is not set", "export it, or give key_file"
            )
            for name in variables
            if not os.environ.get(name)
        )
    return faults
