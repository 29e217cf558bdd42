"""Rounds of hostile requests and frames; `bin/test --fuzz N` runs as many as one likes."""

import random

import pytest

from tests.exchange.fuzz.__main__ import main
from tests.exchange.fuzz.broken import draw_broken
from tests.exchange.fuzz.requests import HttpRequest, draw_stream_message
from tests.exchange.fuzz.round import (
    is_error,
    problem_of_answer,
    problem_of_reply,
    run_round,
)
from tests.exchange.fuzz.wires import Answer


@pytest.mark.asyncio
async def test_a_round_is_clean_and_no_idle_one() -> None:
    report = await run_round(1_000_001, 4_000)
    assert not report.wrong, report.wrong
    assert report.requests >= 4_000
    assert set(report.counts) == {"REST", "WebSocket API", "streams", "broken connections"}
    assert min(report.answers[f"{kind} 200"] for kind in ("REST", "WebSocket API")) > 300
    assert report.orders > 100
    assert report.trades > 50


def test_the_command_says_what_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["600", "--seed", "5"]) == 0
    assert "1 rounds from seed 5" in capsys.readouterr().out


def test_the_same_seed_draws_the_same() -> None:
    def draw() -> list[bytes]:
        rng = random.Random(3)
        return [draw_broken(rng) + draw_stream_message(rng, 1) for _ in range(50)]

    assert draw() == draw()


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (500, "text/plain", b"500"),
        (200, "application/json", b'{"code":-1,"msg":"x"}'),
        (400, "application/json", b'{"error":"x"}'),
        (400, "application/json", b'{"code":"-1","msg":"x"}'),
        (400, "text/html", b"<html>"),
    ],
)
def test_a_wrong_answer_is_found(status: int, content_type: str, body: bytes) -> None:
    request = HttpRequest("GET", "/api/v3/ping", {}, b"", True)
    assert problem_of_answer(request, Answer(status, content_type, body))
    fine = Answer(400, "application/json;charset=UTF-8", b'{"code":-1,"msg":"x"}')
    assert not problem_of_answer(request, fine)


def test_a_wrong_reply_is_found() -> None:
    assert is_error({"code": -1, "msg": "x", "data": {}})
    assert problem_of_reply({"id": 1, "status": 500, "error": {"code": -1, "msg": "x"}})
    assert problem_of_reply({"id": 1, "status": 400, "error": "x"})
    assert not problem_of_reply({"id": 1, "status": 400, "error": {"code": -1, "msg": "x"}})
