"""Balances: what is free, what is locked by resting orders, and what moves at a trade.

Nothing appears or vanishes: what an account pays, another gets, and fees go to the venue's own account. Only opening an
account and topping up a house account issue new funds, and the ledger adds up what was issued.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from actors.exchange import errors
from actors.exchange.history import OrderHistory
from actors.exchange.orders import ZERO

SMALLEST = Decimal("0.00000001")
BNB_DISCOUNT = Decimal("0.25")
"""What is taken off a fee that is paid in BNB (faqs/commission_faq.md)."""


@dataclass(slots=True)
class AssetBalance:
    """One asset of one account."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class Account:
    """One trader: balances, fee rates, orders, and who listens to its events.

    A house account belongs to a market source: it is topped up when it runs short, pays no fees, its orders pass no
    filters, and neither they nor its trades are remembered.
    """

    def __init__(
        self,
        name: str,
        uid: int,
        maker_fee: Decimal = ZERO,
        taker_fee: Decimal = ZERO,
        uses_bnb: bool = False,
        is_house: bool = False,
    ) -> None:
        self.name = name
        self.uid = uid
        self.maker_fee = maker_fee
        self.taker_fee = taker_fee
        self.uses_bnb = uses_bnb
        """Whether fees are paid in BNB as long as there is any."""
        self.is_house = is_house
        self.balances: dict[str, AssetBalance] = {}
        self.update_time_us = 0
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        """Each is called with every user data event of the account, in Binance's form, in the order of the events."""
        self.history = OrderHistory()

    def balance(self, asset: str) -> AssetBalance:
        """The balance of an asset, empty at first."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = AssetBalance()
        return balance


class Ledger:
    """The one place that moves funds."""

    def __init__(self) -> None:
        self.fees = Account("fees", 0)
        """Gets every fee."""
        self.issued: dict[str, Decimal] = {}
        """Per asset, all that was ever issued; equals the sum of all balances."""

    def issue(self, account: Account, asset: str, amount: Decimal) -> None:
        """Creates funds."""
        account.balance(asset).free += amount
        self.issued[asset] = self.issued.get(asset, ZERO) + amount

    def open(self, account: Account, balances: Mapping[str, Decimal]) -> None:
        """Gives a new account its first funds. Raises ValueError for less than zero or a ninth decimal."""
        for asset, amount in balances.items():
            if amount < 0 or amount != amount.quantize(SMALLEST):
                raise ValueError(
                    f"balance {amount} of {asset}: it must not be negative nor have more than 8 decimals"
                )
            self.issue(account, asset, amount)

    def lock(self, account: Account, asset: str, amount: Decimal) -> None:
        """Sets funds aside for an order.

        A house account that is short is topped up by a thousand times what it lacks, so that it rarely happens.
        Raises VenueError (-2010) if less is free.
        """
        balance = account.balance(asset)
        if balance.free < amount:
            if not account.is_house:
                raise errors.order_rejected(errors.INSUFFICIENT_BALANCE)
            self.issue(account, asset, (amount - balance.free) * 1000)
        balance.free -= amount
        balance.locked += amount

    def unlock(self, account: Account, asset: str, amount: Decimal) -> None:
        """Gives back what was set aside."""
        balance = account.balance(asset)
        balance.locked -= amount
        balance.free += amount

    def move(self, payer: Account, receiver: Account, asset: str, amount: Decimal) -> None:
        """Pays out of what the payer has locked into what the receiver has free."""
        payer.balance(asset).locked -= amount
        receiver.balance(asset).free += amount

    def charge(
        self,
        account: Account,
        asset: str,
        amount: Decimal,
        rate: Decimal,
        worth_in_bnb: Decimal | None,
    ) -> tuple[Decimal, str]:
        """Takes the fee on a received amount; gives the fee and its asset.

        In the received asset, cut to eight decimals, unless the account pays in BNB, what the amount is worth in BNB is
        known, and enough BNB is free.
        """
        fee, fee_asset = (amount * rate).quantize(SMALLEST, ROUND_DOWN), asset
        if account.uses_bnb and worth_in_bnb is not None:
            discounted = worth_in_bnb * rate * (1 - BNB_DISCOUNT)
            fee_in_bnb = discounted.quantize(SMALLEST, ROUND_DOWN)
            if account.balance("BNB").free >= fee_in_bnb:
                fee, fee_asset = fee_in_bnb, "BNB"
        if fee:
            account.balance(fee_asset).free -= fee
            self.fees.balance(fee_asset).free += fee
        return fee, fee_asset
