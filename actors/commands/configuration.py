"""The configuration of a bot: what the file may say, what the command line may change, and every fault at once."""

import inspect
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import platformdirs

from actors.commands.addresses import find_address_problem, is_for_real_money
from actors.commands.backtest_section import BacktestSection
from actors.commands.configured_actors import find_classes_near, read_actors
from actors.commands.input_files import find_file_problem
from actors.commands.key_files import find_key_faults
from actors.commands.traded_symbols import find_symbol_faults, symbols_of
from actors.order_manager.foreign import ForeignOrdersPolicy
from actors.runtime.config import are_complete, check_arguments, check_keys, read_toml
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.journal_retention import KEEP_DAYS
from actors.runtime.specification import ActorSpecification
from actors.runtime.wiring import ACTOR_NAME
from actors.spelling import suggest
from actors.trading.risk import RiskLimits
from messages.enums import Exchanges, SelfTradePrevention

Environment = Literal["local", "testnet", "demo", "live"]

MARKETS = ("synthetic", "paper")
"""Markets of the local exchange that are no files."""
INFINITY = float("inf")
LIVE_LIMITS = ("maximum_order_notional", "maximum_position_notional", "maximum_open_orders")
"""Limits that must be set before real money is traded."""


def find_wrong_durations(section: Any) -> list[str]:
    """A line for each key named in seconds, `..._s`, that is not above 0."""
    return [
        f"{item.name} must be above 0 seconds, not {value}"
        for item in fields(section)
        if item.name.endswith("_s") and not 0 < (value := getattr(section, item.name)) < INFINITY
    ]


def refuse(problems: list[str]) -> None:
    """Raises ValueError with a line for each problem, if there is any."""
    if problems:
        raise ValueError("\n".join(problems))


@dataclass(frozen=True)
class BotSection:
    """`[bot]`."""

    name: str = "bot"
    state_folder: Path | None = None
    """None: a folder of that name in the user's state directory."""
    seed: int = 0
    journal_synchronous: Literal["NORMAL", "FULL"] = "FULL"
    """`FULL`: an order's intent is on the disk before the order is sent. `NORMAL` spares that wait and survives a killed
    process, but a power cut may take intents of orders that are at the venue: they come back as orders nobody knew of.
    """
    journal_days: float = KEEP_DAYS
    """How long the history of closed orders is kept; what the next start needs is never removed."""
    journal_patience_s: float = 30.0
    """How long a start waits for a journal that another process holds, before it ends with exit code 2."""
    foreign_orders: ForeignOrdersPolicy = "ignore"
    """Open orders of the account that are not this bot's: left alone, taken over (`adopt`), or canceled (`cancel`)."""
    self_trade_prevention: SelfTradePrevention | None = None
    """What the venue does when the account would trade with itself, for orders that name no mode; absent: the symbol's own."""
    refusal_hold_s: float = 60.0
    """How long a strategy is held that had `maximum_refusals_in_a_row`."""
    halt_patience_s: float = 10.0
    """How long a halt waits for its cancels before it says which orders are left."""
    checkpoint_entries: int = 2_000
    """After so many durable messages a checkpoint is written: a start reads no more than these."""
    busy_polling: bool = False
    """The loop never sleeps: the way from a tick to its order is a fifth shorter, and a whole core is busy."""

    def __post_init__(self) -> None:
        """Raises ValueError with a line for a name that cannot be a folder and part of an order id, and for each figure out
        of range."""
        problems = []
        if not ACTOR_NAME.fullmatch(self.name):
            problems.append(f"the name {self.name!r} may hold only A-Z a-z 0-9 _ -")
        if self.state_folder is not None and "\0" in str(self.state_folder):
            problems.append(f"state_folder {str(self.state_folder)!r} can be no folder")
        if not 0 <= self.journal_days <= 36_500:
            problems.append(f"journal_days must be from 0 to 36500, not {self.journal_days}")
        problems += find_wrong_durations(self)
        if self.checkpoint_entries < 1:
            problems.append(f"checkpoint_entries must be 1 or more, not {self.checkpoint_entries}")
        refuse(problems)

    @property
    def folder(self) -> Path:
        """Where state, logs and recordings of this bot lie."""
        if self.state_folder is not None:
            return self.state_folder.expanduser()
        return Path(platformdirs.user_state_dir("ticktroupe")) / self.name


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
    absence_after_s: float = 30.0
    """How long after a request was lost "no such order" is no proof that it was never placed."""
    reconcile_interval_s: float = 60.0
    """How often the account is compared with what is known of it."""
    request_timeout_s: float = 10.0
    """How long an answer is waited for; after that the outcome of a request is unknown."""
    silence_limit_s: float = 30.0
    """Order entry and the account's events: a connection that says nothing for so long is given up."""
    market_silence_limit_s: float = 60.0
    """The same for market data."""
    stale_after_s: float = 15.0
    """A symbol whose market data say nothing for so long is told to be STALE."""
    connection_lifetime_s: float = 82_800.0
    """Every connection is replaced at this age, before the venue ends it (after a day)."""
    fallback_after_s: float = 3.0
    """New orders go by REST once the socket has been missing for so long."""
    rules_interval_s: float = 600.0
    """How often trading rules and limits are read again."""
    clock_interval_s: float = 300.0
    """How often the venue's clock is measured."""
    clock_jump_s: float = 1.0
    """A clock that moves by so much more than time has passed has jumped: trading holds until the account is read."""
    market: str = "synthetic"
    """For the local exchange: `synthetic`, `paper` (a venue's public streams, filled on paper), or a file of trades."""
    market_rest: str = ""
    market_streams: str = ""
    """Where a `paper` market comes from; empty: Binance's public market data."""
    trades_per_second: float = 10.0
    speed: float = 1.0
    """For a recorded market: 2 is twice as fast, 0 as fast as possible."""
    market_seed: int = 2
    """Of the synthetic market: the same seed, the same market."""
    symbols: tuple[str, ...] = ()
    """Symbols that the local exchange lists beside those that the actors name."""

    def __post_init__(self) -> None:
        """Raises ValueError with a line for each figure out of range, and for an incomplete set of URLs."""
        problems = []
        if not 1 <= self.receive_window_ms <= 60_000:
            problems.append(
                f"receive_window_ms must be from 1 to 60000, not {self.receive_window_ms}"
            )
        durations = find_wrong_durations(self)
        problems += durations
        if not durations and not self.absence_after_s * 1000 > self.receive_window_ms:
            problems.append(
                f"absence_after_s must be longer than receive_window_ms, not {self.absence_after_s}"
            )
        if not self.trades_per_second > 0:
            problems.append(f"trades_per_second must be above 0, not {self.trades_per_second}")
        if not self.speed >= 0:
            problems.append(f"speed must be 0 (as fast as possible) or more, not {self.speed}")
        urls = (self.rest, self.ws_api, self.streams)
        if any(urls) and not all(urls):
            problems.append(
                "rest, ws_api and streams belong together: give all three URLs, or none"
            )
        schemes = (("http", "https"), ("ws", "wss"), ("ws", "wss"))
        for name, url, allowed in zip(("rest", "ws_api", "streams"), urls, schemes, strict=True):
            problem = find_address_problem(url, allowed) if url else ""
            if problem:
                problems.append(f"{name}: {problem}")
        refuse(problems)

    @property
    def is_local(self) -> bool:
        """Whether this program starts the exchange itself."""
        return self.environment == "local" and not self.rest

    @property
    def is_live(self) -> bool:
        """Whether real money is traded: by name, or at one of Binance's own addresses."""
        urls = (self.rest, self.ws_api, self.streams)
        return self.environment == "live" or any(is_for_real_money(url) for url in urls)

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


SECTIONS: dict[str, Any] = {
    "bot": BotSection,
    "venue": VenueSection,
    "risk": RiskLimits,
    "backtest": BacktestSection,
}


@dataclass
class Configuration:
    """One bot, checked."""

    bot: BotSection = field(default_factory=BotSection)
    venue: VenueSection = field(default_factory=VenueSection)
    risk: RiskLimits = DEFAULT_RISK
    actors: list[ActorSpecification] = field(default_factory=list)
    file: Path | None = None

    def inputs(self) -> list[Path | None]:
        """The files that a run reads, and must not write to."""
        venue = self.venue
        market = None if venue.market in MARKETS else Path(venue.market)
        return [self.file, market, venue.key_file, venue.private_key_file]

    def symbols(self) -> list[str]:
        """Every symbol that an actor or the venue section names."""
        named = {symbol for actor in self.actors for symbol in symbols_of(actor)}
        return sorted(named | set(self.venue.symbols))


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
    find_classes_near(file)
    check_keys(tables, (*SECTIONS, "actors"), place, faults)
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
    # It has no say here, but a slip in it is told by whatever reads the file.
    read_section(BacktestSection, tables, "backtest", place, faults)
    actors = read_actors(tables, strategies, place, faults)
    if venue is not None:
        faults.extend(find_venue_faults(venue, tables.get("risk", {}), place, allows_live))
        faults.extend(find_symbol_faults(actors, venue.symbols, venue.is_local, place))
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
    table = drop_misplaced(section_class, table, where, faults)
    arguments = check_arguments(section_class, table, where, faults)
    if not are_complete(section_class, arguments):
        return None
    try:
        section = section_class(**arguments)
    except ValueError as error:
        faults.extend(Fault(where, line) for line in str(error).splitlines())
    return section if len(faults) == known else None


def drop_misplaced(
    section_class: Any, table: dict[str, Any], where: str, faults: list[Fault]
) -> dict[str, Any]:
    """The table without the keys that are another section's; each of them becomes a fault that says whose."""
    own = inspect.signature(section_class).parameters
    kept = {}
    for key, value in table.items():
        homes = [
            name for name, other in SECTIONS.items() if key in inspect.signature(other).parameters
        ]
        if key in own or not homes:
            kept[key] = value
        else:
            faults.append(Fault(where, f"there is no key {key!r}", f"it belongs in [{homes[0]}]"))
    return kept


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
    if venue.is_live:
        if not allows_live:
            what = 'environment = "live"' if venue.environment == "live" else venue.place
            faults.append(
                Fault(where, f"{what} trades real money", "start with --live if that is meant")
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
        if venue.market not in MARKETS and (problem := find_file_problem(Path(venue.market))):
            faults.append(
                Fault(
                    f"{where}.market",
                    problem,
                    suggest(venue.market, MARKETS, "synthetic, paper, or a file of trades"),
                )
            )
    else:
        if venue.market != VenueSection.market:
            # Who asks for a paper market must not find himself trading at a venue.
            what = f"{venue.market!r} is the local exchange's, and this trades on {venue.place}"
            remedy = 'leave it out, or set environment = "local" and no URLs'
            faults.append(Fault(f"{where}.market", what, remedy))
        faults.extend(find_key_faults(venue, where))
    return faults
