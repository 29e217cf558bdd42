"""What a venue's rules were when they were told last, and what of them has changed since. Pure."""

from decimal import Decimal

import msgspec

from messages.base import HEADER_FIELDS
from messages.enums import SymbolStatus
from messages.instruments import Instrument

ZERO = Decimal(0)
TOLD = frozenset({*HEADER_FIELDS, "event_time_ns"})
"""What says when and by whom rules were told, and nothing of the rules themselves."""


class InstrumentRules:
    """The rules told so far, by symbol."""

    def __init__(self) -> None:
        self.known: dict[str, Instrument] = {}
        self.fees = (ZERO, ZERO)
        """Maker's and taker's, as fractions: the account tells them, the rules of its symbols lack them."""

    def take_fees(self, maker_fee: Decimal, taker_fee: Decimal) -> list[Instrument]:
        """What must be told because the account pays other fees than were known."""
        self.fees = (maker_fee, taker_fee)
        return self.find_news([msgspec.structs.replace(each) for each in self.known.values()])

    def learn(self, instruments: list[Instrument]) -> None:
        """These rules are told now, with the fees that are known by now."""
        for instrument in instruments:
            instrument.maker_fee, instrument.taker_fee = self.fees
        self.known.update({instrument.symbol: instrument for instrument in instruments})

    def find_news(self, read: list[Instrument]) -> list[Instrument]:
        """What must be told after reading all known symbols again.

        A symbol that the venue no longer knows does not trade: its rules stay, with the status HALT.
        """
        for instrument in read:
            instrument.maker_fee, instrument.taker_fee = self.fees
        found = {instrument.symbol: instrument for instrument in read}
        news = []
        for symbol, before in self.known.items():
            now = found.get(symbol)
            if now is None:
                now = msgspec.structs.replace(before, status=SymbolStatus.HALT)
            if not have_same_rules(now, before):
                news.append(now)
        self.learn(news)
        return news


def have_same_rules(first: Instrument, second: Instrument) -> bool:
    """Whether two tellings of an instrument differ in nothing but when and by whom they were told."""
    return all(
        getattr(first, name) == getattr(second, name)
        for name in first.__struct_fields__
        if name not in TOLD
    )
