"""Names of a base class that a user's actor hides without meaning to: it would fail later, far from the cause.

`self.position = 0` in a constructor, or `def place(self, side, price)`, take the place of what the base class itself calls.
Names that only a user calls are his own to take.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from actors.runtime.actor import Actor

OWN_PACKAGE = "actors."
CALLED_BY_THE_RUNTIME = frozenset(
    {"bind", "discard", "may_restart", "run_handlers", "subscriptions"}
)


def find_hidden_names(instance: Actor[Any]) -> list[str]:
    """What is wrong with the names of an actor: a line for each that hides what its base calls and cannot stand for it."""
    actor_class = type(instance)
    bases = [
        each
        for each in actor_class.__mro__
        if each.__module__.startswith(OWN_PACKAGE) and issubclass(each, Actor)
    ]
    hidden: dict[str, str] = {}
    for base in bases:
        for name, method in vars(base).items():
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            own = inspect.getattr_static(actor_class, name)
            if name in vars(instance):
                text = f"sets self.{name}, which is a method of {base.__name__}"
                hidden.setdefault(name, text)
            elif own is not method and not can_stand_for(own, method):
                text = f"has a {name} of its own, which cannot stand for that of {base.__name__}"
                hidden.setdefault(name, text)
    if not hidden:
        return []
    called = CALLED_BY_THE_RUNTIME.union(*(names_called(base) for base in bases))
    return [text for name, text in hidden.items() if name in called]


def names_called(base: type[Actor[Any]]) -> frozenset[str]:
    """The attributes of `self` that a class's own code reads."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
    return frozenset(
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def can_stand_for(own: Any, method: Callable[..., Any]) -> bool:
    """Whether what hides a method takes all the arguments that the method takes."""
    if not inspect.isfunction(own):
        return callable(own)
    kinds = inspect.Parameter
    asked = [
        each
        for each in inspect.signature(method).parameters.values()
        if each.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
    ]
    positional = [each.name for each in asked if each.kind is not kinds.KEYWORD_ONLY]
    named = {each.name: None for each in asked if each.kind is kinds.KEYWORD_ONLY}
    try:
        inspect.signature(own).bind(*positional, **named)
    except TypeError:
        return False
    return True
