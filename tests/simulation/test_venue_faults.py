"""What the exchange is told to do wrong: it can do all of it, each kind is drawn, and each goes away when it is left out."""

import msgspec
import pytest

from actors.exchange.fault_plan import parse_plan
from actors.exchange.methods import METHODS
from actors.simulation.plan import Plan
from actors.simulation.shrink import shrink_plan
from actors.simulation.venue_faults import (
    draw_settings,
    draw_short_lives,
    draw_venue_faults,
)
from actors.simulation.weather import Weather

STORM_S = 20.0
NAMES = [method.name for method in METHODS]
KINDS = {
    *("late", "silence", "disconnect", "close", "error", "page", "slow_engine"),
    *("rate_limit", "ban", "bad_timestamp", "event_late", "event_twice", "event_withheld"),
    *("query_lag", "stale_open_orders", "frame_dropped", "shutdown", "event_streams_terminated"),
    *("sockets_closed", "sockets_dropped", "sockets_frozen", "clock_changed", "unauthorized"),
}


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_the_exchange_takes_every_plan(first: int) -> None:
    for seed in range(first, first + 100):
        faults = draw_venue_faults(seed, 12, STORM_S)
        faults += draw_short_lives(seed, STORM_S)
        document = msgspec.json.encode({**draw_settings(seed), "faults": faults})
        plan = parse_plan(document, False, NAMES, ["BTCUSDT"])
        assert len(plan.faults) == len(faults)
        assert all(rule.until_seconds == STORM_S for rule in plan.faults)


def test_every_kind_is_drawn_and_none_contradicts_the_venues_definite_word() -> None:
    drawn = [fault for seed in range(300) for fault in draw_venue_faults(seed, 12, STORM_S)]
    assert {fault["kind"] for fault in drawn} == KINDS
    # An order that was executed is never told to be refused: 4xx codes are not among the errors.
    assert all(-1100 < fault["code"] <= -1000 for fault in drawn if fault["kind"] == "error")
    named = {fault["on"] for fault in drawn if "on" in fault}
    assert {"order.place", "order.cancel", "order.status", "connect"} <= named


def test_same_seed_same_faults() -> None:
    assert draw_venue_faults(4, 12, STORM_S) == draw_venue_faults(4, 12, STORM_S)
    assert draw_venue_faults(4, 12, STORM_S) != draw_venue_faults(5, 12, STORM_S)
    assert draw_settings(4) == draw_settings(4)


def test_a_plan_keeps_them_and_is_shrunk_with_its_settings_kept() -> None:
    plan = Plan(3, venue=draw_venue_faults(3, 12, STORM_S), venue_settings={"seed": 3})
    wanted = plan.venue[7]
    assert Plan.from_json(plan.to_json()) == plan
    smallest = shrink_plan(plan, lambda smaller: wanted in smaller.venue)
    assert smallest == Plan(3, venue=[wanted], venue_settings={"seed": 3})
    assert smallest.size() == 1


def test_gusts_are_calm_for_some_seeds_and_bad_for_others() -> None:
    weathers = [Weather.gusty(seed) for seed in range(200)]
    assert Weather.gusty(7) == Weather.gusty(7)
    assert {weather.kills for weather in weathers} == {0, 1, 2, 4}
    assert {weather.venue_faults for weather in weathers} == {0, 2, 6, 12}
    assert any(not weather.kills and not weather.cut_share for weather in weathers)
