"""What is no HTTP and no WebSocket, and whole messages in every way that frames allow."""

import random

from tests.exchange.fuzz.requests import PATHS, VERBS
from tests.exchange.fuzz.wires import BINARY, PING, PONG, TEXT, UPGRADE, frame

SOCKET_PATHS = ("/ws-api/v3", "/ws", "/stream", "/ws/btcusdt@trade")
HEADS = (
    "GET /api/v3/ping HTTP/1.1\r\nHost: x\r\nX: {giant}\r\n\r\n",
    "GET /api/v3/ping?{giant} HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /api/v3/ping HTTP/1.1\r\n" + "X: y\r\n" * 5000 + "\r\n",
    "GET /api/v3/ping HTTP/9.9\r\nHost: x\r\n\r\n",
    "GET  /api/v3/ping\r\n\r\n",
    "GET /api/v3/ping HTTP/1.0\r\n\r\n",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Encoding: deflate\r\nContent-Length: 3\r\n\r\nabc",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nExpect: nothing\r\nContent-Length: 0\r\n\r\n",
    "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET http://example.com/api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /api/v3/ping HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
    "GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)
UPGRADES = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 99\r\n\r\n",
    "POST {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
)
BROKEN_FRAMES = (
    b"\x81\x05hello",  # not masked
    b"\x83\x80\0\0\0\0",  # a reserved opcode
    b"\xc1\x80\0\0\0\0",  # a reserved bit
    b"\x89\xfe\x00\x80\0\0\0\0" + b"x" * 128,  # a ping that is too long
    b"\x09\x80\0\0\0\0",  # a ping in pieces
    b"\x80\x80\0\0\0\0",  # goes on with what never began
    b"\x01\x80\0\0\0\0\x01\x80\0\0\0\0",  # begins anew before the end
    b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",  # of an absurd length
    b"\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xff\0\0\0\0",
    b"\x88\x81\0\0\0\0\x03",  # a close code of one byte
    b"\x88\x82\0\0\0\0\x00\x00",  # a close code that nobody may send
    b"\x88\x84\0\0\0\0\x03\xe8\xff\xfe",  # a reason that is no UTF-8
    b"\x88\x80\0\0\0\0",
    b"\x81\xfe\xff",  # half a head
)
GIANT = "a" * 100_000


def draw_broken(rng: random.Random) -> bytes:
    """Bytes for a connection of their own."""
    kind = rng.random()
    if kind < 0.2:
        return rng.randbytes(rng.randrange(1, 300)) + rng.choice((b"", b"\r\n\r\n"))
    if kind < 0.5:
        return rng.choice(HEADS).replace("{giant}", GIANT).encode("latin-1")
    path = rng.choice(SOCKET_PATHS)
    if kind < 0.65:
        return rng.choice(UPGRADES).format(path=path).encode() + rng.randbytes(rng.randrange(9))
    if kind < 0.7:
        whole = UPGRADE.format(path=path).encode()
        return whole[: rng.randrange(len(whole))]
    if kind < 0.75:
        return f"{rng.choice(VERBS)} {rng.choice(PATHS)} HTTP/1.1\r\n".encode()
    frames = rng.choice(BROKEN_FRAMES) if rng.random() < 0.7 else rng.randbytes(rng.randrange(200))
    return UPGRADE.format(path=path).encode() + frames


def draw_frames(rng: random.Random, message: bytes) -> bytes:
    """A message as frames: whole, in pieces, binary, or with pings and pongs in between."""
    kind = rng.random()
    if kind < 0.8:
        return frame(message)
    if kind < 0.86:
        return frame(message, BINARY)
    if kind < 0.9:
        return frame(rng.randbytes(rng.randrange(125)), rng.choice((PING, PONG))) + frame(message)
    cuts = sorted(rng.randrange(len(message) + 1) for _ in range(rng.randrange(1, 4)))
    parts = [message[a:b] for a, b in zip((0, *cuts), (*cuts, len(message)), strict=True)]
    frames = [
        frame(part, TEXT if not number else 0, is_final=number == len(parts) - 1)
        for number, part in enumerate(parts)
    ]
    return frame(b"between", PING).join(frames) if rng.random() < 0.3 else b"".join(frames)
