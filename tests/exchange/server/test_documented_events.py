"""Market stream messages, user events and refusals as Binance's documentation prints them: names, order, types, codes."""

import asyncio
import re
from typing import Any

import pytest

from tests.exchange.server.client import World
from tests.exchange.server.documented import rows, shape
from tests.exchange.server.documented_events import BARE_LISTS, EVENTS, EXACT, LEFT_OUT
from tests.exchange.server.documented_refusals import (
    OTHER_LIMITS,
    OTHER_ORDER_LINE,
    OTHER_REASONS,
    OTHER_TIMES,
    REFUSALS,
    WITH_RETRY,
)

EXAMPLES = {(row["file"], row["line"]): row["value"] for row in rows()}
PATIENCE_SECONDS = 30.0


def name_of(key: tuple[str, int]) -> str:
    """A test's name for an example."""
    return f"{key[0]}-{key[1]}"


@pytest.mark.asyncio
@pytest.mark.parametrize("key", EVENTS, ids=name_of)
async def test_a_message(still_world: World, key: tuple[str, int]) -> None:
    example = EXAMPLES[key]
    async with asyncio.timeout(PATIENCE_SECONDS):
        message = await EVENTS[key](still_world)
    if key in EXACT:
        assert message == example
    if key in BARE_LISTS:
        assert isinstance(message, list)
        assert isinstance(message[0], dict)
        return
    if (left_out := LEFT_OUT.get(key)) is not None:
        del example["event"][left_out]
    assert shape(message, 0) == shape(example, 0), name_of(key)


@pytest.mark.asyncio
@pytest.mark.parametrize("key", REFUSALS, ids=name_of)
async def test_a_refusal(still_world: World, key: tuple[str, int]) -> None:
    example = EXAMPLES[key]
    answer = await REFUSALS[key](still_world)
    if "rateLimits" in example:
        assert list(answer) == list(example)
        assert [list(one) for one in answer["rateLimits"]] == [
            list(one) for one in example["rateLimits"]
        ]
    if "status" in example:
        assert answer["status"] == example["status"]
        answer, example = answer["error"], example["error"]
    assert answer["code"] == example["code"]
    if key in OTHER_TIMES:
        assert re.sub(r"[0-9]{13}", "N", answer["msg"]) == re.sub(r"[0-9]{13}", "N", example["msg"])
        assert shape(answer["data"], 0) == shape(example["data"], 0)
        return
    if key not in OTHER_LIMITS:
        assert answer["msg"] == example["msg"]
    if key in WITH_RETRY:
        assert answer.pop("data").keys() == {"serverTime", "retryAfter"}
    assert list(answer) == list(example)
    compare_parts(key, answer.get("data") or {}, example.get("data") or {})


def compare_parts(key: tuple[str, int], answer: dict[str, Any], example: dict[str, Any]) -> None:
    """The two halves of a cancel-replace: results to the letter, responses by code or shape."""
    assert list(answer) == list(example)
    for name in ("cancelResult", "newOrderResult"):
        assert answer.get(name) == example.get(name)
    for name in ("cancelResponse", "newOrderResponse"):
        ours, theirs = answer.get(name), example.get(name)
        if theirs is None or "code" not in theirs:
            assert shape(ours, OTHER_ORDER_LINE) == shape(theirs, OTHER_ORDER_LINE)
        elif key in OTHER_REASONS and name == "newOrderResponse":
            assert ours is not None
            assert ours["code"] in OTHER_REASONS[key]
        else:
            assert ours == theirs
