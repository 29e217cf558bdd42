"""`[backtest]` of the configuration file. It loads nothing of the backtest: every command that reads the file checks it."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class BacktestSection:
    """`[backtest]`: what the command line may say too, and overrides."""

    data: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    balances: dict[str, Decimal] = field(default_factory=dict)
    fees: str = "0.001"
    fill_model: str = "touch"
    bar_model: str = "range"
    latency: str = "0"
    bnb_price: Decimal | None = None
    flatten: bool = False
    seed: int = 0
    rules: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """Per symbol, fields of its trading rules: `rules = { BTCUSDT = { lot_size = "0.000001" } }`."""
