"""The catalogue of all messages, for machines and for other languages, and the check that it only ever grows.

`catalogue.json` beside this file is the kept one: what old recordings and journals were written under. After a field or
a message was added, `python -m messages.catalogue` writes it anew, unless an old frame could then be misread.
"""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from messages.base import Message
from messages.orders import Execution
from messages.recording import Entry, Opening, Output
from messages.recovery import ChainState, LossMark, PositionState

KEPT_PATH = Path(__file__).with_name("catalogue.json")
PARTS: tuple[type[msgspec.Struct], ...] = (
    ChainState,
    Entry,
    Execution,
    LossMark,
    Opening,
    Output,
    PositionState,
)
"""What lies in files or within messages and is no message itself."""
MODULES = (
    "messages.market",
    "messages.instruments",
    "messages.orders",
    "messages.order_lists",
    "messages.order_requests",
    "messages.account",
    "messages.control",
    "messages.recovery",
)


def leaf_classes() -> list[type[Message]]:
    """Every message class of this package that is sent, by name: those that no other builds on."""
    found: dict[str, type[Message]] = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for item in vars(module).values():
            if (
                isinstance(item, type)
                and issubclass(item, Message)
                and item.__module__ == module_name
            ):
                found[item.__name__] = item
    parents = {parent for item in found.values() for parent in item.__mro__[1:]}
    return [found[name] for name in sorted(found) if found[name] not in parents]


def build_catalogue() -> dict[str, Any]:
    """A JSON Schema (2020-12) of every message: its array, element by element, and the shared definitions."""
    messages = leaf_classes()
    classes: list[type[msgspec.Struct]] = [*messages, *PARTS]
    _, components = msgspec.json.schema_components(classes, ref_template="#/$defs/{name}")
    for component in components.values():
        # Docstrings are indented as in the source up to Python 3.12.
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    fields = {
        item.__name__: [
            {"name": field.name, "required": field.required}
            for field in msgspec.structs.fields(item)
        ]
        for item in classes
    }
    delivery = {
        item.__name__: {
            "policy": item.policy.value,
            "routing": item.routing.value,
            "is_command": item.is_command,
            "is_durable": item.is_durable,
        }
        for item in messages
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages of Ticktroupe",
        "$defs": components,
        "fields": fields,
        "delivery": delivery,
    }


def find_breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Every way in which a frame written under `old` could be misread under `new`; empty when compatible."""
    breaks = []
    for name, old_fields in old["fields"].items():
        new_fields = new["fields"].get(name)
        if new_fields is None:
            breaks.append(f"{name}: the message is gone")
            continue
        old_types = find_types(old, name)
        new_types = find_types(new, name)
        for index, old_field in enumerate(old_fields):
            if index >= len(new_fields):
                breaks.append(f"{name}.{old_field['name']}: the field is gone")
                continue
            if new_fields[index]["name"] != old_field["name"]:
                breaks.append(
                    f"{name}: field {index} was {old_field['name']}, now {new_fields[index]['name']}"
                )
            elif new_types[index] != old_types[index]:
                breaks.append(f"{name}.{old_field['name']}: another type")
        for new_field in new_fields[len(old_fields) :]:
            if new_field["required"]:
                breaks.append(f"{name}.{new_field['name']}: a new field needs a default")
    for name, old_schema in old["$defs"].items():
        lost = set(old_schema.get("enum", ())) - set(new["$defs"].get(name, {}).get("enum", ()))
        breaks.extend(f"{name}: the value {value} is gone" for value in sorted(lost))
    return breaks


def find_types(catalogue: dict[str, Any], name: str) -> list[Any]:
    """The types of the fields of one class, in order, without defaults and prose, which may change freely."""
    items = catalogue["$defs"][name]["prefixItems"]
    count = len(catalogue["fields"][name])
    return [
        strip(item) for item in items[len(items) - count :]
    ]  # ahead of them stands the class name


def strip(item: Any) -> Any:
    """A schema without defaults and descriptions, at any depth."""
    if isinstance(item, dict):
        return {
            key: strip(value)
            for key, value in item.items()
            if key not in ("default", "description")
        }
    return [strip(value) for value in item] if isinstance(item, list) else item


def read_kept() -> dict[str, Any]:
    """The kept catalogue."""
    kept: dict[str, Any] = json.loads(KEPT_PATH.read_text(encoding="utf-8"))
    return kept


def render(catalogue: dict[str, Any]) -> str:
    """A catalogue as the text that is kept."""
    return json.dumps(catalogue, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def keep() -> None:
    """Writes the catalogue of the classes as they are. Raises ValueError if an old frame could then be misread."""
    built = build_catalogue()
    if KEPT_PATH.exists() and (breaks := find_breaks(read_kept(), built)):
        raise ValueError("old frames would be misread:\n" + "\n".join(breaks))
    KEPT_PATH.write_text(render(built), encoding="utf-8")


if __name__ == "__main__":
    try:
        keep()
    except ValueError as error:
        raise SystemExit(str(error)) from None
