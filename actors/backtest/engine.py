"""One backtest from beginning to end: composes the actors that trade live around a simulated venue, and plays the data.

Strategies, order manager, risk and portfolio are the live ones. In place of the feed, the gateway and the venue stand the
player, the simulated gateway and the simulated venue; there is no journal, so checkpoints and periodic reconciliation
rest, and positions are revalued by the clock, as often as live, only where a limit of loss or a strategy hears of it.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from actors.backtest.errors import BacktestError
from actors.backtest.feed import make_feed_class
from actors.backtest.gateway import SimulatedGateway
from actors.backtest.host import BacktestSystem
from actors.backtest.outside import Outside
from actors.backtest.player import Player
from actors.backtest.record import Bookkeeper, TradingRecord
from actors.backtest.row_messages import FEED_NAME
from actors.backtest.sampling import Sampler, choose_interval_s
from actors.backtest.sequence import show
from actors.backtest.settings import BacktestSettings, FeeAsset
from actors.backtest.source import MarketData
from actors.backtest.streams import StreamPlan
from actors.backtest.timeline import Timeline
from actors.backtest.trading_rules import make_rules
from actors.backtest.wanted import Wanted
from actors.order_manager.manager import OrderManager
from actors.runtime.clock import SimulatedClock
from actors.runtime.specification import ActorSpecification
from actors.runtime.tap import Tap
from actors.trading.risk import RiskLimits
from messages.account import Position
from messages.control import HaltTrading
from messages.enums import Exchanges

GATEWAY_NAME, MANAGER_NAME, RECORD_NAME = "gateway", "order_manager", "bookkeeper"
NEVER_S = 1e9
"""Thirty years."""
AFTER_END_NS = 60_000_000_000
"""How long after the last message what is under way may still come to its end."""
RARELY = (50_000, 20, 50)
"""Thresholds of the garbage collection while data are played."""
LOSS_LIMITS = (
    "maximum_daily_loss",
    "maximum_drawdown",
    "maximum_strategy_daily_loss",
    "maximum_strategy_drawdown",
)


@dataclass
class BacktestRun:
    """What a backtest has done."""

    settings: BacktestSettings
    data: MarketData
    actors: list[dict[str, Any]]
    record: TradingRecord
    initial_balances: dict[str, Decimal]
    final_balances: dict[str, Decimal]
    currency: str
    initial_equity: Decimal
    symbols: tuple[str, ...]
    interval_s: int
    first_time_ns: int
    last_time_ns: int
    message_count: int
    ambiguous_bars: int
    notes: list[str]
    failure: str | None
    """Why the run ended early; None if it came to the end of the data."""
    prices: dict[str, Decimal]
    """The last middle of each symbol's market."""


class Backtest:
    """A backtest that is ready to run, once."""

    def __init__(
        self,
        data: MarketData,
        actors: Sequence[ActorSpecification],
        settings: BacktestSettings,
        tap: Tap | None = None,
    ) -> None:
        """Composes and checks.

        Raises WiringError with every fault, and BacktestError for what data or settings cannot be used for.
        """
        if not data.streams:
            raise BacktestError("there are no data")
        if data.first_time_ns > data.last_time_ns:
            whole = data.within_all()
            raise BacktestError(
                "there are no data of the time asked for: they are from "
                f"{show(whole.first_time_ns)} to {show(whole.last_time_ns)}"
            )
        self.data, self.actors, self.settings = data, list(actors), settings
        self.plan = StreamPlan(data)
        self.record = TradingRecord()
        self.first_time_ns, self.last_time_ns = data.first_time_ns, data.last_time_ns
        self.interval_s = choose_interval_s((self.last_time_ns - self.first_time_ns) / 1e9)
        rules = {
            symbol: make_rules(
                symbol,
                self.plan.decimals(symbol),
                settings.rules.get(symbol, {}),
            )
            for symbol in self.plan.quotes
        }
        self.outside = Outside(
            self.plan.quote_classes(), settings, rules, self.plan.traded_symbols()
        )
        clock = SimulatedClock(self.first_time_ns)
        self.timeline = Timeline(clock)
        self.link = Link()
        self.system = BacktestSystem(self._compose(), self.timeline, seed=settings.seed, tap=tap)
        self.player = Player(data, self.plan, self.system, self.outside, settings)
        self.link.player = self.player
        self.outside.find_price = self.link.mid_price
        self.sampler = Sampler(
            self.record, self.player, self.outside, rules, self.interval_s, settings.bnb_price
        )
        self.link.sampler = self.sampler
        self.wanted = Wanted(self.plan, rules)

    def _compose(self) -> list[ActorSpecification]:
        settings, link = self.settings, self.link
        valuation_s = 1.0 if needs_valuation(self.actors, settings.risk) else NEVER_S
        limits = msgspec.structs.asdict(settings.risk)
        return [
            ActorSpecification(
                SimulatedGateway,
                GATEWAY_NAME,
                {"outside": self.outside, "timeline": self.timeline, "market": link},
            ),
            ActorSpecification(
                OrderManager,
                MANAGER_NAME,
                {
                    "bot": settings.bot,
                    "reconcile_interval_s": NEVER_S,
                    "checkpoint_entries": 10**12,
                    "valuation_interval_s": valuation_s,
                    "silence_s": NEVER_S,
                    **limits,
                },
            ),
            ActorSpecification(
                Bookkeeper,
                RECORD_NAME,
                {"record": self.record, "mid_price": link.mid_price, "price_of": link.price_of},
            ),
            *self.actors,
            ActorSpecification(make_feed_class(), FEED_NAME),
        ]

    def run(self, on_progress: Callable[[int], None] | None = None) -> BacktestRun:
        """Runs it.

        Raises WiringError for constructors that refuse their arguments, BacktestError for what was asked of the data
        and is not in them, and DataError for broken data.
        """
        system, player, outside = self.system, self.player, self.outside
        system.begin()
        gateway = system.cells[GATEWAY_NAME].instance
        assert isinstance(gateway, SimulatedGateway)
        player.gateway = gateway
        player.manager = system.cells[MANAGER_NAME]
        system.before_delivery[player.manager] = player.tell_manager
        notes = self.wanted.serve(self.actors, system, player)
        player.run_until(self.first_time_ns)
        self.sampler.begin(self.first_time_ns)
        with rare_garbage_collection():
            player.play(on_progress)
        end_ns = max(self.last_time_ns, self.timeline.clock.time_ns)
        if system.failure is None:
            player.run_until(end_ns)
            self._flatten()
            self._await_words(gateway, end_ns + AFTER_END_NS)
        end_ns = max(end_ns, self.timeline.clock.time_ns)
        self.sampler.end(end_ns)
        system.end()
        return BacktestRun(
            settings=self.settings,
            data=self.data,
            actors=[describe_actor(item) for item in self.actors],
            record=self.record,
            initial_balances=outside.initial,
            final_balances=outside.balances(),
            currency=self.sampler.currency,
            initial_equity=self.sampler.initial_equity,
            symbols=tuple(sorted(self.plan.quotes)),
            interval_s=self.interval_s,
            first_time_ns=self.first_time_ns,
            last_time_ns=end_ns,
            message_count=player.message_count,
            ambiguous_bars=sum(book.ambiguous_bars for book in outside.books.values()),
            notes=[*notes, *notes_of_fees(self.record, self.settings)],
            failure=system.failure,
            prices=self.sampler.decimal_prices(),
        )

    def _await_words(self, gateway: SimulatedGateway, latest_ns: int) -> None:
        """What is on its way when the data end still arrives: the account must not know of more than we do."""
        clock = self.timeline.clock
        while clock.time_ns < (until_ns := min(gateway.under_way_until_ns, latest_ns)):
            self.player.run_until(until_ns)
            clock.time_ns = max(clock.time_ns, until_ns)

    def _flatten(self) -> None:
        """Sells what the strategies hold, as Ctrl-C with `--flatten` does."""
        if not self.settings.flatten:
            return
        self.system.send(HaltTrading(reason="the end of the data", flatten=True))
        self.system.pump()
        self.player.run_until(self.timeline.clock.time_ns)


class Link:
    """What actors of the backtest may ask of the player, which is made after them."""

    player: Player
    sampler: Sampler

    def last_message(self, symbol: str) -> Any:
        """What the symbol's market last quoted."""
        return self.player.last_message(symbol)

    def after_next_bar(self, symbol: str, callback: Callable[[], None]) -> None:
        """Calls back when the symbol's next bar has been played."""
        self.player.after_next_bar(symbol, callback)

    def mid_price(self, symbol: str) -> float | None:
        """The middle of the symbol's market."""
        return self.player.mid_price(symbol)

    def price_of(self, asset: str, quote: str) -> Decimal | None:
        """What an asset is worth in another."""
        return self.sampler.rate(asset, quote)


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """What a run keeps (orders, fills) is no garbage, and only cycles need a collection: it is done seldom."""
    before = gc.get_threshold()
    if not before[0]:  # it is off
        yield
        return
    gc.set_threshold(*(max(usual, rare) for usual, rare in zip(before, RARELY, strict=True)))
    try:
        yield
    finally:
        gc.set_threshold(*before)


def needs_valuation(actors: Sequence[ActorSpecification], risk: RiskLimits) -> bool:
    """Whether anybody hears of it when positions are revalued: losses are limited, or a strategy listens to it."""
    if any(getattr(risk, name) is not None for name in LOSS_LIMITS):
        return True
    return any(
        not names[-1].startswith("_")
        for item in actors
        for message_class, names in item.actor_class.handlers.items()
        if message_class is Position
    )


def notes_of_fees(record: TradingRecord, settings: BacktestSettings) -> list[str]:
    """That fees were not paid in BNB, where they were to be: without the discount they are a third higher."""
    if settings.fee_asset is not FeeAsset.BNB:
        return []
    others = sum(1 for fill in record.fills if fill.fee and fill.fee_asset != "BNB")
    if not others:
        return []
    return [
        f"{others} of {len(record.fills)} fills paid their fee not in BNB but in what they brought in: there was no BNB "
        "left, or no price of it (it needs data of BNBUSDT, or bnb_price in [backtest])"
    ]


def describe_actor(item: ActorSpecification) -> dict[str, Any]:
    """One actor for the report."""
    actor_class = item.actor_class
    return {
        "name": item.name,
        "class": f"{actor_class.__module__}.{actor_class.__qualname__}",
        "arguments": {key: plain(value) for key, value in sorted(item.arguments.items())},
    }


def plain(value: Any) -> Any:
    """A constructor's argument as JSON holds it."""
    if isinstance(value, Exchanges | Decimal):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return str(value)


def run_backtest(
    data: MarketData,
    actors: Sequence[ActorSpecification],
    settings: BacktestSettings | None = None,
    *,
    tap: Tap | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> BacktestRun:
    """Runs one backtest. Raises what `Backtest` and its `run` raise."""
    return Backtest(data, actors, settings or BacktestSettings(), tap).run(on_progress)
