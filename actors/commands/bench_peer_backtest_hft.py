"""A backtest benchmark's peer: hftbacktest, whose strategies are compiled by numba. A program of its own.

Its first line of standard input is a task in JSON (`BacktestTask`): `prepare` turns the file of trades into its own array,
`run` plays that to a moving-average cross. Its last line of standard output says what it has done. It needs nothing of
this project.

It fills market orders at the best price of a book, so once a second of trades the array gets a bid and an ask around the
last one: a fifth more rows, which are not counted as events.
"""

import importlib
import json
import sys
import time
from typing import Any

QUOTE_EVERY = 20
TICK = 0.01
FED = 2
"""Its word for one more event; any other is the end of the data."""


def prepare(task: dict[str, Any]) -> None:
    """Trades into the array of its events."""
    numpy: Any = importlib.import_module("numpy")
    types: Any = importlib.import_module("hftbacktest.types")
    table = numpy.loadtxt(task["file"], delimiter=",", usecols=(1, 2, 4), dtype=float)
    makers = numpy.loadtxt(task["file"], delimiter=",", usecols=5, dtype=str)
    seen = types.EXCH_EVENT | types.LOCAL_EVENT
    bid, ask = (types.DEPTH_EVENT | seen | side for side in (types.BUY_EVENT, types.SELL_EVENT))
    rows: list[tuple[Any, ...]] = []
    quoted = 0.0
    for number, ((price, quantity, time_ms), maker) in enumerate(zip(table, makers, strict=True)):
        time_ns = int(time_ms) * 1_000_000

        def quote(kind: int, at: float, size: float, time_ns: int = time_ns) -> None:
            rows.append((kind, time_ns, time_ns, at, size, 0, 0, 0.0))

        if number % QUOTE_EVERY == 0 and price != quoted:
            if quoted:
                quote(bid, quoted - TICK, 0.0)
                quote(ask, quoted + TICK, 0.0)
            quote(bid, price - TICK, 10.0)
            quote(ask, price + TICK, 10.0)
            quoted = price
        taker = types.SELL_EVENT if maker == "True" else types.BUY_EVENT
        quote(types.TRADE_EVENT | seen | taker, price, quantity)
    array = numpy.array(rows, dtype=types.event_dtype)
    numpy.savez(task["folder"], data=array)


def make_rule() -> Any:
    """The cross, compiled."""
    numba: Any = importlib.import_module("numba")
    order = importlib.import_module("hftbacktest.order")
    limit, in_force = order.MARKET, order.IOC

    @numba.njit  # type: ignore[untyped-decorator]
    def play(
        hbt: Any, by_fast: float, by_slow: float, margin: float, quantity: float
    ) -> tuple[int, int]:
        fast = slow = 0.0
        is_above = False
        events = orders = 0
        while True:
            word = hbt.wait_next_feed(False, 10**18)
            for trade in hbt.last_trades(0):
                events += 1
                price = trade.px
                if fast == 0.0:
                    fast = slow = price
                fast += (price - fast) * by_fast
                slow += (price - slow) * by_slow
                distance = fast - slow
                if is_above:
                    if distance < -margin:
                        is_above = False
                        orders += 1
                        hbt.submit_sell_order(0, orders, price, quantity, in_force, limit, False)
                elif distance > margin:
                    is_above = True
                    if hbt.position(0) < quantity / 2:
                        orders += 1
                        hbt.submit_buy_order(0, orders, price, quantity, in_force, limit, False)
            hbt.clear_last_trades(0)
            hbt.clear_inactive_orders(0)
            if word != FED:
                break
        return events, orders

    return play


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Plays the array; the compilation is no part of the run alone."""
    library: Any = importlib.import_module("hftbacktest")
    play = make_rule()
    array = importlib.import_module("numpy").load(f"{task['folder']}.npz")["data"]

    def make(data: Any) -> Any:
        asset = (
            library.BacktestAsset()
            .data(data)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.001, 0.001)
            .tick_size(TICK)
            .lot_size(0.001)
            .last_trades_capacity(1_000)
        )
        return library.HashMapMarketDepthBacktest([asset])

    numbers = (task["fast"], task["slow"], task["margin"], float(task["quantity"]))
    small = make(array[:100])
    play(small, *numbers)
    small.close()
    hbt = make(array)
    begin = time.perf_counter()
    events, orders = play(hbt, *numbers)
    seconds = time.perf_counter() - begin
    position = hbt.position(0)
    hbt.close()
    return {"events": events, "orders": orders, "seconds": seconds, "position": position}


def main() -> None:
    """Does what the task says."""
    task = json.loads(sys.stdin.readline())
    if task["step"] == "prepare":
        prepare(task)
        print("{}")
    else:
        print(json.dumps(run(task)))


if __name__ == "__main__":
    main()
