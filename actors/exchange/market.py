"""One symbol at the venue: its rules, its matching engine, what it has traded, and its next trade id."""

from collections import deque

from actors.exchange.matching import MatchingEngine
from actors.exchange.orders import OrderList, OrderRecord, PublicTrade
from actors.exchange.symbols import SymbolRules
from actors.exchange.tape import Tape
from actors.exchange.triggers import Triggers

FIRST_PRIVATE_TRADE_ID = 1_000_000_000_000
"""Where a recording is the public tape, the trades of accounts are numbered from here, above all recorded ids."""


class SymbolMarket:
    """The state of one symbol."""

    def __init__(self, rules: SymbolRules) -> None:
        self.rules = rules
        self.engine = MatchingEngine(rules.lot_size)
        self.tape = Tape()
        self.next_trade_id = 1
        self.triggers = Triggers()
        self.order_lists: dict[int, OrderList] = {}
        """The lists that are not done, by their ids."""
        self.due: deque[OrderRecord | OrderList] = deque()
        """What has been set off and is to be applied next: orders that triggered, lists whose first order is filled."""
        self.is_following_up = False
        self.prevented_matches = 0
        self.has_recorded_tape = False
        self.reported_update_id = 0
        """The book's update id that listeners were last told of."""

    def take_recorded_tape(self) -> None:
        """From now on only recorded trades are public; matches here are known to their accounts alone."""
        self.has_recorded_tape = True
        self.next_trade_id = max(self.next_trade_id, FIRST_PRIVATE_TRADE_ID)

    def print(self, trade: PublicTrade) -> None:
        """Puts a trade on the tape; what its price sets off is due."""
        self.tape.add(trade)
        if self.triggers:
            self.due.extend(self.triggers.observe(trade.price, trade.time_us))

    def take_prevented_match_id(self) -> int:
        """The next number of a prevented match of this symbol, from 0."""
        self.prevented_matches += 1
        return self.prevented_matches - 1

    def take_trade_id(self) -> int:
        """The next trade id of this symbol."""
        trade_id = self.next_trade_id
        self.next_trade_id += 1
        return trade_id
