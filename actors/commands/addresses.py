"""Addresses of a venue as a person writes them: whether they are any, and whether real money lies behind them."""

from urllib.parse import urlsplit

REAL_DOMAINS = ("binance.com", "binance.us", "binance.je")
"""Their hosts trade real money, all but those that are called demo."""
PRACTICE = "demo-"


def find_address_problem(address: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with a URL, in words; empty if nothing is."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"{address!r} is no address: {error}"
    if parts.scheme not in schemes or not host or address != address.strip() or " " in address:
        return f"{address!r} is no address that begins with {' or '.join(schemes)}:// and a host"
    if port == 0:
        return f"{address!r} has port 0"
    if parts.username is not None or parts.query or parts.fragment:
        return f"the address of {host} must hold no name, password or query"
    return ""


def is_for_real_money(address: str) -> bool:
    """Whether an address is one of Binance's own, where orders are for real."""
    host = (urlsplit(address).hostname or "").rstrip(".").lower()
    if host.startswith(PRACTICE):
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in REAL_DOMAINS)
