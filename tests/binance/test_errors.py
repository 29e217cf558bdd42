"""The table that decides what an answer proves about a request."""

import pytest

from actors.binance.errors import (
    BinanceError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    classify_answer,
    classify_http,
    classify_reply,
)

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, -1013, RequestRefused),
        (400, -1021, RequestRefused),
        (400, -1022, RequestRefused),
        (400, -1100, RequestRefused),
        (400, -1111, RequestRefused),
        (400, -1121, RequestRefused),
        (400, -2010, RequestRefused),
        (400, -2011, RequestRefused),
        (400, -2013, RequestRefused),
        (401, -2015, RequestRefused),
        (409, -2021, RequestRefused),
        (409, None, OutcomeUnknown),
        (403, None, RequestRefused),
        (404, None, RequestRefused),
        (408, None, OutcomeUnknown),
        (301, None, OutcomeUnknown),
        (400, -1000, OutcomeUnknown),
        (400, -1001, OutcomeUnknown),
        (400, -1006, OutcomeUnknown),
        (400, -1007, OutcomeUnknown),
        (503, -1008, OutcomeUnknown),
        (400, -1016, OutcomeUnknown),
        (500, None, OutcomeUnknown),
        (502, None, OutcomeUnknown),
        (504, -2010, OutcomeUnknown),
        (429, -1003, RateLimited),
        (429, -1015, RateLimited),
        (429, None, RateLimited),
        (418, -1003, RateLimited),
        (400, -1003, RateLimited),
        (400, -1015, RateLimited),
    ],
)
def test_what_an_answer_proves(status: int, code: int | None, expected: type[BinanceError]) -> None:
    assert type(classify_answer(status, code, "words")) is expected


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, '"-2010"', RequestRefused),
        (400, '"-1007"', OutcomeUnknown),
        (400, '"-1015"', RateLimited),
        (400, '"nonsense"', OutcomeUnknown),
        (400, "null", OutcomeUnknown),
        (400, "-2010.5", OutcomeUnknown),
        (400, "1e999999", OutcomeUnknown),
        (400, '{"code":-2010}', OutcomeUnknown),
        (429, '"nonsense"', RateLimited),
    ],
)
def test_a_code_is_read_also_as_text_and_what_is_none_proves_nothing(
    status: int, code: str, expected: type[BinanceError]
) -> None:
    data = b'{"code":%b,"msg":["words"]}' % code.encode()
    for error in (
        classify_http(status, data, None, NOW_NS),
        classify_reply(status, data, NOW_NS),
    ):
        assert type(error) is expected
        if expected is RequestRefused:
            assert error.code == -2010  # type: ignore[attr-defined]


def test_a_refusal_keeps_code_words_status_and_body() -> None:
    body = b'{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS"}}'
    error = classify_http(409, body, None, NOW_NS)
    assert isinstance(error, RequestRefused)
    assert (error.code, error.http_status, error.body) == (-2021, 409, body)
    assert error.message == "Order cancel-replace partially failed."


def test_html_of_a_firewall_is_a_refusal_and_html_of_a_gateway_is_not() -> None:
    firewall = classify_http(403, b"<html>Request blocked</html>", None, NOW_NS)
    assert isinstance(firewall, RequestRefused)
    assert firewall.code == 0
    assert "firewall" in firewall.message
    assert isinstance(classify_http(502, b"<html>Bad Gateway</html>", None, NOW_NS), OutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "header", "is_ban", "pause_s"),
    [
        (429, "7", False, 7),
        (418, "180", True, 180),
        (429, None, False, 60),
        (418, "soon", True, 120),
    ],
)
def test_rest_says_how_many_seconds_to_wait(
    status: int, header: str | None, is_ban: bool, pause_s: int
) -> None:
    body = b'{"code":-1003,"msg":"Too much request weight used"}'
    error = classify_http(status, body, header, NOW_NS)
    assert isinstance(error, RateLimited)
    assert error.is_ban is is_ban
    assert error.retry_at_ns == NOW_NS + pause_s * SECOND_NS


def test_the_order_limit_names_no_time_because_its_windows_are_known() -> None:
    error = classify_http(429, b'{"code":-1015,"msg":"Too many new orders"}', None, NOW_NS)
    assert isinstance(error, RateLimited)
    assert error.retry_at_ns == NOW_NS


def test_the_websocket_api_names_the_instant_to_wait_for() -> None:
    data = b'{"code":-1003,"msg":"banned","data":{"retryAfter":1700000300000}}'
    error = classify_reply(418, data, NOW_NS)
    assert isinstance(error, RateLimited)
    assert error.is_ban
    assert error.retry_at_ns == 1_700_000_300_000 * 1_000_000


def test_every_error_is_one_of_the_family_and_says_what_is_known() -> None:
    errors: list[BinanceError] = [
        RequestRefused(-2010, "no", 400),
        RateLimited(NOW_NS, False),
        NotSent("no connection"),
        OutcomeUnknown("no answer"),
    ]
    assert [str(error) for error in errors] == [
        "refused with -2010 (status 400): no",
        f"rate limited with -1003 until {NOW_NS} ns since the epoch: ",
        "not sent: no connection",
        "outcome unknown: no answer",
    ]
