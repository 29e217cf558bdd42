"""The exchange's ledger with a choice of the asset in which fees are taken."""

from decimal import ROUND_DOWN, Decimal

from actors.backtest.settings import FeeAsset
from actors.exchange.accounts import SMALLEST, Account, Ledger


class FeeLedger(Ledger):
    """Takes fees in the quote or the base asset whatever the side, where an account has enough of it free.

    Otherwise, as on Binance, in the asset that the trade brought in.
    """

    def __init__(self, fee_asset: FeeAsset) -> None:
        super().__init__()
        self.fee_asset = fee_asset
        self._match: list[tuple[str, Decimal]] = []

    def move(self, payer: Account, receiver: Account, asset: str, amount: Decimal) -> None:
        """Moves funds, and remembers the two amounts of the match: first the quote asset's, then the base asset's."""
        super().move(payer, receiver, asset, amount)
        if len(self._match) == 2:
            self._match = []
        self._match.append((asset, amount))

    def charge(
        self,
        account: Account,
        asset: str,
        amount: Decimal,
        rate: Decimal,
        worth_in_bnb: Decimal | None,
    ) -> tuple[Decimal, str]:
        """Takes the fee on a received amount; gives the fee and its asset."""
        wanted = None
        if self.fee_asset is FeeAsset.QUOTE:
            wanted = self._match[0]
        elif self.fee_asset is FeeAsset.BASE:
            wanted = self._match[1]
        if wanted is not None:
            fee_asset, traded = wanted
            fee = (traded * rate).quantize(SMALLEST, ROUND_DOWN)
            if account.balance(fee_asset).free >= fee:
                account.balance(fee_asset).free -= fee
                self.fees.balance(fee_asset).free += fee
                return fee, fee_asset
        return super().charge(account, asset, amount, rate, worth_in_bnb)
