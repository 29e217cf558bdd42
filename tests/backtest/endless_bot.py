"""A strategy whose backtest never ends, for a search that lies beside this file."""

import os
from pathlib import Path

from actors.strategies.strategy import Strategy
from messages.market import Trade


class Endless(Strategy):
    """Leaves word that it is at work, and does not return."""

    def __init__(self, symbol: str, pause: int) -> None:
        self.symbol, self.pause = symbol, pause

    def on_trade(self, trade: Trade) -> None:
        """Does not return."""
        Path(f"{os.getpid()}.at-work").touch()
        while self.pause:
            pass
