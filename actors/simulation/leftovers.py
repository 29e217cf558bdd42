"""The timers that a program leaves over at its end: all that could still do something.

aiohttp leaves two kinds behind that cannot, and only in the state in which they cannot are they let pass: a WebSocket's
heartbeat, started again by data that arrive while the socket closes, once it is closed; and a request's time-out, when its
session was closed before the answer was read, once no task waits under it.
"""

import asyncio
from collections.abc import Iterable
from typing import Any


def describe_timers(timers: Iterable[asyncio.TimerHandle]) -> list[str]:
    """The functions that these timers call, without those that find nothing to do."""
    return [describe(timer) for timer in timers if not is_spent(timer)]


def describe(handle: asyncio.TimerHandle) -> str:
    """The function that a timer calls."""
    callback = getattr(handle, "_callback", None)
    return getattr(callback, "__qualname__", None) or type(callback).__name__


def is_spent(handle: asyncio.TimerHandle) -> bool:
    """Whether it is one of aiohttp's that finds nothing to do."""
    owner: Any = getattr(getattr(handle, "_callback", None), "__self__", None)
    name = describe(handle)
    if name == "ClientWebSocketResponse._send_heartbeat":
        return bool(owner.closed)
    if name == "TimeoutHandle.__call__":
        return not any(waiting_tasks(callback) for callback, *_ in owner._callbacks)
    return False


def waiting_tasks(callback: Any) -> list[Any]:
    """The tasks that a time-out would cancel."""
    context = getattr(callback, "__self__", None)
    return list(getattr(context, "_tasks", [context]))
