"""What one WebSocket API connection is to the venue: who has logged on, and which accounts' events it gets.

Sources: web-socket-api.md, Session Authentication and User Data Stream requests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from actors.exchange.errors import VenueError, unauthorized
from actors.exchange.signing import ApiKey
from actors.exchange.times import ENCODERS, Time, TimeUnit

MAXIMUM_ACTIVE_SUBSCRIPTIONS = 1000
MAXIMUM_SUBSCRIPTIONS = 65_535
REVOKED = msgspec.json.encode(
    {
        "id": None,
        "status": unauthorized().http_status,
        "error": {"code": unauthorized().code, "msg": unauthorized().message},
    }
)
"""What a connection is told, without being asked, when its key has become invalid (web-socket-api.md, API key revocation)."""


class SessionRevoked(VenueError):
    """A request that rests on a logon whose key has become invalid; the answer to it is the `REVOKED` message alone."""

    def __init__(self) -> None:
        found = unauthorized()
        super().__init__(found.code, found.message, found.http_status)


@dataclass(slots=True)
class Subscription:
    """One account's events on one connection. `is_of_session`: made after a logon, and ends at the logout."""

    number: int
    account: str
    is_of_session: bool
    time_unit: TimeUnit
    send: Callable[[bytes], None]

    def deliver(self, event: bytes) -> None:
        """Sends an event's JSON in the envelope of this subscription."""
        self.send(b'{"subscriptionId":%d,"event":%b}' % (self.number, event))


class UserStreams:
    """Every account's subscriptions; an event is encoded once for each unit of time, however many connections get it."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, list[Subscription]] = {}

    def add(self, subscription: Subscription) -> None:
        """From now on events of its account reach the subscription."""
        self.subscriptions.setdefault(subscription.account, []).append(subscription)

    def remove(self, subscription: Subscription) -> None:
        """No event reaches the subscription any more."""
        present = self.subscriptions.get(subscription.account, [])
        if subscription in present:
            present.remove(subscription)

    def publish(self, account: str, event: dict[str, Any]) -> None:
        """Hands an event of an account to its subscriptions."""
        if present := self.subscriptions.get(account):
            payloads: dict[TimeUnit, bytes] = {}
            for subscription in tuple(present):
                unit = subscription.time_unit
                if (payload := payloads.get(unit)) is None:
                    payload = payloads[unit] = ENCODERS[unit].encode(event)
                subscription.deliver(payload)


@dataclass(slots=True)
class Session:
    """The state of one connection. What `after_reply` holds runs when the reply is on the wire, in its order.

    So the reply to a subscription precedes every event of it, and the word that a stream has ended follows the reply
    that ended it.
    """

    streams: UserStreams
    send: Callable[[bytes], None]
    clock: Callable[[], int]
    returns_rate_limits: bool = True
    time_unit: TimeUnit = TimeUnit.MILLISECOND
    key: ApiKey | None = None
    authorized_since: int | None = None
    connected_since: int = 0
    made: int = 0
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    after_reply: list[Callable[[], None]] = field(default_factory=list)

    def log_on(self, key: ApiKey, now: int) -> None:
        """Makes `key` the one of this connection; `now` in microseconds."""
        self.key, self.authorized_since = key, now

    def log_out(self) -> None:
        """Forgets the key, and ends the subscriptions that rest on it."""
        self.key = self.authorized_since = None
        for subscription in tuple(self.subscriptions.values()):
            if subscription.is_of_session:
                self.end(subscription)

    def revoke(self) -> None:
        """Sends the unsolicited word that the key does not work; whoever was logged on no longer is."""
        self.send(REVOKED)
        self.log_out()
        self.replied()

    def subscribe(self, account: str, is_of_session: bool) -> int:
        """A new subscription's number; events flow once the reply is out.

        Raises VenueError -2035 if the account is subscribed already, -2042 when the numbers are used up.
        """
        if any(one.account == account for one in self.subscriptions.values()):
            raise VenueError(-2035, "User Data Stream subscription already active.")
        if (
            self.made >= MAXIMUM_SUBSCRIPTIONS
            or len(self.subscriptions) >= MAXIMUM_ACTIVE_SUBSCRIPTIONS
        ):
            raise VenueError(-2042, "Maximum subscription ID reached for this connection.")
        subscription = Subscription(self.made, account, is_of_session, self.time_unit, self.send)
        self.made += 1
        self.subscriptions[subscription.number] = subscription
        self.after_reply.append(lambda: self.streams.add(subscription))
        return subscription.number

    def unsubscribe(self, number: int | None) -> None:
        """Ends one subscription, or all without a number. Raises VenueError -2036 for one that is not active."""
        if number is None:
            for subscription in tuple(self.subscriptions.values()):
                self.end(subscription)
        elif number in self.subscriptions:
            self.end(self.subscriptions[number])
        else:
            raise VenueError(-2036, "User Data Stream subscription not active.")

    def end(self, subscription: Subscription) -> None:
        """Ends a subscription; its last event says so (user-data-stream.md, eventStreamTerminated)."""
        del self.subscriptions[subscription.number]
        self.streams.remove(subscription)
        event = {"e": "eventStreamTerminated", "E": Time(self.clock())}
        payload = ENCODERS[self.time_unit].encode(event)
        self.after_reply.append(lambda: subscription.deliver(payload))

    def replied(self) -> None:
        """Runs what waited for the reply."""
        for action in self.take_after_reply():
            action()

    def take_after_reply(self) -> list[Callable[[], None]]:
        """What waits for the reply to the request just executed, to be run by the caller when it is on the wire."""
        waiting, self.after_reply = self.after_reply, []
        return waiting

    def end_all(self) -> None:
        """Ends every subscription, unasked."""
        self.unsubscribe(None)
        self.replied()

    def close(self) -> None:
        """The connection is gone: nothing more is delivered."""
        for subscription in self.subscriptions.values():
            self.streams.remove(subscription)
        self.subscriptions.clear()

    def status(self, now: int) -> dict[str, Any]:
        """The answer of `session.status`; `now` in microseconds."""
        since = self.authorized_since
        return {
            "apiKey": self.key.key if self.key else None,
            "authorizedSince": Time(since) if since is not None else None,
            "connectedSince": Time(self.connected_since),
            "returnRateLimits": self.returns_rate_limits,
            "serverTime": Time(now),
            "userDataStream": bool(self.subscriptions),
        }
