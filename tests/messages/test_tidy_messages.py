"""Messages are keyword-only, arrays on the wire, tagged by their class name, and documented."""

import ast
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from messages.base import Message, Policy
from messages.catalogue import MODULES, leaf_classes

FOLDER = Path(__file__).parents[2] / "messages"
FILES = sorted(FOLDER.glob("*.py"))
LEAVES = leaf_classes()


@pytest.mark.parametrize("message_class", LEAVES, ids=lambda item: item.__name__)
def test_a_message_is_a_tagged_array_given_by_keyword(message_class: type[Message]) -> None:
    config = message_class.__struct_config__
    assert config.array_like
    assert config.tag == message_class.__name__
    assert not config.frozen
    with pytest.raises(TypeError, match="positional"):
        cast(Any, message_class)("sender")
    assert isinstance(message_class.policy, Policy)


@pytest.mark.parametrize("message_class", LEAVES, ids=lambda item: item.__name__)
def test_fields_without_default_come_first(message_class: type[Message]) -> None:
    own = msgspec.structs.fields(message_class)[6:]
    required = [field.required for field in own]
    assert required == sorted(required, reverse=True)


def test_class_names_are_unique() -> None:
    names = [item.__name__ for item in LEAVES]
    assert len(names) == len(set(names))
    assert len(names) > 30


def test_every_module_with_messages_is_catalogued() -> None:
    with_messages = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                if any(base.endswith("Message") for base in bases):
                    with_messages.add(f"messages.{path.stem}")
    assert with_messages == set(MODULES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_everything_public_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_keyword_only_is_repeated_on_every_message(path: Path) -> None:
    """A subclass does not inherit it: its fields would be reordered."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base) for base in node.bases}
            if any(base.endswith(("Message", "Command", "Request", "Struct")) for base in bases):
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert keywords.get("kw_only") == "True", f"{path.name}: {node.name}"
