"""The market of a simulated run: a file of trades drawn from its seed, which the exchange then prints.

It costs a tenth of the synthetic market's work. The price wanders in trends of some seconds, so that strategies that follow
one have something to do, and after the storm it nearly stands still.
"""

from dataclasses import dataclass
from pathlib import Path

from actors.exchange.prices import usual_price
from actors.exchange.symbols import rules_for
from actors.simulation.seeded import SeededRandom

START_MS = 1_767_225_600_000
STEP = 0.00002
"""How far a trade's price is from the one before, as a fraction, on average."""
MEAN_TREND_S = 4.0
MEAN_LOTS = 80


@dataclass(frozen=True)
class MarketPlan:
    """How fast a symbol trades, and for how long; `calm_*` is what follows. Times in seconds."""

    symbol: str
    trades_per_second: float
    duration_s: float
    calm_trades_per_second: float = 0.5
    calm_s: float = 0.0


def write_market(path: Path, plan: MarketPlan, seed: int) -> None:
    """Writes the trades in the form of Binance's public files."""
    random = SeededRandom(f"{seed}:market")
    rules = rules_for(plan.symbol)
    price = float(usual_price(rules))
    time_ms, end_ms = 0.0, plan.duration_s * 1_000
    trend, trend_ends_ms = 0.0, 0.0
    number = 0
    with path.open("w") as file:
        while True:
            is_calm = time_ms >= plan.duration_s * 1_000
            if is_calm:
                end_ms = (plan.duration_s + plan.calm_s) * 1_000
            if time_ms >= end_ms and number:
                return
            if time_ms >= trend_ends_ms:
                trend = random.gauss(0.0, 0.5)
                trend_ends_ms = time_ms + random.expovariate(1 / MEAN_TREND_S) * 1_000
            change = random.gauss(0.0 if is_calm else trend, 1.0)
            price *= 1 + STEP * change
            ticks = round(price / float(rules.tick_size))
            quantity = rules.lot_size * (1 + int(random.expovariate(1 / MEAN_LOTS)))
            number += 1
            file.write(
                f"{number},{ticks * rules.tick_size},{quantity},0,"
                f"{START_MS + int(time_ms)},{change < 0},True\n"
            )
            rate = plan.calm_trades_per_second if is_calm else plan.trades_per_second
            time_ms += random.expovariate(rate) * 1_000
