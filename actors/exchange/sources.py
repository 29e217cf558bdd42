"""A synthetic market: seeded traders who send orders to the real matching engine through accounts of the house.

For each symbol there are makers and takers. The makers keep a ladder of limit orders on both sides of a fair price that
nobody sees; takers arrive at random and hit it. The fair price wanders, now and then it drifts for a while, and at times
takers come in bursts. Users' orders stand in the same queues: a bid inside the spread is hit before the makers' bids, and
one that the fair price leaves behind is taken by the makers themselves. Depth stands on both sides at all times.

Nothing here waits or reads a clock: `advance` does what is due and says when it wants to be called again, so a server's
loop and a simulation drive it alike. Equal seeds and equal calls make equal markets.
"""

import heapq
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from actors.exchange.accounts import Account
from actors.exchange.market import SymbolMarket
from actors.exchange.orders import OrderRecord
from actors.exchange.prices import lots_worth, usual_price
from actors.exchange.venue import Venue
from messages.enums import Side, TimeInForce
from messages.instruments import round_nearest

if TYPE_CHECKING:
    from random import Random

LADDER_LEVELS = 20
"""Orders of the makers on each side."""

STEPS_AT_ONCE = 8
"""The most one call of `advance` does, about a millisecond, so that a server gets to serve in between."""

LONGEST_BACKLOG_US = 1_000_000
"""What is due for longer than this is left out: a rate that the machine cannot give must not pile up."""

SPREAD = Decimal("0.00005")
"""Distance of the ladder's steps, and of the best bid and ask, as a part of the price."""

TRADE_DOLLARS = Decimal(600)
"""What a taker's order is worth, on average."""

BURST_CHANCE = 1 / 150
BURST_STEPS = 50
BURST_PACE = 5.0
STEADY_SHARE = (1 / BURST_CHANCE + BURST_STEPS) / (1 / BURST_CHANCE + BURST_STEPS / BURST_PACE)
"""By how much bursts raise the mean rate; the steady rate is lower by this, so that the mean is as asked."""


class SyntheticMarket:
    """Makers and takers in some symbols of a venue."""

    def __init__(
        self,
        venue: Venue,
        symbols: Sequence[str],
        rng: "Random",
        trades_per_second: float = 10.0,
    ) -> None:
        """`trades_per_second` is the mean of each symbol.

        The ladders stand, and each symbol has traded once, when this returns. Raises ValueError for a rate that is not
        above 0, VenueError for an unknown symbol.
        """
        if not trades_per_second > 0 or math.isinf(trades_per_second):
            raise ValueError(f"the rate of trades must be above 0, not {trades_per_second}")
        makers = venue.open_house_account("synthetic makers")
        takers = venue.open_house_account("synthetic takers")
        self._mean_gap_us = 1_000_000 * STEADY_SHARE / trades_per_second
        self._rng = rng
        self._crowds = [_Crowd(venue, symbol, rng, makers, takers) for symbol in symbols]
        now_us = venue.now_us()
        self._due: list[tuple[int, int]] = [
            (now_us + self._gap(crowd, 1), index) for index, crowd in enumerate(self._crowds)
        ]
        heapq.heapify(self._due)

    def advance(self, now_us: int) -> int:
        """Does what is due by now; gives the time, in microseconds, of what is due next.

        That may lie in the past when there was more to do than is done in one call.
        """
        for _ in range(STEPS_AT_ONCE):
            due_us, index = self._due[0]
            if due_us > now_us:
                break
            crowd = self._crowds[index]
            trades = crowd.step()
            earliest_us = now_us - LONGEST_BACKLOG_US
            next_us = max(due_us, earliest_us) + self._gap(crowd, trades)
            heapq.heapreplace(self._due, (next_us, index))
        return self._due[0][0]

    def _gap(self, crowd: "_Crowd", trades: int) -> int:
        """How long a symbol rests after a step: a step that made two trades counts for two."""
        pace = BURST_PACE if crowd.burst_steps else 1.0
        gap_us = self._mean_gap_us / pace * max(trades, 1)
        return max(1, int(gap_us * self._rng.expovariate(1.0)))


class _Crowd:
    """The traders of one symbol. Prices are counted in steps of the ladder; the fair price is a float of such steps."""

    def __init__(
        self,
        venue: Venue,
        symbol: str,
        rng: "Random",
        makers: Account,
        takers: Account,
    ) -> None:
        self._venue, self._symbol, self._rng = venue, symbol, rng
        self._makers, self._takers = makers, takers
        self._market: SymbolMarket = venue.market(symbol)
        rules = self._market.rules
        price = usual_price(rules)
        self._lot = rules.lot_size
        self._step = max(round_nearest(price * SPREAD, rules.tick_size), rules.tick_size)
        self._home = float(price / self._step) + 0.5
        self._fair = self._home
        self._drift = 0.0
        self._mean_lots = float(lots_worth(rules, TRADE_DOLLARS, price))
        least = rules.min_notional / price / rules.lot_size
        self._least_lots = max(1, math.ceil(least))
        self._orders: dict[Side, dict[int, OrderRecord]] = {Side.BUY: {}, Side.SELL: {}}
        self._center = math.floor(self._fair)
        self.burst_steps = 0
        self._requote()
        self.step()

    def step(self) -> int:
        """The fair price moves, the makers follow, one taker comes; gives the number of trades made."""
        first_trade_id = self._market.next_trade_id
        self._move()
        center = max(math.floor(self._fair), LADDER_LEVELS + 1)
        if center != self._center:
            self._center = center
            self._requote()
        self._take()
        self._refill()
        if self._rng.random() < 0.2:
            self._change_one()
        self._venue.report_book(self._symbol)
        return self._market.next_trade_id - first_trade_id

    def _move(self) -> None:
        rng = self._rng
        if self.burst_steps:
            self.burst_steps -= 1
        elif rng.random() < BURST_CHANCE:
            self.burst_steps = BURST_STEPS
            self._drift = rng.gauss(0.0, 0.3)
        self._drift *= 0.995
        homesick = 0.00002 * (self._home - self._fair)
        self._fair += rng.gauss(0.0, 0.25) + self._drift + homesick

    def _take(self) -> None:
        """One taker, more often in the direction in which the fair price lies; it goes three steps deep at most."""
        rng = self._rng
        tilt = 0.4 * (self._fair - self._center - 0.5) + self._drift
        lots = self._least_lots + int(rng.expovariate(1.0) * self._mean_lots)
        if rng.random() < 0.5 + max(-0.4, min(0.4, tilt)):
            side, limit = Side.BUY, self._center + 3
        else:
            side, limit = Side.SELL, self._center - 2
        self._place(self._takers, side, limit, lots, TimeInForce.IOC)

    def _requote(self) -> None:
        """Brings both ladders to where the fair price is: first away with what is in the way, then the new orders."""
        center = self._center
        for side, lowest in ((Side.BUY, center - LADDER_LEVELS + 1), (Side.SELL, center + 1)):
            ladder = self._orders[side]
            for index in [i for i in ladder if not lowest <= i < lowest + LADDER_LEVELS]:
                self._venue.cancel_house_order(ladder.pop(index))
        for distance in range(LADDER_LEVELS):
            self._quote(Side.BUY, center - distance)
            self._quote(Side.SELL, center + 1 + distance)
        self._ensure_depth()

    def _refill(self) -> None:
        """Replaces what the last taker ate: the orders from the best price on that have ended."""
        for side, best, direction in (
            (Side.BUY, self._center, -1),
            (Side.SELL, self._center + 1, 1),
        ):
            for distance in range(LADDER_LEVELS):
                if not self._quote(side, best + direction * distance):
                    break
        self._ensure_depth()

    def _change_one(self) -> None:
        """One maker changes its mind about a quantity, somewhere in the ladder."""
        side = Side.BUY if self._rng.random() < 0.5 else Side.SELL
        distance = self._rng.randrange(LADDER_LEVELS)
        index = self._center - distance if side is Side.BUY else self._center + 1 + distance
        order = self._orders[side].get(index)
        if order is not None:
            self._venue.cancel_house_order(order)
        self._quote(side, index)

    def _quote(self, side: Side, index: int) -> bool:
        """Places a maker's order where none is open; False if one is."""
        ladder = self._orders[side]
        order = ladder.get(index)
        if order is not None and order.is_open:
            return False
        distance = self._center - index if side is Side.BUY else index - self._center - 1
        lots = self._mean_lots * self._rng.uniform(1.0, 4.0) * (1.0 + 0.25 * distance)
        ladder[index] = self._place(
            self._makers, side, index, self._least_lots + int(lots), TimeInForce.GTC
        )
        return True

    def _ensure_depth(self) -> None:
        """A user's order beyond the whole ladder leaves one side empty: then the makers quote behind it."""
        book = self._market.engine.book
        for side in (Side.BUY, Side.SELL):
            if book.best_price(side) is not None:
                continue
            edge = book.best_price(side.opposite)
            if edge is None:
                continue
            index = int(edge / self._step)
            index = index - 1 if side is Side.BUY else index + 1
            if index > 0:
                self._orders[side][index] = self._place(
                    self._makers,
                    side,
                    index,
                    self._least_lots + int(self._mean_lots),
                    TimeInForce.GTC,
                )

    def _place(
        self, account: Account, side: Side, index: int, lots: int, time_in_force: TimeInForce
    ) -> OrderRecord:
        return self._venue.place_house_order(
            account, self._symbol, side, index * self._step, lots * self._lot, time_in_force
        )
