"""A strategy that is too slow for its market: it loses prices, is told how many, and loses nothing about its orders."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from messages.codec import class_name_of, decoder_of
from messages.control import Gap
from messages.enums import Reason
from messages.market import Trade
from messages.orders import OrderUpdate
from messages.recording import Entry, Output, Record, read_recording
from tests.commands.harness import BotProcess, LocalVenue, wait_until

SLOW = '[[actors]]\nclass = "my_bot.Slow"\nsymbol = "BTCUSDT"\nquantity = "0.001"\n'
ORDER_EVENTS = ("OrderUpdate", "Fill")


def test_prices_are_conflated_and_dropped_and_order_events_are_not(
    start_venue: Callable[..., LocalVenue],
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
) -> None:
    venue = start_venue("--rate", "5000", "--order-limit", "100000")
    shutil.copy(Path(__file__).with_name("slow_bot.py"), tmp_path / "my_bot.py")
    recording = tmp_path / "run.recording"
    file = venue.write_configuration(tmp_path, SLOW)
    bot = start_bot("--config", file, "--record", recording)
    wait_until(
        lambda: (
            has_recorded(recording, b"\xa3Gap", 5)
            and has_recorded(recording, b"\xabOrderUpdate", 12)
        ),
        "some gaps that the strategy was told of, and events of its orders, as they were sent and as they were handled",
    )
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    slow = ended.summary["actors"]["Slow"]
    assert slow["restarts"] == 0
    assert slow["conflated"] > 100
    assert slow["dropped"] > 0
    assert ended.summary["dropped"] == slow["dropped"]
    assert ended.summary["conflated"] >= slow["conflated"]
    assert f"{slow['dropped']} dropped" in ended.stdout

    records = list(read_recording(recording))
    told = check_trades(records)
    assert 0 < told <= slow["dropped"]
    check_order_events(records)
    executed = venue.trades()
    assert executed
    assert ended.summary["fills"] == len(executed)
    assert venue.open_ids() == []


def has_recorded(recording: Path, tag: bytes, count: int) -> bool:
    """Whether the name of a class stands in it more often than that; repetitions may be packed away."""
    return recording.exists() and recording.read_bytes().count(tag) > count


def check_trades(records: list[Record]) -> int:
    """Every hole in the trades' own numbers was told, by its exact size, before the next trade; the sum of the holes."""
    last: int | None = None
    pending = told = 0
    for record in records:
        if not isinstance(record, Entry) or record.actor != "Slow":
            continue
        name = class_name_of(record.frame)
        if name == "Gap":
            gap = decoder_of(Gap).decode(record.frame)
            if gap.message_class == "Trade":
                pending += gap.count
                told += gap.count
        elif name == "Trade":
            number = decoder_of(Trade).decode(record.frame).trade_id
            assert last is None or number == last + 1 + pending
            last, pending = number, 0
    return told


def check_order_events(records: list[Record]) -> None:
    """Every order event that was sent was handled, once and in order; but for refusals after the end had begun."""
    sent = [
        item.frame
        for item in records
        if isinstance(item, Output)
        and item.actor == "order_manager"
        and class_name_of(item.frame) in ORDER_EVENTS
    ]
    handled = [
        item.frame
        for item in records
        if isinstance(item, Entry)
        and item.actor == "Slow"
        and class_name_of(item.frame) in ORDER_EVENTS
    ]
    assert len(handled) > 10
    assert handled == sent[: len(handled)]
    for frame in sent[len(handled) :]:
        assert class_name_of(frame) == "OrderUpdate"
        assert decoder_of(OrderUpdate).decode(frame).reason is Reason.HALTED
