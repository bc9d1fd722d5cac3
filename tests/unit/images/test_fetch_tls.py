"""TLS goes by the name although the connection goes to a checked address."""

import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from caption_studio.errors import InvalidImageURL
from tests.unit.images.internet import Internet
from tests.unit.images.test_fetch import ADDRESS, PNG, ok, silence

pytestmark = pytest.mark.anyio

URL = "https://pictures.example/cat.jpg"


@pytest.fixture
def certified(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]:
    """Give a maker of server and client contexts around a certificate for a name."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def make(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), 1, now - day, now + day)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        file = tmp_path / "server.pem"
        file.write_bytes(
            certificate
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(file)
        return server, ssl.create_default_context(cadata=certificate.decode())

    return make


@pytest.fixture
def example(internet: Internet) -> Internet:
    internet.names["pictures.example"] = [[ADDRESS]]
    return internet


async def test_the_certificate_is_checked_against_the_name(
    example: Internet, certified: Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]
) -> None:
    server, client = certified("pictures.example")
    asked_for = []
    server.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with example.site(ADDRESS, 443, ok(), tls=server):
        assert await example.fetch(URL, tls=client) == PNG
    assert asked_for == ["pictures.example"]
    assert example.connected == [(ADDRESS, 443)]


async def test_a_certificate_for_another_name_fails(
    example: Internet, certified: Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]
) -> None:
    server, client = certified("other.example")
    async with example.site(ADDRESS, 443, ok(), tls=server):
        with pytest.raises(InvalidImageURL, match="could not be fetched"):
            await example.fetch(URL, tls=client)
    assert example.requests == []


async def test_a_certificate_of_unknown_origin_fails(
    example: Internet, certified: Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]
) -> None:
    server, _ = certified("pictures.example")
    async with example.site(ADDRESS, 443, ok(), tls=server):
        with pytest.raises(InvalidImageURL, match="could not be fetched"):
            await example.fetch(URL)
    assert example.requests == []


async def test_a_server_without_tls_fails(example: Internet) -> None:
    async with example.site(ADDRESS, 443, b"HTTP/1.1 400 Bad Request\r\n\r\n", greet=True):
        with pytest.raises(InvalidImageURL, match="could not be fetched"):
            await example.fetch(URL)


async def test_a_handshake_that_never_ends_is_under_the_deadline(example: Internet) -> None:
    async with example.site(ADDRESS, 443, silence, greet=True):
        with pytest.raises(InvalidImageURL, match="in time"):
            await example.fetch(URL, fetch_timeout_s=0.1)
