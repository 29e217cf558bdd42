"""Markets at random, the same for the same seed."""

import random

from messages.market import BookTicker, Kline, Trade
from tests.backtest.markets import bar, ticker, trade


def walk(seed: int, count: int) -> list[float]:
    """Prices that wander."""
    dice = random.Random(seed)
    price, found = 50_000.0, []
    for _ in range(count):
        price = round(price * (1 + dice.gauss(0, 0.0004)), 2)
        found.append(price)
    return found


def trades(seed: int, count: int = 300) -> list[Trade]:
    """Trades at them, some of one instant."""
    dice = random.Random(seed + 1)
    time_s = 0.0
    found = []
    for number, price in enumerate(walk(seed, count)):
        time_s += dice.choice([0.0, 0.001, 0.2, 1.5])
        quantity = dice.randint(1, 300) / 1000
        found.append(trade(time_s, price, quantity, sold=dice.random() < 0.5, trade_id=number))
    return found


def tickers(seed: int, count: int = 300) -> list[BookTicker]:
    """Best bids and asks around them."""
    dice = random.Random(seed + 2)
    time_s = 0.0
    found = []
    for price in walk(seed, count):
        time_s += dice.choice([0.0, 0.01, 0.7])
        sizes = (dice.randint(1, 900) / 1000, dice.randint(1, 900) / 1000)
        found.append(ticker(time_s, price, round(price + dice.choice([0.01, 1.5, 8]), 2), *sizes))
    return found


def bars(seed: int, count: int = 200) -> list[Kline]:
    """Bars of a minute, with holes."""
    dice = random.Random(seed + 3)
    found = []
    for number, price in enumerate(walk(seed, count)):
        close = round(price * (1 + dice.gauss(0, 0.001)), 2)
        high = round(max(price, close) * (1 + abs(dice.gauss(0, 0.0007))), 2)
        low = round(min(price, close) * (1 - abs(dice.gauss(0, 0.0007))), 2)
        hole = 3 if number % 50 > 45 else 0
        found.append(
            bar(
                number + number // 50 * 4 + hole,
                (price, high, low, close),
                dice.randint(1, 900) / 1000,
            )
        )
    return found
