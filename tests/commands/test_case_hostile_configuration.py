"""Configurations as they go wrong on people: each fault is one sentence that names its place, and nothing starts."""

import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from actors.commands.addresses import is_for_real_money
from actors.commands.configuration import load_configuration
from actors.commands.start import main
from actors.runtime.errors import ConfigurationError

BREAKOUT = """
[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
level = 100
quantity = "0.001"
"""
AT = '[venue]\nrest = "{rest}"\nws_api = "{ws_api}"\nstreams = "{streams}"\nkey_file = "{keys}"\n'
LOCAL = {"ws_api": "ws://127.0.0.1:1/ws-api/v3", "streams": "ws://127.0.0.1:1"}


def faults_of(folder: Path, text: str | bytes, **options: Any) -> list[str]:
    """What is wrong with a configuration."""
    file = folder / "bot.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file, **options)
    faults = [str(fault) for fault in caught.value.faults]
    assert all(fault.startswith(str(file)) for fault in faults)
    return faults


def only_fault(folder: Path, text: str | bytes) -> str:
    """The one thing that is wrong."""
    (fault,) = faults_of(folder, text)
    return fault


def write_keys(folder: Path, content: bytes) -> Path:
    """A key file that its owner alone can read."""
    file = folder / "keys"
    file.touch(mode=0o600)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe[\0b\0]\0", "is not UTF-8 text"),
        (BREAKOUT.encode() + b"\0", "is not valid TOML"),
        (b"a = " + b"[" * 5000, "nests its values too deeply"),
        (BREAKOUT.replace("[[actors]]", "[[actor]]"), "no key 'actor' (did you mean 'actors'?)"),
        (BREAKOUT.replace("[[actors]]", "[[Actors]]"), "no key 'Actors' (did you mean 'actors'?)"),
        (BREAKOUT.replace("[[actors]]", "[actors]"), "write [[actors]] for each"),
        ('bot = "b"\n' + BREAKOUT, "write [bot]"),
        ('[bot]\nstate_folder = "a\\u0000b"\n' + BREAKOUT, "can be no folder"),
        ("[risk]\nprice_collar = 2\n" + BREAKOUT, "0.02 is 2 percent"),
        (
            "[risk]\nmaximum_orders_per_second = 9223372036854775808\n" + BREAKOUT,
            "at most 1000000000",
        ),
        (BREAKOUT.replace('"0.001"', '"0"'), "quantity: must be above 0, not 0"),
        (BREAKOUT.replace('"0.001"', "0"), "quantity: must be above 0, not 0"),
        (BREAKOUT.replace("0.001", "-0.001"), "quantity: must be above 0, not -0.001"),
    ],
)
def test_a_file_that_means_nothing(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in only_fault(tmp_path, text)


@pytest.mark.parametrize("names", ["level ", "Level", "levl"])
def test_similar_keys_and_similar_sections_are_listed_together(tmp_path: Path, names: str) -> None:
    """The key is there as well, correctly; the strategy once more, under a section of nearly that name."""
    text = BREAKOUT + f'"{names}" = 2\n' + BREAKOUT.replace("[[actors]]", "[[Actors]]")
    faults = faults_of(tmp_path, text)
    assert len(faults) == 2
    assert f"no key {names!r} (did you mean 'level'?)" in faults[1]
    assert "no key 'Actors' (did you mean 'actors'?)" in faults[0]


@pytest.mark.parametrize(
    ("symbol", "said"),
    [
        ("btcusdt", "did you mean 'BTCUSDT'?"),
        ("BTC/USDT", "did you mean 'BTCUSDT'?"),
        ("BTCUSDT ", "did you mean 'BTCUSDT'?"),
        ("BTC\\nUSDT", "did you mean 'BTCUSDT'?"),
        ("", "'' is no symbol"),
        ("A" * 51, "is no symbol"),
        ("NOSUCH", "is no symbol this exchange can list"),
    ],
)
def test_a_symbol_that_none_can_be(tmp_path: Path, symbol: str, said: str) -> None:
    fault = only_fault(tmp_path, BREAKOUT.replace("BTCUSDT", symbol))
    assert "Breakout.symbol" in fault
    assert said in fault


def test_a_symbol_in_another_script_is_one_at_the_venue_and_not_here(tmp_path: Path) -> None:
    keys = write_keys(tmp_path, b"key\nsecret\n")
    text = BREAKOUT.replace("BTCUSDT", "这是测试币456")
    venue = f'[venue]\nenvironment = "testnet"\nkey_file = "{keys}"\n'
    file = tmp_path / "bot.toml"
    file.write_text(venue + text, encoding="utf-8")
    assert load_configuration(file).symbols() == ["这是测试币456"]
    assert "is no symbol this exchange can list" in only_fault(tmp_path, text)


@pytest.mark.parametrize(
    "rest",
    [
        *("ftp://127.0.0.1", "not a url", "127.0.0.1:80", "http://", "http://127.0.0.1:99999"),
        *("http://127.0.0.1:abc", "http://[::1", "http://127.0.0.1 ", "http://127.0.0.1:0"),
        *("http://name:hidden@127.0.0.1", "http://127.0.0.1/?key=5", "ws://127.0.0.1:5"),
    ],
)
def test_an_address_that_is_none(tmp_path: Path, rest: str) -> None:
    keys = write_keys(tmp_path, b"key\nsecret\n")
    fault = only_fault(tmp_path, AT.format(rest=rest, keys=keys, **LOCAL) + BREAKOUT)
    assert "venue: rest: " in fault
    assert "hidden" not in fault


@pytest.mark.parametrize(
    ("address", "is_real"),
    [
        ("https://api.binance.com", True),
        ("https://API3.Binance.com.:443/api", True),
        ("wss://ws-api.binance.us/ws-api/v3", True),
        ("https://demo-api.binance.com", False),
        ("https://testnet.binance.vision", False),
        ("http://127.0.0.1:5/binance.com", False),
        ("https://notbinance.com", False),
    ],
)
def test_real_money_is_known_by_its_address(address: str, is_real: bool) -> None:
    assert is_for_real_money(address) is is_real


def test_an_address_of_binance_needs_what_real_money_needs(tmp_path: Path) -> None:
    """As `environment = "live"` does: nobody trades real money by a URL that he has pasted."""
    keys = write_keys(tmp_path, b"key\nsecret\n")
    text = AT.format(
        rest="https://api.binance.com",
        ws_api="wss://ws-api.binance.com/ws-api/v3",
        streams="wss://stream.binance.com:9443",
        keys=keys,
    )
    faults = "\n".join(faults_of(tmp_path, text + BREAKOUT))
    assert "https://api.binance.com trades real money (start with --live" in faults
    assert "live trading needs limits" in faults
    assert "--live" not in "\n".join(faults_of(tmp_path, text + BREAKOUT, allows_live=True))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has 0 lines, not 2"),
        (b"key-alone\n", "has 1 lines, not 2"),
        (b"one\ntwo\nthree\n", "has 3 lines, not 2"),
        (bytes(range(256)), "is no text"),
        (b"ke y\nsecret\n", "holds a character that no key has"),
        ("kéy\nsecret\n".encode(), "holds a character that no key has"),
    ],
)
def test_a_key_file_that_holds_no_keys(tmp_path: Path, content: bytes, said: str) -> None:
    keys = write_keys(tmp_path, content)
    text = f'[venue]\nenvironment = "testnet"\nkey_file = "{keys}"\n' + BREAKOUT
    fault = only_fault(tmp_path, text)
    assert said in fault
    assert "secret\n" not in fault
    assert "key-alone" not in fault


@pytest.mark.parametrize(
    "content", [b"key\r\nsecret\r\n", b"\xef\xbb\xbfkey\n\nsecret", b" key \nsecret"]
)
def test_a_key_file_as_editors_leave_it(tmp_path: Path, content: bytes) -> None:
    keys = write_keys(tmp_path, content)
    file = tmp_path / "bot.toml"
    file.write_text(f'[venue]\nenvironment = "testnet"\nkey_file = "{keys}"\n' + BREAKOUT)
    assert load_configuration(file).venue.key_file == keys


def test_variables_that_hold_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[venue]\nenvironment = "testnet"\n' + BREAKOUT
    monkeypatch.setenv("BINANCE_API_KEY", "key\n")
    monkeypatch.setenv("BINANCE_API_SECRET", "-----BEGIN PRIVATE KEY-----\nnone\n")
    faults = faults_of(tmp_path, text)
    assert "BINANCE_API_KEY holds a character that no key has" in faults[0]
    assert "BINANCE_API_SECRET holds is no Ed25519 key" in faults[1]
    assert "none" not in faults[1]


def test_a_private_key_file_that_is_none(tmp_path: Path) -> None:
    keys = write_keys(tmp_path, b"key\n")
    pem = tmp_path / "pem"
    pem.touch(mode=0o600)
    text = f'[venue]\nenvironment = "testnet"\nkey_file = "{keys}"\nprivate_key_file = "{pem}"\n'
    assert "is no Ed25519 private key" in only_fault(tmp_path, text + BREAKOUT)
    pem.write_bytes(bytes(range(256)))
    assert "is no text" in only_fault(tmp_path, text + BREAKOUT)
    made = Ed25519PrivateKey.generate()
    pem.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file = tmp_path / "bot.toml"
    file.write_text(text + BREAKOUT)
    assert load_configuration(file).venue.private_key_file == pem


def test_a_folder_by_its_owners_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "bot.toml"
    file.write_text('[bot]\nstate_folder = "~/bot"\n' + BREAKOUT)
    assert load_configuration(file).bot.folder == tmp_path / "bot"


def test_the_user_sees_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command itself: one line for each fault, exit code 2, no traceback, nothing written."""
    keys = write_keys(tmp_path, os.urandom(8) + b"\xff")
    text = AT.format(rest="http://127.0.0.1:5", keys=keys, **LOCAL)
    file = tmp_path / "bot.toml"
    file.write_text(text + BREAKOUT.replace("BTCUSDT", "btcusdt").replace("level", "levl"))
    assert main(["--config", str(file)]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(str(file)) for line in lines)
    assert captured.out == ""
