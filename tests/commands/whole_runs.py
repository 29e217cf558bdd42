"""What the whole runs trade with, and what is kept of one."""

from dataclasses import dataclass
from pathlib import Path

from tests.commands.harness import BotProcess, Ended, LocalVenue

CALM_RISK = """
[risk]
maximum_order_notional = 100000
maximum_open_orders = 100
maximum_orders_per_second = 50
price_collar = 0.1
"""

ALL_STRATEGIES = """
[[actors]]
class = "MarketMaker"
symbol = "BTCUSDT"
quantity = "0.00123"
spread = 0.00002
requote_threshold = 0.00002
time_to_cancel = 0.5

[[actors]]
class = "MovingAverageCross"
symbol = "BTCUSDT"
fast = 2
slow = 4
sample_s = 0.1
quantity = "0.0017"

[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
level = 100
quantity = "0.00077"

[[actors]]
class = "BracketBreakout"
symbol = "BTCUSDT"
level = 100
quantity = "0.00093"
target = 0.0004
stop = 0.0004

[[actors]]
class = "PriceAlert"
symbol = "BTCUSDT"
level = 100
"""


@dataclass
class WholeRun:
    """One bot that has traded with every shipped strategy, and the exchange that outlived it."""

    venue: LocalVenue
    configuration: Path
    recording: Path
    bot: BotProcess
    ended: Ended | None = None
