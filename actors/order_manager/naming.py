"""Client order ids: `<bot>-<strategy>-<run>-<counter>`, never used twice, and told from everybody else's.

Binance takes at most 36 characters of [A-Za-z0-9_-] (rest-api.md, New order), and its web application firewall stops
requests whose ids hold SQL keywords (CHANGELOG, 2025-12-09). The number of the run is durable and only grows, the counter
only grows within it: so an id is never used again, whatever was lost in between. Venues other than Binance get the same
ids: nobody asks for less.
"""

import hashlib
import re

MAXIMUM_LENGTH = 36
BOT_LENGTH = 9
STRATEGY_LENGTH = 12
NUMBER_LENGTH = 6
HASH_LENGTH = 6
"""9 + 12 + 6 + 6 and three hyphens are 36 characters."""
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PLAIN = re.compile(r"[A-Za-z0-9_]+")
KEYWORDS = (
    *("select", "insert", "update", "delete", "drop", "union", "alter", "create", "exec", "cast"),
    *("truncate", "where", "from", "table", "into", "join", "having", "grant", "merge", "declare"),
)
KEYWORD = re.compile("|".join(KEYWORDS))


def find_keyword(text: str) -> str | None:
    """The SQL keyword that a text holds, in any case, or None."""
    found = KEYWORD.search(text.lower())
    return found[0] if found is not None else None


def shorten(name: str, length: int) -> str:
    """A name as a part of an id: itself where it fits and is plain, else its head and a hash of the whole."""
    if len(name) <= length and PLAIN.fullmatch(name) and find_keyword(name) is None:
        return name
    head = re.sub(r"[^A-Za-z0-9]", "", name)[: length - HASH_LENGTH - 1]
    if find_keyword(head):
        head = ""
    # Hexadecimal digits spell no keyword.
    digest = hashlib.blake2s(name.encode(), digest_size=HASH_LENGTH // 2).hexdigest()
    return f"{head}_{digest}" if head else digest


def to_base36(number: int) -> str:
    """A number that is not negative, in the digits 0-9 and a-z."""
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
        if not number:
            return text


class OrderNames:
    """Gives client order ids and recognises its own."""

    def __init__(self, bot: str, run: int, first: int = 0) -> None:
        """`first` lies above every counter that this run has used before.

        Raises ValueError for an empty name, a negative run, or one too great to be named.
        """
        if not bot:
            raise ValueError("bot: the bot needs a name; it marks its orders at the venue")
        if run < 0:
            raise ValueError(f"the run's number must be 0 or more, not {run}")
        self.bot = shorten(bot, BOT_LENGTH)
        self.counter = first
        self.parts: dict[str, str] = {}
        self.strategies: dict[str, str] = {}
        self._heads: dict[str, tuple[int, str]] = {}
        """By strategy a counter without its last digit, and what all ids of these counters begin with."""
        number = f"[0-9a-z_]{{1,{NUMBER_LENGTH}}}"
        strategy = f"[A-Za-z0-9_]{{1,{STRATEGY_LENGTH}}}"
        self.pattern = re.compile(f"{re.escape(self.bot)}-({strategy})-({number})-{number}")
        self.move_to(run)

    def move_to(self, run: int) -> None:
        """Names orders by this run's number from now on. Raises ValueError for one too great to be named."""
        self.run_number = run
        self._heads.clear()
        self.run = to_base36(run)
        if find_keyword(self.run):
            self.run = f"{self.run[:2]}_{self.run[2:]}"
        if len(self.run) > NUMBER_LENGTH:
            raise ValueError(f"run {run}: no client order ids are left; give the bot a new name")

    def register(self, strategy: str) -> str:
        """Makes a strategy known, so that its name is recognised in its orders' ids; its part of them."""
        part = self.parts.get(strategy)
        if part is None:
            part = self.parts[strategy] = shorten(strategy, STRATEGY_LENGTH)
            self.strategies.setdefault(part, strategy)
        return part

    def next(self, strategy: str) -> str:
        """A new client order id.

        Raises OverflowError when this run has used all of its ids, two thousand million.
        """
        while True:
            self.counter += 1
            first, last = divmod(self.counter, 36)
            head = self._heads.get(strategy)
            if head is None or head[0] != first:
                head = self._heads[strategy] = (first, self._build_head(strategy, first))
            name = head[1] + DIGITS[last]
            # No keyword is shorter than four letters, and none reaches over a hyphen.
            if first < 36**2 or find_keyword(name) is None:
                return name

    def _build_head(self, strategy: str, first: int) -> str:
        digits = to_base36(first) if first else ""
        if len(digits) >= NUMBER_LENGTH:
            raise OverflowError("this run has used all its client order ids; restart the bot")
        return f"{self.bot}-{self.register(strategy)}-{self.run}-{digits}"

    def is_ours(self, client_order_id: str) -> bool:
        """Whether this bot gave the id, in this run or an earlier one."""
        return self.pattern.fullmatch(client_order_id) is not None

    def find_run(self, client_order_id: str) -> int | None:
        """The number of the run that gave an id of ours; None for an id that is not ours."""
        match = self.pattern.fullmatch(client_order_id)
        digits = match[2].replace("_", "") if match else ""
        return int(digits, 36) if digits else None

    def find_strategy(self, client_order_id: str) -> str | None:
        """The strategy that an id of ours names; None for an id that is not ours.

        A strategy that this run does not know is named as the id names it.
        """
        match = self.pattern.fullmatch(client_order_id)
        return self.strategies.get(match[1], match[1]) if match else None
