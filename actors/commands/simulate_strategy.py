"""A strategy for the rounds that uses every kind of order: brackets, pairs, stops, trailing stops, replacements."""

from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.enums import ReplaceMode, Side
from messages.market import Trade

BASIS_POINTS = 10_000
LEAST_TRAIL = 10
"""What Binance's symbols take (TRAILING_DELTA)."""

NEARER = 1 / 40
"""Where the order manager keeps the triggers: they go off within the seconds of a round, and what it does then is looked at."""


class EveryOrder(Strategy):
    """At every so many trades something else, by the dice: enter, protect, replace, cancel, get out."""

    def __init__(
        self, symbol: str, quantity: Decimal, every: int = 5, distance: float = 0.0015
    ) -> None:
        """`every`: how many trades lie between two of its deeds; `distance`: how far exits are, as a share of the price."""
        self.symbol, self.quantity, self.every = symbol, quantity, every
        self.distance = distance
        self.trades = 0

    def on_trade(self, trade: Trade) -> None:
        """Does something now and then."""
        self.trades += 1
        if self.trades % self.every:
            return
        self.set_distance(self.distance if self.is_venue_keeping else self.distance * NEARER)
        resting = self.open_orders(self.symbol)
        if len(resting) > 2:
            self.tidy(trade.price)
        elif self.free_quantity(self.symbol) >= self.quantity * Decimal("0.9"):
            self.protect(trade.price)
        elif not resting:
            self.enter(trade.price)
        else:
            self.tidy(trade.price)

    def set_distance(self, distance: float) -> None:
        """How far exits are, as a share of the price."""
        self.below, self.above = 1 - distance, 1 + distance
        self.far_below = 1 - distance * 4 / 3
        self.somewhat_below, self.just_below = 1 - distance * 2 / 3, 1 - distance / 3
        least = LEAST_TRAIL if self.is_venue_keeping else 1
        self.trail = max(round(distance * BASIS_POINTS), least)

    def on_resync(self, resync: Resync) -> None:
        """Its state is what it asks for anyway."""

    @property
    def is_venue_keeping(self) -> bool:
        """Whether its symbol takes stops, brackets and pairs; where not, the order manager keeps them."""
        instrument = self.instrument(self.symbol)
        return instrument is None or instrument.allows_oto

    def enter(self, price: float) -> None:
        """A bracket whose exits the market may reach within seconds, or an order that is to be replaced."""
        dice = self.random.randrange(4)
        near = self.random.choice((1.0002, 1.0, 0.9998))
        if dice == 0:
            self.buy(self.symbol, self.quantity, price * self.somewhat_below, time_to_cancel=3.0)
        elif dice == 1:
            self.bracket(
                self.symbol, self.quantity, price * near, price * self.below, time_to_cancel=3.0
            )
        else:
            self.bracket(
                self.symbol,
                self.quantity,
                price * near,
                price * self.below,
                price * self.above,
                time_to_cancel=3.0,
            )

    def protect(self, price: float) -> None:
        """Exits for what is held."""
        dice, held = self.random.randrange(5), self.free_quantity(self.symbol)
        if dice == 0:
            self.stop(self.symbol, held, price * self.below)
        elif dice == 1:
            self.stop(
                self.symbol, held, price * self.below, price * self.far_below, time_to_cancel=5.0
            )
        elif dice == 2:
            self.trailing_stop(self.symbol, held, self.trail)
        elif dice == 3:
            self.take_profit(self.symbol, held, price * self.above, time_to_cancel=5.0)
        else:
            self.bracket(self.symbol, held, None, price * self.below, price * self.above)

    def tidy(self, price: float) -> None:
        """One of its orders is replaced or canceled, or all is sold."""
        dice = self.random.randrange(5)
        order = self.random.choice(self.open_orders(self.symbol))
        if dice == 0:
            self.close(self.symbol)
        elif dice == 1:
            self.cancel(order.order_id)
        elif not order.list_id and order.side is Side.BUY:
            mode = self.random.choice((ReplaceMode.STOP_ON_FAILURE, ReplaceMode.ALLOW_FAILURE))
            self.replace(order.order_id, price * self.just_below, mode=mode)
        elif not order.list_id and order.stop_price:
            self.replace(order.order_id, stop_price=float(order.stop_price) * 1.0001)
