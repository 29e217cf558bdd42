"""Configuration from TOML, where a constructor's signature is the schema of its section.

Every fault is collected with its file and key, and with the nearest valid key where one is unknown; nothing is guessed.
"""

import importlib
import inspect
import math
import re
import tomllib
import traceback
import types
import typing
from collections.abc import Callable, Collection
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from actors.runtime.actor import Actor
from actors.runtime.errors import ConfigurationError, Fault, describe_error
from actors.runtime.hidden_names import find_hidden_names
from actors.runtime.specification import ActorSpecification, parameters_of
from actors.spelling import did_you_mean, find_nearest, suggest
from messages.instruments import to_decimal

USER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemExit,
    TypeError,
    ValueError,
)
"""What a user's own module or constructor may raise by mistake: a fault of the configuration, not a crash."""
WORDS: dict[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    bool: "true or false",
}
"""Types in a user's words."""
LONGEST_LINE = 80
RESERVED_KEYS = frozenset({"class", "name"})


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables.

    Raises ConfigurationError if it is not there, not readable or not TOML.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(
            [Fault(str(path), "there is no such file", "check --config")]
        ) from None
    except OSError as error:
        raise ConfigurationError([Fault(str(path), f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError([Fault(str(path), "is not UTF-8 text")]) from error
    except tomllib.TOMLDecodeError as error:
        fault = Fault(str(path), f"is not valid TOML: {error}", show_line(text, str(error)))
        raise ConfigurationError([fault]) from error
    except RecursionError as error:
        raise ConfigurationError([Fault(str(path), "nests its values too deeply")]) from error


def show_line(text: str, error: str) -> str:
    """What stands where TOML's error is; the commonest one, a text without quotes, is named."""
    place = re.search(r"at line (\d+)", error)
    if place is None:
        return ""
    line = text.splitlines()[int(place[1]) - 1].strip()
    bare = re.fullmatch(r"([\w.-]+ *= *)([A-Za-z_][\w./-]*) *(#.*)?", line)
    if bare is not None:
        return f'a text stands in quotes: {bare[1]}"{bare[2]}"'
    return f"the line is: {line[:LONGEST_LINE]}"


def check_keys(
    table: dict[str, Any], valid: Collection[str], where: str, faults: list[Fault]
) -> None:
    """Adds a fault for each key that is not valid, with the nearest one that is."""
    for key in table:
        if key in valid:
            continue
        remedy = suggest(key, valid, f"valid keys: {', '.join(sorted(valid))}")
        faults.append(Fault(where, f"there is no key {key!r}", remedy))


def check_arguments(
    function: Callable[..., Any],
    table: dict[str, Any],
    where: str,
    faults: list[Fault],
    reserved: Collection[str] = (),
) -> dict[str, Any]:
    """The arguments for a constructor (or any function) out of a table, converted by its annotations.

    Unknown, missing and ill-typed keys become faults; `reserved` keys are somebody else's.
    """
    parameters = parameters_of(function)
    try:
        hints = typing.get_type_hints(annotated_part(function))
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        hint = "import what it names at run time, not under TYPE_CHECKING"
        faults.append(Fault(where, f"an annotation cannot be resolved: {error}", hint))
        return {}
    valid = [
        name
        for name, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    check_keys(table, {*valid, *reserved}, where, faults)
    arguments: dict[str, Any] = {}
    for name in valid:
        if name in reserved:
            continue
        if name in table:
            try:
                arguments[name] = convert(table[name], hints.get(name, Any))
            except (ValueError, msgspec.ValidationError) as error:
                faults.append(Fault(f"{where}.{name}", str(error)))
        elif parameters[name].default is inspect.Parameter.empty:
            expected = describe_type(hints.get(name, Any))
            faults.append(Fault(where, f"the key {name!r} is missing", f"give it {expected}"))
    return arguments


def are_complete(function: Callable[..., Any], arguments: dict[str, Any]) -> bool:
    """Whether each parameter without a default has its argument, so that the constructor can be tried, whatever else is
    wrong: what it refuses is told in the same run."""
    return all(
        name in arguments
        for name, parameter in parameters_of(function).items()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )


def annotated_part(function: Callable[..., Any]) -> Any:
    """Where a callable's annotations are: a struct's own, a class's constructor's, or the function's."""
    if isinstance(function, type):
        is_struct = issubclass(function, msgspec.Struct)
        return function if is_struct else inspect.getattr_static(function, "__init__")
    return function


def convert(value: Any, annotation: Any) -> Any:
    """A TOML value as the annotated type; numbers for `Decimal` are taken by their shortest text.

    Raises ValueError or msgspec.ValidationError saying what was expected.
    """
    if annotation is Any:
        return value
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return convert_to_union(value, [part for part in parts if part is not type(None)])
    if annotation is Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
            raise ValueError(f"{value!r} is not a number")
        return to_decimal(value)
    if annotation is Path and isinstance(value, str):
        return Path(value).expanduser()
    if origin is Literal and value not in parts:
        raise ValueError(f"{value!r} is none of {', '.join(str(part) for part in parts)}")
    if origin is dict and isinstance(value, dict):
        return {convert(key, parts[0]): convert(item, parts[1]) for key, item in value.items()}
    if origin in (list, set, frozenset) and isinstance(value, list):
        return origin(convert(item, parts[0]) for item in value)
    if origin is tuple and isinstance(value, list):
        return convert_to_tuple(value, parts)
    try:
        converted = msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        if annotation in WORDS:
            raise ValueError(f"{value!r} is not {WORDS[annotation]}") from error
        raise
    if isinstance(converted, float) and not math.isfinite(converted):
        raise ValueError(f"{value!r} is not a finite number")
    if getattr(converted, "value", "") == "UNRECOGNISED":
        members = [str(item) for item in annotation if str(item) != "UNRECOGNISED"]
        raise ValueError(f"{value!r} is none of {', '.join(members)}")
    return converted


def convert_to_union(value: Any, parts: list[Any]) -> Any:
    """A TOML value, which is never null, as the first of some types that takes it.

    Raises ValueError or msgspec.ValidationError if none does.
    """
    if len(parts) == 1:
        return convert(value, parts[0])
    problems = []
    for part in parts:
        try:
            return convert(value, part)
        except (ValueError, msgspec.ValidationError) as error:
            problems.append(str(error))
    raise ValueError("; ".join(problems))


def convert_to_tuple(value: list[Any], parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """A TOML array as a tuple, of one type (`tuple[X, ...]`) or of one for each place.

    Raises ValueError or msgspec.ValidationError.
    """
    if len(parts) == 2 and parts[1] is ...:
        return tuple(convert(item, parts[0]) for item in value)
    if len(parts) != len(value):
        raise ValueError(f"needs {len(parts)} values, not {len(value)}")
    return tuple(convert(item, part) for item, part in zip(value, parts, strict=True))


def describe_type(annotation: Any) -> str:
    """A type in a user's words."""
    return WORDS.get(annotation) or str(getattr(annotation, "__name__", annotation))


def load_actor_class(
    name: Any, where: str, faults: list[Fault], aliases: dict[str, str] | None = None
) -> type[Actor[Any]] | None:
    """The actor class named by `module.Class` (or a short name among `aliases`); None with a fault if it is none."""
    aliases = aliases or {}
    if not isinstance(name, str) or ("." not in name and name not in aliases):
        meant = suggest(str(name), aliases)
        known = f"write module.Class, or one of {', '.join(sorted(aliases))}"
        hint = f"{meant} Else {known}" if meant else known
        faults.append(Fault(f"{where}.class", f"{name!r} names no class", hint))
        return None
    module_name, _, class_name = aliases.get(name, name).rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        hint = advise_on_import(error.name or "", module_name)
        problem = f"cannot import {module_name!r}: {error}{place_in_code(error)}"
        faults.append(Fault(f"{where}.class", problem, hint))
        return None
    except USER_ERRORS as error:
        problem = f"importing {module_name!r} failed: {describe_error(error)}{place_in_code(error)}"
        faults.append(Fault(f"{where}.class", problem))
        return None
    found = getattr(module, class_name, None)
    if found is None:
        candidates = [
            key
            for key, item in vars(module).items()
            if isinstance(item, type) and issubclass(item, Actor)
        ]
        # A user's file may be called as another module, which is then the one that was found.
        it = getattr(module, "__file__", None) or "it"
        hint = suggest(class_name, candidates, f"{it} has {', '.join(candidates) or 'no actors'}")
        faults.append(Fault(f"{where}.class", f"{module_name!r} has no {class_name!r}", hint))
        return None
    if not (isinstance(found, type) and issubclass(found, Actor)):
        faults.append(
            Fault(f"{where}.class", f"{name!r} is not an actor", "derive it from Actor or Strategy")
        )
        return None
    return found


def advise_on_import(missing: str, wanted: str) -> str:
    """What to do about a module that is not there, while another was imported."""
    root, _, rest = missing.partition(".")
    if root in ("actors", "messages"):
        own = Path(__file__).parents[2] / root
        files = [file for file in own.rglob("*.py") if file.stem != "__init__"]
        # Without the root, which all have: it would make any two alike.
        modules = [".".join(file.relative_to(own).with_suffix("").parts) for file in files]
        last = rest.rpartition(".")[2]
        same = [module for module in modules if module.rpartition(".")[2] == last]
        meant = find_nearest(rest, same or modules)
        return did_you_mean(f"{root}.{meant}") if meant else f"{root} has no such module"
    if missing and root != wanted.partition(".")[0]:
        return f"{wanted} needs {missing}: install it"
    return "it must lie beside the configuration file, or be installed"


def place_in_code(error: BaseException) -> str:
    """Where in the user's own file an error came up, as ` (my_bot.py, line 12)`; empty where its text says so itself."""
    if isinstance(error, SyntaxError):
        return ""
    own = Path(__file__).parents[2]
    found = ""
    for frame in traceback.extract_tb(error.__traceback__):
        file = Path(frame.filename)
        if file.is_file() and not file.is_relative_to(own / "actors") and "lib" not in file.parts:
            found = f" ({file.name}, line {frame.lineno})"
    return found


def read_actor(
    table: dict[str, Any],
    where: str,
    faults: list[Fault],
    aliases: dict[str, str] | None = None,
    later: Collection[str] = (),
) -> ActorSpecification | None:
    """One `[[actors]]` table as a specification; the constructor is tried, so that its own refusals are faults too.

    Arguments named in `later` are given another time: they may be missing, and then the constructor is not tried.
    """
    if "class" not in table:
        meant = find_nearest("class", table)
        remedy = f"is it meant by {meant!r}?" if meant else "name one, such as my_bot.Breakout"
        faults.append(Fault(where, "the key 'class' is missing", remedy))
        return None
    actor_class = load_actor_class(table["class"], where, faults, aliases)
    name = table.get("name")
    if actor_class is None:
        return None
    if name is not None and not isinstance(name, str):
        faults.append(Fault(f"{where}.name", f"{name!r} is not a text"))
        name = None
    if "process" in table:
        faults.append(
            Fault(f"{where}.process", "the key is reserved for a later version", "leave it out")
        )
    known = len(faults)
    absent = {key for key in later if key not in table}
    reserved = RESERVED_KEYS | {"process"} | absent
    arguments = check_arguments(actor_class, table, where, faults, reserved)
    if not absent:
        if not are_complete(actor_class, arguments):
            return None
        try_constructor(actor_class, arguments, where, faults)
    if len(faults) > known:
        return None
    return ActorSpecification(actor_class, name or actor_class.__name__, arguments, where)


def try_constructor(
    actor_class: type[Actor[Any]], arguments: dict[str, Any], where: str, faults: list[Fault]
) -> None:
    """Makes the actor once, to see what its constructor refuses and which names it hides."""
    try:
        for line in find_hidden_names(actor_class(**arguments)):
            problem = f"{actor_class.__name__} {line}"
            faults.append(Fault(where, problem, "choose another name"))
    except (ValueError, TypeError, ArithmeticError) as error:
        # A line for each argument: the shipped strategies tell all that they refuse.
        for line in str(error).splitlines() or [type(error).__name__]:
            faults.append(Fault(where, f"{actor_class.__name__} refuses its arguments: {line}"))
    except USER_ERRORS as error:
        problem = f"the constructor of {actor_class.__name__} failed: {describe_error(error)}{place_in_code(error)}"
        faults.append(Fault(where, problem))
