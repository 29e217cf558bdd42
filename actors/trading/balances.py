"""The account as the venue states it: absolute balances, the newest statement of each asset."""

from collections.abc import Iterable
from decimal import Decimal

from messages.account import Balance
from messages.enums import Exchanges


class Balances:
    """Balances per (exchange, asset), by the venue's clock: an older statement never replaces a newer one.

    Of two statements of one instant the later arrival holds. A statement without a time is taken as it comes.
    """

    def __init__(self) -> None:
        self._balances: dict[tuple[Exchanges, str], Balance] = {}
        self._time_ns: dict[tuple[Exchanges, str], int] = {}

    def apply(self, balance: Balance) -> bool:
        """Takes one statement; False if it is older than what is known, and nothing changed."""
        key = (balance.exchange, balance.asset)
        known_ns = self._time_ns.get(key, 0)
        if 0 < balance.event_time_ns < known_ns:
            return False
        self._balances[key] = balance
        self._time_ns[key] = max(known_ns, balance.event_time_ns)
        return True

    def apply_snapshot(
        self, exchange: Exchanges, balances: Iterable[Balance], event_time_ns: int
    ) -> list[Balance]:
        """Takes the whole account at one moment; an asset it leaves out is empty. Those that it changed."""
        changed, named = [], set()
        for balance in balances:
            named.add(balance.asset)
            before = self._balances.get((exchange, balance.asset))
            stamped = Balance(
                exchange=exchange,
                asset=balance.asset,
                free=balance.free,
                locked=balance.locked,
                event_time_ns=balance.event_time_ns or event_time_ns,
            )
            if self.apply(stamped) and (
                before is None or (before.free, before.locked) != (stamped.free, stamped.locked)
            ):
                changed.append(stamped)
        for venue, asset in list(self._balances):
            known = self._balances[venue, asset]
            if venue is not exchange or asset in named or not known.total:
                continue
            empty = Balance(
                exchange=exchange,
                asset=asset,
                free=Decimal(0),
                locked=Decimal(0),
                event_time_ns=event_time_ns,
            )
            if self.apply(empty):
                changed.append(empty)
        return changed

    def get(self, exchange: Exchanges, asset: str) -> Balance | None:
        """The newest statement about an asset, or None if the venue has made none."""
        return self._balances.get((exchange, asset))

    def free(self, exchange: Exchanges, asset: str) -> Decimal | None:
        """What is free of an asset, or None if the venue has made no statement about it."""
        balance = self._balances.get((exchange, asset))
        return balance.free if balance is not None else None

    def all(self, exchange: Exchanges | None = None) -> list[Balance]:
        """The newest statement about each asset, by exchange and asset."""
        keys = sorted(key for key in self._balances if exchange is None or key[0] is exchange)
        return [self._balances[key] for key in keys]
