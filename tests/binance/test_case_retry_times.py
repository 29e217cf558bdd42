"""How long to be silent after a 429 or a 418, whatever the venue names, and whether it names anything at all."""

import json

import pytest

from actors.binance.errors import RateLimited, classify_http, classify_reply

NOW_MS = 1_700_000_000_000
NOW_NS = NOW_MS * 1_000_000
DAY_S = 86_400


@pytest.mark.parametrize(
    ("status", "code", "header", "message", "pause_s"),
    [
        (429, -1003, "0", "", 1),
        (418, -1003, "0", "", 1),
        (429, -1003, "-5", "", 60),
        (429, -1003, "1.5", "", 60),
        (429, -1003, "", "", 60),
        (429, -1003, "Wed, 21 Oct 2026 07:28:00 GMT", "", 60),
        (429, -1003, "9" * 5000, "", 60),
        (418, -1003, "999999999", "", 120),
        (418, -1003, str(3 * DAY_S), "", 3 * DAY_S),
        (418, -1003, None, f"IP banned until {NOW_MS + 600_000}. Please use", 600),
        (418, -1003, None, f"IP banned until {(NOW_MS + 600_000) * 1000}.", 600),
        (418, -1003, None, "IP banned until 9999999999999.", 120),
        (418, -1003, None, f"IP banned until {NOW_MS - 3_600_000}.", 120),
        (429, -1003, None, f"IP banned until {NOW_MS + 600_000}.", 60),
        (429, -1015, "0", "", 0),
        (429, -1015, "7", "", 7),
        (429, -1015, "999999999", "", 0),
        (418, -1015, None, "", 120),
    ],
)
def test_over_rest(
    status: int, code: int, header: str | None, message: str, pause_s: float
) -> None:
    body = f'{{"code":{code},"msg":"{message}"}}'.encode()
    error = classify_http(status, body, header, NOW_NS)
    assert isinstance(error, RateLimited)
    assert (error.retry_at_ns - NOW_NS) / 1e9 == pause_s


@pytest.mark.parametrize(
    ("status", "code", "retry_after_ms", "message", "pause_s"),
    [
        (418, -1003, -5, "", 120),
        (418, -1003, 0, "", 120),
        (429, -1003, 1, "", 60),
        (418, -1003, 10**30, "", 120),
        (418, -1003, NOW_MS + 3 * DAY_S * 1000, "", 3 * DAY_S),
        (429, -1003, NOW_MS - 50, "", 1),
        (418, -1003, NOW_MS + 200, "", 1),
        (418, -1003, None, f"IP banned until {NOW_MS + 600_000}.", 600),
        (418, -1003, -5, f"IP banned until {NOW_MS + 600_000}.", 600),
        (429, -1015, 0, "", 0),
        (429, -1015, 10**30, "", 0),
    ],
)
def test_over_the_websocket_api(
    status: int, code: int, retry_after_ms: int | None, message: str, pause_s: float
) -> None:
    data = {"code": code, "msg": message, "data": {"retryAfter": retry_after_ms}}
    error = classify_reply(status, json.dumps(data).encode(), NOW_NS)
    assert isinstance(error, RateLimited)
    assert (error.retry_at_ns - NOW_NS) / 1e9 == pause_s
