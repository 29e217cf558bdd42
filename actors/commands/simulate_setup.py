"""The real bot and the real local exchange as programs of a simulated world: what a round is made of."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Any

import msgspec

from actors.binance.endpoints import endpoints_at
from actors.binance.errors import BinanceError
from actors.commands.configuration import BotSection, Configuration, VenueSection
from actors.commands.control import BotControl
from actors.commands.halting import FAILED
from actors.commands.run_bot import RunOptions, run_bot
from actors.commands.simulate_account import VenueAccount, read_account
from actors.commands.simulate_beliefs import Beliefs
from actors.commands.simulate_bystander import Bystander
from actors.commands.simulate_checks import (
    Assets,
    bot_ended_well,
    compare_balances,
    compare_bot,
    compare_bystander,
    compare_summary,
    compare_triggers,
    outcomes_were_clear,
)
from actors.commands.simulate_market import MarketPlan, write_market
from actors.exchange.app import serve
from actors.exchange.configuration import (
    DEFAULT_BALANCES,
    AccountConfiguration,
    ExchangeConfiguration,
)
from actors.exchange.fault_plan import read_plan
from actors.exchange.methods import METHODS
from actors.exchange.signing import KeyKind, KeyPair
from actors.exchange.symbols import rules_for
from actors.order_manager.naming import OrderNames
from actors.runtime.errors import TicktroupeError
from actors.runtime.specification import ActorSpecification
from actors.simulation.chaos import KillPatterns
from actors.simulation.invariants import programs_ended_well
from actors.simulation.loop import EPOCH_NS
from actors.simulation.program import Program
from actors.simulation.rounds import FAULTS_FILE, KEEPS_STATE_FILE, RoundSetup
from actors.simulation.seeded import SeededRandom
from actors.simulation.venue_faults import remaining_faults
from actors.simulation.weather import Weather
from actors.simulation.world import World

API_KEY, API_SECRET = "K" * 64, "S" * 64
ENDPOINTS = endpoints_at("http://exchange", "ws://exchange/ws-api/v3", "ws://exchange")
BOT_NAME = "bot"
BYSTANDER = "bystander"
STATE = "state"
SUMMARY_FILE = "summary.json"
MARKET_FILE = "market.csv"
EXCHANGE_STATE_FILE = "exchange.sqlite"
REMAINING_FAULTS_FILE = "remaining-faults.json"
FIRST_START_FILE = "first-start"
PATTERNS = KillPatterns(
    said=(b'"order.place"', b'"order.cancel"'),
    heard=(b'"executionReport"', b'"TRADE"', b'"transactTime"', b'"CANCELED"'),
)
REST_PATTERNS = KillPatterns(
    said=(b"POST /api/v3/order", b"DELETE /api/v3/order"), heard=PATTERNS.heard
)
AFTERMATH_S = 50.0
"""By then the last silent connection has been given up, and the last start has been made."""
ENGINE_TIMEOUT_S = 2.0
"""Past it the exchange says -1007, and may execute all the same."""


@dataclass(frozen=True)
class SimulatedBot:
    """What is simulated: strategies on one symbol, in a market of so many trades a second."""

    actors: tuple[ActorSpecification, ...]
    symbol: str = "BTCUSDT"
    plain_share: float = 0.0
    """In what share of the rounds the symbol takes no triggers and no lists, so that the bot keeps them itself."""
    rest_share: float = 0.0
    """In what share of the rounds orders go by REST."""
    trades_per_second: float = 6.0
    duration_s: float = 20.0
    settle_s: float = 80.0
    has_bystander: bool = True
    weather_of: Callable[[int], Weather] = Weather.gusty

    @property
    def assets(self) -> dict[str, Assets]:
        """Base and quote asset of each symbol."""
        rules = rules_for(self.symbol)
        return {self.symbol: (rules.base_asset, rules.quote_asset)}

    def is_plain(self, seed: int) -> bool:
        """Whether a seed's round has a plain symbol."""
        return SeededRandom(f"{seed}:plain").random() < self.plain_share

    def is_by_rest(self, seed: int) -> bool:
        """Whether in a seed's round orders go by REST."""
        return SeededRandom(f"{seed}:entry").random() < self.rest_share


@dataclass
class Figures:
    """What a round was about, for those who want to know that it was about something."""

    orders: int = 0
    fills: int = 0
    others_orders: int = 0
    beliefs: Beliefs | None = None
    account: VenueAccount = field(default_factory=VenueAccount)


def exchange_program(bot: SimulatedBot, seed: int) -> Callable[[Path], Coroutine[Any, Any, None]]:
    """The exchange: keys that are the same in every run, a market of the seed, and the faults of its disk."""

    async def run(folder: Path) -> None:
        passed_s = time_since_first_start(folder)
        market = MarketPlan(
            bot.symbol,
            bot.trades_per_second,
            max(0.0, bot.duration_s - passed_s),
            calm_s=bot.settle_s + 60,
        )
        write_market(folder / MARKET_FILE, market, seed)
        faults = folder / FAULTS_FILE
        if passed_s:
            document = msgspec.json.decode(faults.read_bytes())
            faults = folder / REMAINING_FAULTS_FILE
            faults.write_bytes(msgspec.json.encode(remaining_faults(document, passed_s)))
        keeps_state = (folder / KEEPS_STATE_FILE).exists()
        names = [method.name for method in METHODS]
        pair = KeyPair(key=API_KEY, secret=API_SECRET, kind=KeyKind.HMAC)
        configuration = ExchangeConfiguration(
            host="0.0.0.0",
            port=80,
            symbols=(bot.symbol,),
            plain_symbols=(bot.symbol,) if bot.is_plain(seed) else (),
            market=str(folder / MARKET_FILE),
            accounts=(AccountConfiguration(keys=(pair,)),),
            engine_timeout_seconds=ENGINE_TIMEOUT_S,
            faults=read_plan(faults, names, (bot.symbol,)),
            state=folder / EXCHANGE_STATE_FILE if keeps_state else None,
        )
        await serve(configuration)

    return run


def time_since_first_start(folder: Path) -> float:
    """Seconds since a program first ran on this disk; 0 if it is now."""
    file, now_ns = folder / FIRST_START_FILE, time.time_ns()
    if not file.exists():
        file.write_text(str(now_ns))
    return (now_ns - int(file.read_text())) / 1e9


def bot_program(bot: SimulatedBot, seed: int) -> Callable[[Path], Coroutine[Any, Any, int]]:
    """What `bin/start` does, exit code included, on a disk of the world."""

    async def run(folder: Path) -> int:
        keys = folder / "keys"
        keys.touch(mode=0o600)
        keys.write_text(f"{API_KEY}\n{API_SECRET}\n")
        configuration = Configuration(
            BotSection(BOT_NAME, folder / STATE, seed),
            VenueSection(
                rest=ENDPOINTS.rest,
                ws_api=ENDPOINTS.ws_api,
                streams=ENDPOINTS.streams,
                key_file=keys,
                order_entry="rest" if bot.is_by_rest(seed) else "websocket",
            ),
            actors=list(bot.actors),
        )
        control = BotControl()
        asyncio.get_running_loop().add_signal_handler(SIGTERM, control.interrupt)
        try:
            options = RunOptions(summary=folder / SUMMARY_FILE, has_threads=False)
            return await run_bot(configuration, options, control)
        except TicktroupeError:
            return FAILED

    return run


class Comparison:
    """Compares bot, venue and bystander after the end of a round."""

    def __init__(self, bot: SimulatedBot, bystander: Bystander | None) -> None:
        self.bot = bot
        self.bystander = bystander
        self.figures = Figures()

    async def stopped(self, world: World, program: Program) -> list[str]:
        """What is wrong when the bot has ended and the exchange still runs."""
        wrong = list(bot_ended_well(program))
        beliefs = Beliefs(program.folder / STATE)
        asked = [name for name in beliefs.intended if name not in beliefs.names.values()]
        if self.bystander is not None:
            asked += self.bystander.wishes
        try:
            account = await read_account(ENDPOINTS, API_KEY, API_SECRET, [self.bot.symbol], asked)
        except BinanceError as error:
            return [*wrong, f"the exchange does not answer any more: {error}"]
        well_again_s = self.bot.duration_s + AFTERMATH_S
        wrong += outcomes_were_clear(beliefs, EPOCH_NS + int(well_again_s * 1e9))
        names = OrderNames(BOT_NAME, 0)
        for specification in self.bot.actors:
            names.register(specification.name)
        assets = self.bot.assets
        wrong += compare_bot(beliefs, account, names, assets)
        wrong += compare_triggers(beliefs, account)
        wrong += compare_summary(program.folder / SUMMARY_FILE, account)
        wrong += compare_balances(account, beliefs, names, assets, DEFAULT_BALANCES)
        if self.bystander is not None:
            wrong += compare_bystander(self.bystander, account, beliefs, names)
        self.figures = Figures(
            orders=len(beliefs.intended),
            fills=len(beliefs.fills),
            others_orders=len(self.bystander.wishes) if self.bystander else 0,
            beliefs=beliefs,
            account=account,
        )
        return wrong


def setup_of(bot: SimulatedBot, seed: int) -> tuple[RoundSetup, Comparison]:
    """A round's parts, and where its figures are found afterwards."""
    bystander = None
    others = {}
    if bot.has_bystander:
        bystander = Bystander(ENDPOINTS, API_KEY, API_SECRET, bot.symbol, seed, bot.duration_s)
        others[BYSTANDER] = bystander.run
    comparison = Comparison(bot, bystander)
    setup = RoundSetup(
        exchange_program(bot, seed),
        bot_program(bot, seed),
        duration_s=bot.duration_s,
        settle_s=bot.settle_s,
        stopped=comparison.stopped,
        invariants=(programs_ended_well,),
        patterns=REST_PATTERNS if bot.is_by_rest(seed) else PATTERNS,
        others=others,
        weather_of=bot.weather_of,
    )
    return setup, comparison
