"""Methods that exist on a WebSocket API connection alone (web-socket-api.md, Authentication and User Data Stream)."""

from typing import Any

from actors.exchange.desk import Call, Method, Security
from actors.exchange.errors import VenueError
from actors.exchange.market_methods import fixed
from actors.exchange.parameters import Parameter, integer
from actors.exchange.signing import KeyKind


def log_on(call: Call) -> Any:
    """Makes the key that signed the connection's own; Ed25519 keys only."""
    key = call.key
    if key is None or key.kind is not KeyKind.ED25519:
        raise VenueError(-4056, "HMAC_SHA256 API key is not supported.")
    call.connection.log_on(key, call.now)
    return call.connection.status(call.now)


def status(call: Call) -> Any:
    """Who is logged on, and since when."""
    return call.connection.status(call.now)


def log_out(call: Call) -> Any:
    """Forgets the key; subscriptions made by signature stay."""
    call.connection.log_out()
    return call.connection.status(call.now)


def subscriptions(call: Call) -> Any:
    """The numbers of the active subscriptions."""
    return [{"subscriptionId": number} for number in call.connection.subscriptions]


def subscribe(call: Call) -> Any:
    """Subscribes the account that is logged on."""
    return {"subscriptionId": call.connection.subscribe(call.account.name, is_of_session=True)}


def subscribe_by_signature(call: Call) -> Any:
    """Subscribes the account whose key signed."""
    return {"subscriptionId": call.connection.subscribe(call.account.name, is_of_session=False)}


def unsubscribe(call: Call) -> Any:
    """Ends one subscription, or all."""
    call.connection.unsubscribe(call.values.get("subscriptionId"))
    return {}


SESSION_METHODS = (
    Method("session.logon", log_on, fixed(2), security=Security.SIGNED),
    Method("session.status", status, fixed(2)),
    Method("session.logout", log_out, fixed(2)),
    Method("session.subscriptions", subscriptions, fixed(2)),
    Method("userDataStream.subscribe", subscribe, fixed(2), security=Security.SESSION),
    Method(
        "userDataStream.subscribe.signature",
        subscribe_by_signature,
        fixed(2),
        security=Security.SIGNED,
    ),
    Method(
        "userDataStream.unsubscribe",
        unsubscribe,
        fixed(2),
        parameters=(Parameter("subscriptionId", integer),),
    ),
)
