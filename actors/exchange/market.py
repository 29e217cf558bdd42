"""One symbol at the venue: its rules, its matching engine, what it has traded, and its next trade id."""

from actors.exchange.matching import MatchingEngine
from actors.exchange.symbols import SymbolRules
from actors.exchange.tape import Tape

FIRST_PRIVATE_TRADE_ID = 1_000_000_000_000
"""Where a recording is the public tape, the trades of accounts are numbered from here, above all recorded ids."""


class SymbolMarket:
    """The state of one symbol."""

    def __init__(self, rules: SymbolRules) -> None:
        self.rules = rules
        self.engine = MatchingEngine(rules.lot_size)
        self.tape = Tape()
        self.next_trade_id = 1
        self.has_recorded_tape = False
        self.reported_update_id = 0
        """The book's update id that listeners were last told of."""

    def take_recorded_tape(self) -> None:
        """From now on only recorded trades are public; matches here are known to their accounts alone."""
        self.has_recorded_tape = True
        self.next_trade_id = max(self.next_trade_id, FIRST_PRIVATE_TRADE_ID)

    def take_trade_id(self) -> int:
        """The next trade id of this symbol."""
        trade_id = self.next_trade_id
        self.next_trade_id += 1
        return trade_id
