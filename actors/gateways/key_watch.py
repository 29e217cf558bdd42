"""Notices that the venue no longer takes the key: revoked, expired, or used from an address that it is not bound to.

The same code also refuses one action that the key may not do (trading, with a key that may only read). So a refusal alone
is only a doubt: the account is read, and if that is refused too, the key is gone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from actors.binance.errors import KEY_CODES, BinanceError, RequestRefused, is_about_key
from actors.gateways.errors import GatewayError, KeyGone, Refused

PAUSE_S = 10.0
"""The account is read at most so often for this, however many requests are refused."""

log = logging.getLogger(__name__)


class KeyWatch:
    """Takes note of refusals; `watch` runs beside the gateway until the key is gone."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self.pause_s = pause_s
        self._is_doubted = asyncio.Event()
        self._withdrawal: RequestRefused | None = None

    def note(self, error: Refused) -> None:
        """A refusal of some request."""
        if error.code in KEY_CODES:
            self._is_doubted.set()

    def withdraw(self, error: BinanceError) -> None:
        """An error that the venue has sent without being asked: if it is about the key, nothing is left to doubt."""
        if isinstance(error, RequestRefused) and is_about_key(error):
            self._withdrawal = error
            self._is_doubted.set()

    async def watch(self, read_account: Callable[[], Awaitable[None]]) -> None:
        """Raises Refused once the key is certain to be gone, and does not return before."""
        while True:
            await self._is_doubted.wait()
            if self._withdrawal is not None:
                raise key_is_gone(self._withdrawal.message, self._withdrawal.code)
            try:
                await read_account()
            except Refused as error:
                if error.code in KEY_CODES:
                    raise key_is_gone(str(error), error.code) from error
                log.warning("whether the key is still good is not known yet: %s", error)
            except (GatewayError, BinanceError) as error:
                log.warning("whether the key is still good is not known yet: %s", error)
            else:
                log.error("the key may read the account, but the venue refuses what it is used for")
                self._is_doubted.clear()
            await asyncio.sleep(self.pause_s)


def key_is_gone(text: str, code: int) -> KeyGone:
    """The end of a gateway."""
    return KeyGone(f"the venue says that the key is no longer good ({text})", code)
