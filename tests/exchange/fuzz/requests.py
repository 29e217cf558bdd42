"""Requests as bytes on the wire, drawn from a seeded generator: HTTP, WebSocket API messages, stream messages."""

import hashlib
import hmac
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import msgspec

from actors.exchange.methods import METHODS
from actors.exchange.signing import KeyPair
from tests.exchange.fuzz.hostile import (
    HOSTILE,
    NAMES,
    SHELL_NAMES,
    draw_parameters,
    draw_trading,
    value_of,
)

BY_NAME = {method.name: method for method in METHODS}
WITH_PATH = [method for method in METHODS if method.path]
SIGNED = frozenset(method.name for method in METHODS if method.security.value == "SIGNED")
STREAM_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
PATHS = (
    *("/", "//", "/api", "/api/v3", "/api/v3/", "/api/v3/order/", "/API/V3/ORDER", "/sapi/v1/x"),
    *("/api/v1/ping", "/api/v3/userDataStream", "/api/v3/%6frder", "/api/v3/../v3/order", "/ws"),
    *("/ws-api/v3", "/stream?streams=btcusdt@trade", "/ws/btcusdt@trade", "/ws-api/v9", "/%00"),
    *("/ws-api/v3?timeUnit=x", "/control/faults", "/favicon.ico", "/api/v3/order;x=1", "/%ff%fe"),
)
VERBS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "PROPFIND")
LITERALS = (
    *("null", "true", "false", "0", "-0", "1", "-1", "1.5", "1e400", "-1e-400", "9" * 400, "[]"),
    *("{}", '""', '"x"', '"BTCUSDT"', "[[[[]]]]", '"\\u0000"', '"\\ud83d\\ude00"', '"BUY"'),
    *('["BTCUSDT"]', '["BTCUSDT",1,null]', '{"a":{"b":[]}}', '"\\n"', "18446744073709551616"),
)
JUNK = (
    *(b"", b" ", b"null", b"[]", b"{}", b"0", b'"x"', b"{", b"}", b"nan", b"\xff\xfe", b"\x00"),
    *(
        b"[" * 3000,
        b'{"a":' * 3000,
        b'{"id":1,"method":"ping"',
        b'{"id":1}{"id":2}',
        b"\xef\xbb\xbf{}",
    ),
    *(b'{"id":1,"id":2,"method":"ping"}', b'{"id":"\\ud800","method":"ping"}', b'"\xc3("'),
    *(b'{"id":1e5,"method":"ping"}', b'{"id":{},"method":"ping"}', b'{"id":[1],"method":"ping"}'),
    *(b'{"id":1,"method":["ping"]}', b'{"id":1,"method":"ping","params":[]}', b"\xf0\x9f\x98\x80"),
    *(b'{"id":1,"method":"ping","params":"x"}', b'{"id":1,"method":"\\ud800"}', b"ping"),
    *(b'{"id":1,"method":"ping","params":{"a":' + b"[" * 2000 + b"]" * 2000 + b"}}",),
    *(b'{"id":1,"method":"time","params":{"\\ud800":"x"}}', b'{"id":"' + b"x" * 37 + b'"}'),
)


def now_text(rng: random.Random) -> str:
    """The time of a request: now, in one of both units, or hardly ever something else."""
    if rng.random() < 0.04:
        return rng.choice((*HOSTILE, "1", str(time.time_ns() // 1_000_000 + 5000)))
    return str(time.time_ns() // rng.choice((1000, 1_000_000)))


def sign(pair: KeyPair, payload: bytes) -> str:
    """The HMAC signature of a text."""
    return hmac.new(pair.secret.encode(), payload, hashlib.sha256).hexdigest()


def form_of(rng: random.Random, parameters: Mapping[str, str]) -> str:
    """Parameters as a form, encoded in one of the ways that clients have."""
    encode = quote_plus if rng.random() < 0.5 else lambda text: quote(text, safe="~")
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in parameters.items())


@dataclass(slots=True)
class HttpRequest:
    """One request; `is_json` if whatever comes back must be JSON, `has_body` if a body comes back."""

    verb: str
    target: str
    headers: dict[str, str]
    body: bytes
    is_json: bool

    def encode(self) -> bytes:
        """What goes over the wire."""
        lines = [f"{self.verb} {self.target} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


def draw_http(rng: random.Random, pair: KeyPair) -> HttpRequest:
    """One well-formed HTTP request, whatever it may ask."""
    if rng.random() < 0.06:
        verb = rng.choice(VERBS)
        body = b"" if verb in ("GET", "HEAD") else rng.randbytes(rng.randrange(20))
        return HttpRequest(verb, rng.choice(PATHS), {}, body, False)
    if rng.random() < 0.45:
        name, parameters = draw_trading(rng)
        method = BY_NAME[name]
    else:
        method = rng.choice(WITH_PATH)
        parameters = draw_parameters(rng, method)
    headers = {"X-MBX-APIKEY": pair.key}
    is_signed = method.name in SIGNED
    if is_signed or rng.random() < 0.03:
        parameters["timestamp"] = now_text(rng)
        if rng.random() < 0.1:
            parameters["recvWindow"] = value_of(rng, "recvWindow", 0.5)
    query, body = split_form(rng, form_of(rng, parameters), method.verb)
    if is_signed or rng.random() < 0.03:
        query, body = add_signature(rng, pair, query, body)
    if rng.random() < 0.04:
        headers["X-MBX-APIKEY"] = rng.choice(("", "x", "A" * 64, pair.key[:-1], "\u00fc"))
    if rng.random() < 0.06:
        headers["X-MBX-TIME-UNIT"] = rng.choice(
            ("MICROSECOND", "millisecond", "", "SECOND", "\u00fc")
        )
    if rng.random() < 0.1:
        headers["Content-Type"] = rng.choice(
            (
                "application/json",
                "application/x-www-form-urlencoded",
                "",
                "x",
                "text/html; charset=utf-16",
            )
        )
    verb = method.verb if rng.random() < 0.97 else rng.choice(VERBS)
    target = f"{method.path}?{query}" if query or rng.random() < 0.05 else method.path
    return HttpRequest(verb, target, headers, body, verb == method.verb)


def split_form(rng: random.Random, form: str, verb: str) -> tuple[str, bytes]:
    """A form as query and body, in part doubled or spoilt."""
    kind = rng.random()
    if kind < 0.05:
        form += "&" + rng.choice(
            ("&&", "=", "symbol=BTCUSDT&symbol=X", "%zz=%zz", "a=%ff", "symbol", "a" * 3000, "=1")
        )
    if verb == "GET" and kind < 0.97:
        return form, b""
    if kind < 0.4:
        return form, b""
    if kind < 0.85:
        return "", form.encode()
    if kind < 0.92:
        pairs = form.split("&")
        cut = rng.randrange(len(pairs) + 1)
        return "&".join(pairs[:cut]), "&".join(pairs[cut:]).encode()
    if kind < 0.96:
        return form, form.encode()
    return form, rng.choice((rng.randbytes(30), b'{"symbol":"BTCUSDT"}', b"\xff\xfe=\xff", b"\x00"))


def add_signature(rng: random.Random, pair: KeyPair, query: str, body: bytes) -> tuple[str, bytes]:
    """Signs what is sent, hardly ever wrongly or not at all."""
    signature = sign(pair, query.encode() + body)
    kind = rng.random()
    if kind < 0.02:
        return query, body
    if kind < 0.05:
        signature = quote(rng.choice((*HOSTILE, signature[:-1], signature.upper(), "\u00e9" * 64)))
    if body and rng.random() < 0.7:
        return query, body + b"&signature=" + signature.encode()
    return f"{query}&signature={signature}" if query else f"signature={signature}", body


def draw_message(rng: random.Random, pair: KeyPair, number: int) -> bytes:
    """One message to the WebSocket API."""
    kind = rng.random()
    if kind < 0.04:
        return rng.choice(JUNK)
    if kind < 0.06:
        return rng.randbytes(rng.randrange(1, 60))
    if kind < 0.45:
        name, parameters = draw_trading(rng)
    else:
        name = rng.choice(METHODS).name
        parameters = draw_parameters(rng, BY_NAME[name])
    if rng.random() < 0.02:
        name = rng.choice((*HOSTILE, "v3/ping", "order.Place", "userDataStream.start"))
    if name in SIGNED or rng.random() < 0.03:
        parameters = sign_message(rng, pair, parameters)
    fields = [f"{as_json(one)}:{as_json(value)}" for one, value in parameters.items()]
    if rng.random() < 0.08:
        fields.append(f"{as_json(rng.choice((*NAMES, *SHELL_NAMES)))}:{rng.choice(LITERALS)}")
    request_id = str(number) if rng.random() < 0.95 else rng.choice(LITERALS)
    text = f'{{"id":{request_id},"method":{as_json(name)},"params":{{{",".join(fields)}}}}}'
    message = text.encode()
    if rng.random() < 0.02:
        cut = rng.randrange(len(message))
        message = message[:cut] + rng.randbytes(rng.randrange(3)) + message[cut + 1 :]
    return message


def sign_message(
    rng: random.Random, pair: KeyPair, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Parameters with key, time and signature."""
    complete = {**parameters, "apiKey": pair.key, "timestamp": now_text(rng)}
    payload = "&".join(f"{name}={complete[name]}" for name in sorted(complete))
    complete["signature"] = sign(pair, payload.encode())
    if rng.random() < 0.05:
        complete[rng.choice(("apiKey", "signature", "timestamp"))] = rng.choice(HOSTILE)
    return complete


def as_json(text: str) -> str:
    """A text as a JSON literal."""
    return msgspec.json.encode(text).decode()


def stream_name(rng: random.Random) -> str:
    """A stream, or what is none."""
    symbol = rng.choice(("btcusdt", "ethusdt", "BTCUSDT", "nosuch", "!ticker", "!miniTicker", ""))
    what = rng.choice(
        (
            *("trade", "aggTrade", "depth", "depth@100ms", "depth5", "depth20@100ms", "bookTicker"),
            *(
                "kline_1s",
                "kline_1m",
                "kline_1m@+08:00",
                "kline_x",
                "kline_",
                "miniTicker",
                "ticker",
            ),
            *("ticker_1h", "ticker_1x", "avgPrice", "arr", "depth7", "depth@5ms", *HOSTILE),
        )
    )
    return f"{symbol}@{what}"


def draw_stream_message(rng: random.Random, number: int) -> bytes:
    """One message to the market streams."""
    kind = rng.random()
    if kind < 0.08:
        return rng.choice(JUNK)
    if kind < 0.1:
        return rng.randbytes(rng.randrange(1, 60))
    method = rng.choice(STREAM_METHODS)
    if method.endswith("SUBSCRIBE") and rng.random() < 0.8:
        parameters = [as_json(stream_name(rng)) for _ in range(rng.randrange(4))]
    elif method.endswith("PROPERTY") and rng.random() < 0.8:
        parameters = ['"combined"', rng.choice(("true", "false"))][: 1 + (method[0] == "S")]
    else:
        parameters = [rng.choice(LITERALS) for _ in range(rng.randrange(3))]
    request_id = str(number) if rng.random() < 0.9 else rng.choice(LITERALS)
    name = as_json(method if rng.random() < 0.97 else rng.choice(HOSTILE))
    return f'{{"method":{name},"params":[{",".join(parameters)}],"id":{request_id}}}'.encode()
