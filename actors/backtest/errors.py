"""What can go wrong with a backtest.

TicktroupeError
├── DataError             a file of market data, or a recording, that cannot be used as it is
└── BacktestError         what was asked for cannot be run on these data, or with these settings
"""

from actors.runtime.errors import TicktroupeError


class DataError(TicktroupeError):
    """A file cannot be used: its text names file and line, and what to do."""


class BacktestError(TicktroupeError):
    """A backtest cannot be run as it was asked for."""
