"""The catalogue of all messages, for machines and for other languages, and the check that it only ever grows."""

import importlib
from typing import Any

import msgspec

from messages.base import Message

MODULES = (
    "messages.market",
    "messages.instruments",
    "messages.orders",
    "messages.account",
    "messages.control",
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
    classes = leaf_classes()
    _, components = msgspec.json.schema_components(classes, ref_template="#/$defs/{name}")
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
        for item in classes
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
        old_items = old["$defs"][name].get("prefixItems", [])
        new_items = new["$defs"][name].get("prefixItems", [])
        for index, old_field in enumerate(old_fields):
            if index >= len(new_fields):
                breaks.append(f"{name}.{old_field['name']}: the field is gone")
                continue
            if new_fields[index]["name"] != old_field["name"]:
                breaks.append(
                    f"{name}: field {index} was {old_field['name']}, now {new_fields[index]['name']}"
                )
            elif type_of(new_items[index + 1]) != type_of(old_items[index + 1]):
                breaks.append(f"{name}.{old_field['name']}: another type")
        for new_field in new_fields[len(old_fields) :]:
            if new_field["required"]:
                breaks.append(f"{name}.{new_field['name']}: a new field needs a default")
    for name, old_schema in old["$defs"].items():
        lost = set(old_schema.get("enum", ())) - set(new["$defs"].get(name, {}).get("enum", ()))
        breaks.extend(f"{name}: the value {value} is gone" for value in sorted(lost))
    return breaks


def type_of(item: dict[str, Any]) -> dict[str, Any]:
    """A schema item without its default and its prose, which may change freely."""
    return {key: value for key, value in item.items() if key not in ("default", "description")}
