"""What every Python client's script does alike: where the exchange is, a cut, and the account of what was seen.

Nothing of the project is imported: a client's environment holds the client alone.
"""

import json
import os
import sys
import traceback
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

SYMBOL = "BTCUSDT"
REST, STREAMS, WS_API = (os.environ[f"EXCHANGE_{name}"] for name in ("REST", "STREAMS", "WS_API"))
KEY, SECRET = os.environ["EXCHANGE_API_KEY"], os.environ["EXCHANGE_API_SECRET"]
ED25519_KEY = os.environ["EXCHANGE_ED25519_API_KEY"]
ED25519_PEM = os.environ["EXCHANGE_ED25519_PRIVATE_KEY"]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def cut(channel: str = "market") -> None:
    """Every connection of this channel is reset, as by a network that fails."""
    rule = {"kind": "sockets_dropped", "channel": channel, "reset": True}
    body = json.dumps({"faults": [rule]}).encode()
    request = urllib.request.Request(f"{os.environ['EXCHANGE_CONTROL']}/faults", body)
    DIRECT.open(request, timeout=5).close()


def below(price: Any, share: float = 0.9) -> str:
    """A price so far below that it rests."""
    return f"{float(price) * share:.2f}"


def tell(
    orders: Iterable[Any],
    balances: Any,
    trades: Iterable[Any],
    events: Iterable[Any],
    streams: Iterable[Any],
) -> NoReturn:
    """Prints what was seen, in the venue's own words, and ends the process, whatever the client still has open.

    Orders are (number, status, executed quantity), events (order's number, execution type), trades their numbers;
    `streams` is what came of market data: before the connection was reset, after it, and perhaps of another stream.
    """
    seen = {
        "orders": [[int(number), status, executed] for number, status, executed in orders],
        "balances": balances,
        "trades": [int(number) for number in trades],
        "events": sorted({(int(number), kind) for number, kind in events}),
        "streams": list(streams),
    }
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
    os._exit(0)


def tell_answers(
    orders: Iterable[dict[str, Any]],
    account: dict[str, Any],
    trades: Iterable[dict[str, Any]],
    events: Iterable[Any],
    streams: Iterable[Any],
) -> NoReturn:
    """As `tell`, of the venue's answers as they came: each order's query, the account, its trades."""
    tell(
        [(row["orderId"], row["status"], row["executedQty"]) for row in orders],
        balances_of(account["balances"]),
        [row["id"] for row in trades],
        events,
        streams,
    )


def run(main: Callable[[], None]) -> NoReturn:
    """Runs the script of a client that leaves threads behind, which would keep alive a process that has failed."""
    try:
        main()
    except Exception:
        traceback.print_exc()
    os._exit(1)


def balances_of(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    """The venue's balances by asset: free and locked."""
    return {row["asset"]: [row["free"], row["locked"]] for row in rows}


def is_report(event: dict[str, Any], kind: str) -> bool:
    """Whether a user event reports an execution of this type."""
    return event.get("e") == "executionReport" and event.get("x") == kind


def reports_of(events: Iterable[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """The order's number and the execution type of each execution report."""
    return [(event["i"], event["x"]) for event in events if event.get("e") == "executionReport"]
