"""The kept catalogue against the classes as they are, and every way to break old frames."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from messages import catalogue
from messages.base import HEADER_FIELDS
from messages.catalogue import build_catalogue, find_breaks, leaf_classes, read_kept, render

Catalogue = dict[str, Any]


def test_the_kept_catalogue_is_that_of_the_classes() -> None:
    kept, built = read_kept(), build_catalogue()
    assert find_breaks(kept, built) == []
    assert render(kept) == render(built), "run `python -m messages.catalogue`"


def test_it_names_every_message_once_with_its_header() -> None:
    built = build_catalogue()
    names = [item.__name__ for item in leaf_classes()]
    assert len(names) == len(set(names))
    assert {*names, *(part.__name__ for part in catalogue.PARTS)} == set(built["fields"])
    for name in names:
        fields = [field["name"] for field in built["fields"][name]]
        assert tuple(fields[: len(HEADER_FIELDS)]) == HEADER_FIELDS
        assert len(fields) == len(set(fields))
        assert name in built["delivery"]


def insert_field(built: Catalogue) -> None:
    built["fields"]["Trade"].insert(8, {"name": "venue", "required": False})
    built["$defs"]["Trade"]["prefixItems"].insert(9, {"type": "string"})


def rename_field(built: Catalogue) -> None:
    built["fields"]["Fill"][-1]["name"] = "time"


def reorder_fields(built: Catalogue) -> None:
    for fields in (built["fields"]["Balance"], built["$defs"]["Balance"]["prefixItems"]):
        fields[-2], fields[-3] = fields[-3], fields[-2]


def retype_field(built: Catalogue) -> None:
    built["$defs"]["Order"]["prefixItems"][-1] = {"type": "integer"}


def retype_nested_field(built: Catalogue) -> None:
    built["$defs"]["Execution"]["prefixItems"][0] = {"type": "string"}


def drop_field(built: Catalogue) -> None:
    built["fields"]["Entry"].pop()
    built["$defs"]["Entry"]["prefixItems"].pop()


def drop_message(built: Catalogue) -> None:
    del built["fields"]["Gap"], built["$defs"]["Gap"]


def lose_enumeration_value(built: Catalogue) -> None:
    built["$defs"]["OrderStatus"]["enum"].remove("EXPIRED_IN_MATCH")


def append_required_field(built: Catalogue) -> None:
    built["fields"]["Gap"].append({"name": "extra", "required": True})
    built["$defs"]["Gap"]["prefixItems"].append({"type": "string"})


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (insert_field, "Trade: field 8 was trade_id, now venue"),
        (rename_field, "Fill: field 19 was event_time_ns, now time"),
        (reorder_fields, "Balance: field 8 was free, now locked"),
        (retype_field, "Order.is_end_wanted: another type"),
        (retype_nested_field, "Execution.trade_id: another type"),
        (drop_field, "Entry.frame: the field is gone"),
        (drop_message, "Gap: the message is gone"),
        (lose_enumeration_value, "OrderStatus: the value EXPIRED_IN_MATCH is gone"),
        (append_required_field, "Gap.extra: a new field needs a default"),
    ],
)
def test_what_would_misread_old_frames_is_found(
    break_it: Callable[[Catalogue], None], told: str
) -> None:
    old = build_catalogue()
    new = copy.deepcopy(old)
    break_it(new)
    breaks = find_breaks(old, new)
    assert any(told in line for line in breaks), breaks


def test_growth_is_no_break() -> None:
    old = build_catalogue()
    new = copy.deepcopy(old)
    new["fields"]["Gap"].append({"name": "extra", "required": False})
    new["$defs"]["Gap"]["prefixItems"].append({"type": "string", "default": ""})
    new["$defs"]["Side"]["enum"].append("BORROW")
    new["$defs"]["Trade"]["description"] = "Other words."
    new["$defs"]["Trade"]["prefixItems"][-1]["default"] = 7
    assert find_breaks(old, new) == []


def test_keeping_refuses_what_would_misread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalogue.json"
    monkeypatch.setattr(catalogue, "KEPT_PATH", path)
    catalogue.keep()
    assert path.read_text(encoding="utf-8") == render(build_catalogue())
    changed = build_catalogue()
    rename_field(changed)
    path.write_text(render(changed), encoding="utf-8")
    with pytest.raises(ValueError, match="Fill: field 19 was time, now event_time_ns"):
        catalogue.keep()
    assert path.read_text(encoding="utf-8") == render(changed)
