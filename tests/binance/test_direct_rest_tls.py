"""Orders by REST over TLS: the same way, and only to a host whose certificate is good."""

import datetime
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from actors.binance.client import BinanceClient
from actors.binance.errors import NotSent
from tests.binance.raw_venue import RawVenue
from tests.binance.scripted_venue import until

ORDER = {"symbol": "BTCUSDT", "newClientOrderId": "a"}


def write_certificate(folder: Path, host: str) -> Path:
    """A certificate that vouches for itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName(host), x509.IPAddress(ip_address("127.0.0.9"))]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


class TrustingClient(BinanceClient):
    """Trusts one authority more."""

    authority: Path

    def _init_session(self) -> aiohttp.ClientSession:
        session = super()._init_session()
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        connector._ssl = ssl.create_default_context(cafile=self.authority)
        return session


@pytest_asyncio.fixture
async def venue(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RawVenue]:
    """A server with a certificate for the host of the test's parameter, or for localhost."""
    TrustingClient.authority = write_certificate(tmp_path, getattr(request, "param", "localhost"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TrustingClient.authority)
    made = RawVenue(tls=context)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.asyncio
async def test_orders_go_over_tls(venue: RawVenue) -> None:
    client = TrustingClient(venue.endpoints, "key", "secret")
    try:
        await client.keep_direct()
        for _ in range(3):
            assert await client.call("post", "order", ORDER, signed=True) == b"{}"
        assert client.direct.sent == 2 + 3
        assert [request.connection for request in venue.requests] == [1, 1, 1]
    finally:
        await client.close_connection()
    await until(lambda: len(venue.closed) == 2)


@pytest.mark.asyncio
async def test_a_host_without_a_known_authority_gets_nothing(venue: RawVenue) -> None:
    await refuse(BinanceClient(venue.endpoints, "key", "secret"), venue)


@pytest.mark.asyncio
@pytest.mark.parametrize("venue", ["api.example.com"], indirect=True)
async def test_a_certificate_of_another_host_is_none(venue: RawVenue) -> None:
    await refuse(TrustingClient(venue.endpoints, "key", "secret"), venue)


async def refuse(client: BinanceClient, venue: RawVenue) -> None:
    """An order is proven unsent, and nothing at all was said."""
    try:
        await client.keep_direct()
        assert not client.direct.is_ready
        with pytest.raises(NotSent, match="certificate"):
            await client.call("post", "order", ORDER, signed=True)
        assert venue.requests == []
        assert venue.pings == []
    finally:
        await client.close_connection()
