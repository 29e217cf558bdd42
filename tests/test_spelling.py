"""What is suggested for a mistyped word, and that nobody suggests in words of his own."""

from pathlib import Path

import pytest

from actors.spelling import did_you_mean, find_nearest, suggest

KNOWN = ("status", "halt", "Breakout", "receive_window_ms")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("statu", "status"),
        (" Halt ", "halt"),
        ("brekout", "Breakout"),
        ("receive_window", "receive_window_ms"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_nearest_word_is_found_whatever_its_case(word: str, meant: str | None) -> None:
    assert find_nearest(word, KNOWN) == meant


def test_what_is_said_where_nothing_is_like_it() -> None:
    assert suggest("statu", KNOWN, "there are many") == "did you mean 'status'?"
    assert suggest("xyz", KNOWN, "there are many") == "there are many"
    assert suggest("xyz", (), "") == ""
    assert did_you_mean("--a", "--b") == "did you mean '--a' or '--b'?"


def test_it_is_said_in_one_place() -> None:
    root = Path(__file__).parents[1] / "actors"
    own = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "difflib" in (text := path.read_text()) or 'f"did you mean' in text
    ]
    assert own == ["spelling.py"]
