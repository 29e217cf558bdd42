"""The chain of causes of a message in a recording, from it back to the tick."""

from pathlib import Path
from typing import Any

import msgspec

from messages.recording import Entry, Output, read_recording

LONGEST = 12


def describe_frame(frame: bytes) -> str:
    """Class, id, time and the first fields of an encoded message."""
    fields = msgspec.msgpack.decode(frame)
    return f"{fields[0]} {fields[1]}:{fields[2]} {' '.join(map(short, fields[7:12]))}"


def short(field: Any) -> str:
    """A field as a few characters."""
    text = str(field)
    return text if len(text) <= 40 else f"{text[:37]}..."


def chain_of(recording: Path, frame: bytes) -> list[str]:
    """What led to a message, nearest first; each cause is looked up in the recording."""
    chain: list[str] = []
    fields = msgspec.msgpack.decode(frame)
    while fields[3] and len(chain) < LONGEST:
        wanted = (fields[3], fields[4])
        found = find_message(recording, wanted)
        if found is None:
            chain.append(f"{wanted[0]}:{wanted[1]} (not in the recording)")
            break
        chain.append(describe_frame(found))
        fields = msgspec.msgpack.decode(found)
    return chain


def find_message(recording: Path, wanted: tuple[str, int]) -> bytes | None:
    """The frame with this id, as it was sent or handled."""
    needle = msgspec.msgpack.encode(wanted[0])
    for record in read_recording(recording):
        if isinstance(record, Entry | Output) and needle in record.frame[:96]:
            fields = msgspec.msgpack.decode(record.frame)
            if (fields[1], fields[2]) == wanted:
                return record.frame
    return None
