"""What a WebSocket client has said, out of the bytes that it wrote: it masks them (RFC 6455, section 5.3)."""

TEXT, BINARY = 0x81, 0x82
MASKED = 0x80
SHORT, LONG = 126, 127
MASK_BYTES = 4


def unmask(data: bytes) -> bytes:
    """The payload of one whole masked message at the beginning of `data`; what is none comes back as it is."""
    if len(data) < 2 or data[0] not in (TEXT, BINARY) or not data[1] & MASKED:
        return data
    start = 2 + {SHORT: 2, LONG: 8}.get(data[1] & 0x7F, 0)
    mask, payload = data[start : start + MASK_BYTES], data[start + MASK_BYTES :]
    if len(mask) < MASK_BYTES:
        return data
    stream = (mask * (len(payload) // MASK_BYTES + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return number.to_bytes(len(payload), "big")
