"""Clocks and randomness within a run and after it."""

import asyncio
import os
import random
import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable
from random import Random
from time import monotonic, time_ns
from typing import Any

from aiohttp import connector
from aiohttp.client_proto import ResponseHandler

from actors.simulation import entropy as entropy_module
from actors.simulation.entropy import Entropy
from actors.simulation.loop import EPOCH_NS
from actors.simulation.world import World

SHARED = Random()
"""Made before any run, from the operating system's randomness, as aiohttp makes the one of its frame masks."""


def default_clock(clock: Callable[[], int] = time_ns) -> int:
    return clock()


def keyword_clock(*, clock: Callable[[], int] = time_ns) -> int:
    return clock()


async def look() -> dict[str, Any]:
    return {
        "time": time.time(),
        "alias": time_ns(),
        "default": default_clock(),
        "keyword": keyword_clock(),
        "calendar": time.gmtime()[:5],
        "text": time.strftime("%Y-%m-%d", time.gmtime()),
        "monotonic": monotonic(),
        "library": connector.__dict__["monotonic"](),
        "urandom": os.urandom(8),
        "uuid": uuid.uuid4(),
        "token": secrets.token_bytes(4),
        "random": random.random(),
        "shared": SHARED.random(),
        "unseeded": Random().random(),
        "process": os.getpid(),
    }


def test_all_of_it_follows_from_the_seed() -> None:
    with Entropy() as installed:
        first, again, other = (
            World(seed, entropy=installed).run(look).result for seed in (1, 1, 2)
        )
    assert first == again
    for name in ("urandom", "uuid", "token", "random", "shared", "unseeded"):
        assert first[name] != other[name], name
    for name in ("alias", "default", "keyword"):
        assert 0 <= first[name] - EPOCH_NS < 1_000_000, name
    assert first["calendar"] == (2026, 1, 1, 0, 0)
    assert first["text"] == "2026-01-01"
    assert first["monotonic"] < 1
    assert first["library"] < 1
    assert first["process"] < 2_000


def test_processes_have_randomness_of_their_own(entropy: Entropy) -> None:
    async def draw() -> bytes:
        return os.urandom(8)

    def run(also: bool) -> object:
        world = World(entropy=entropy)

        async def scenario() -> object:
            if also:
                os.urandom(100)
            return (await world.ended(world.start("drawer", draw))).result

        return world.run(scenario).result

    assert run(True) == run(False)


def originals() -> list[Any]:
    return [
        time.time,
        time.sleep,
        time.monotonic,
        os.urandom,
        os.getpid,
        sqlite3.connect,
        Random.seed,
        monotonic,
        connector.__dict__["monotonic"],
        default_clock.__defaults__,
        (keyword_clock.__kwdefaults__ or {})["clock"],
        ResponseHandler.__hash__,
        vars(random)["_urandom"],
    ]


def test_everything_is_put_back() -> None:
    before = originals()
    state, shared = random.getstate(), SHARED.getstate()
    with Entropy() as installed:
        within = originals()
        World(entropy=installed).run(look)
        outside = time.time()
    assert [one is other for one, other in zip(before, within, strict=True)].count(True) <= 1
    assert all(one == other for one, other in zip(before, originals(), strict=True))
    assert outside > EPOCH_NS / 1e9 + 1000
    assert (random.getstate(), SHARED.getstate()) == (state, shared)


def test_stand_ins_are_real_outside_of_a_run(entropy: Entropy) -> None:
    assert abs(time.time() - os.stat(entropy_module.__file__).st_atime) < 10 * 365 * 86_400
    assert os.urandom(16) != os.urandom(16)
    time.sleep(0)
    assert Random().random() != Random().random()


def test_world_installs_them_by_itself() -> None:
    real = time.time
    assert World().run(look).result["time"] < EPOCH_NS / 1e9 + 1
    assert time.time is real


def test_sets_of_tasks_have_one_order(entropy: Entropy) -> None:
    async def order() -> list[str]:
        async def nothing() -> None:
            pass

        tasks = {asyncio.create_task(nothing(), name=str(number)) for number in range(50)}
        return [task.get_name() for task in tasks]

    first, again = (World(entropy=entropy).run(order).result for _ in range(2))
    assert first == again
