"""A backtest benchmark's peer: backtesting.py, on bars. A program of its own.

Its first line of standard input is a task in JSON (`BacktestTask`): `prepare` turns the file of bars into a pickled frame,
`run` plays that to a moving-average cross. Its last line of standard output says what it has done. It needs nothing of
this project. It trades whole units, so it buys one where the others buy a hundredth.
"""

import importlib
import json
import sys
import time
import warnings
from typing import Any


def prepare(task: dict[str, Any]) -> None:
    """Bars into a frame."""
    pandas: Any = importlib.import_module("pandas")
    names = ["time", "Open", "High", "Low", "Close", "Volume"]
    frame = pandas.read_csv(task["file"], names=names, usecols=range(6))
    frame["time"] = pandas.to_datetime(frame["time"], unit="ms")
    frame.set_index("time").to_pickle(task["folder"])


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Plays the frame."""
    warnings.simplefilter("ignore")
    library: Any = importlib.import_module("backtesting")
    library.backtesting._tqdm = lambda items, **_: items
    frame = importlib.import_module("pandas").read_pickle(task["folder"])
    by_fast, by_slow, margin = task["fast"], task["slow"], task["margin"]
    counted = [0, 0]

    class Cross(library.Strategy):  # type: ignore[misc]  # its base is not known here
        """Market orders only, filled at the next open."""

        def init(self) -> None:
            self.fast = self.slow = 0.0
            self.is_above = False
            # It begins with the second bar.
            self.take(float(self.data.Close[0]))

        def take(self, price: float) -> None:
            """Moves the averages, and acts where they have crossed."""
            counted[0] += 1
            if not self.fast:
                self.fast = self.slow = price
            self.fast += (price - self.fast) * by_fast
            self.slow += (price - self.slow) * by_slow
            distance = self.fast - self.slow
            if self.is_above:
                if distance < -margin:
                    self.is_above = False
                    counted[1] += 1
                    self.position.close()
            elif distance > margin:
                self.is_above = True
                if not self.position:
                    counted[1] += 1
                    self.buy(size=1)

        def next(self) -> None:
            self.take(self.data.Close[-1])

    backtest = library.Backtest(frame, Cross, cash=10_000_000, commission=0.001)
    begin = time.perf_counter()
    backtest.run()
    seconds = time.perf_counter() - begin
    return {"events": counted[0], "orders": counted[1], "seconds": seconds}


def main() -> None:
    """Does what the task says."""
    task = json.loads(sys.stdin.readline())
    if task["step"] == "prepare":
        prepare(task)
        print("{}")
    else:
        print(json.dumps(run(task)))


if __name__ == "__main__":
    main()
