import pytest

from caption_studio.images.url_guard import Refused, Target, URLGuard, is_public_address

GUARD = URLGuard(max_url_bytes=8192, listed_hosts=())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com", ("http", "example.com", 80, "/")),
        ("HTTPS://EXAMPLE.com/A.jpg", ("https", "example.com", 443, "/A.jpg")),
        ("http://example.com:443/a", ("http", "example.com", 443, "/a")),
        ("https://example.com:80/", ("https", "example.com", 80, "/")),
        ("http://example.com?q=1#part", ("http", "example.com", 80, "/?q=1")),
        ("http://example.com/a?b=@c:d/e?f", ("http", "example.com", 80, "/a?b=@c:d/e?f")),
        ("http://example.com/%20b%zz", ("http", "example.com", 80, "/%20b%zz")),
        ("http://example.com/ä", ("http", "example.com", 80, "/%C3%A4")),
        ("http://a_b.xn--bcher-kva.example/", ("http", "a_b.xn--bcher-kva.example", 80, "/")),
        ("http://1.2.3.4/", ("http", "1.2.3.4", 80, "/")),
        ("http://1.example/", ("http", "1.example", 80, "/")),
        ("http://[2606:4700:0::1111]/", ("http", "2606:4700::1111", 80, "/")),
        ("http://" + "a." * 100 + "example/", ("http", "a." * 100 + "example", 80, "/")),
        ("http://example.com/" + "x" * (8192 - 19), ("http", "example.com", 80, None)),
    ],
)
def test_reads_plain_urls(url: str, expected: tuple[str, str, int, str | None]) -> None:
    target = GUARD.read(url)
    scheme, host, port, path = expected
    assert (target.scheme, target.host, target.port) == (scheme, host, port)
    assert path is None or target.path == path


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://example.com/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://example.com:443/", "example.com"),
        ("http://[2606:4700::1111]/", "[2606:4700::1111]"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_must(url: str, authority: str) -> None:
    assert GUARD.read(url).authority == authority


REFUSED_URLS = [
    # schemes
    "ftp://example.com/a.jpg",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "blob:http://example.com/x",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "http\u017f://example.com/",  # a long s, which is an s where case is ignored
    "ht\ntp://example.com/",
    # relative
    "//example.com/a.jpg",
    "/a.jpg",
    "a.jpg",
    "example.com/a.jpg",
    "?a",
    # local files and bare base64
    "photo.jpg",
    "./photo.jpg",
    "~/photo.jpg",
    "/home/me/photo.jpg",
    "file://localhost/home/me/photo.jpg",
    "C:\\Users\\me\\photo.jpg",
    "c:/photo.jpg",
    "\\\\server\\share\\photo.jpg",
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAI",
    "/9j/4AAQSkZJRgABAQAAAQABAAD",
    "/9j/4AAQSkZJRgABAQAAAQABAAD" * 1000,
    # no host
    "",
    " ",
    "http:",
    "http:/example.com/",
    "http:example.com",
    "http://",
    "http:///a.jpg",
    "http://:80/",
    "http://?a",
    "http://#a",
    # characters
    " http://example.com/",
    "http://example.com/ ",
    "http://example.com/a b",
    "http://example.com/\t",
    "http://exam\nple.com/",
    "http://example.com/\r\nHost: evil",
    "http://example.com/\0",
    "http://example.com/\x7f",
    "http://example.com/\u0085",
    "http://example.com/\u2028",
    "http://example.com/\ud800",
    "http://example.com\\a",
    "http:\\\\example.com\\",
    "http://127.0.0.1\\@ok/",
    # userinfo
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://@example.com/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com%00@127.0.0.1/",
    # ports
    "http://example.com:8080/",
    "http://example.com:22/",
    "http://example.com:0/",
    "http://example.com:65616/",  # 80 modulo 65536
    "http://example.com:/",
    "http://example.com:-80/",
    "http://example.com:+80/",
    "http://example.com:\uff18\uff10/",
    "http://example.com:80:80/",
    # numbers that are no plain address
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://1.2.3.04/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://foo.0x/",
    "http://example.1/",
    # other alphabets and other dots
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://ⓔxample.com/",
    "http://bücher.example/",
    "http://localhos\u212a/",
    # dots
    "http://127.0.0.1./",
    "http://localhost./",
    "http://example.com./",
    "http://.example.com/",
    "http://example..com/",
    "http://./",
    # brackets
    "http://[::1/",
    "http://::1/",
    "http://[]/",
    "http://[::1]x/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[2606:4700::1111%1]/",
    "http://[v1.x]/",
    "http://[127.0.0.1]/",
    "http://[::1]]/",
    # names that cannot be
    "http://exa%6dple.com/",
    "http://%31%32%37.0.0.1/",
    "http://exam*ple.com/",
    "http://-example.com/",
    "http://example-.com/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 126 + "com/",
    "http://$(id).example.com/",
    # too long
    "http://example.com/" + "x" * 8192,
    "http://example.com/" + "ä" * 4090,
]


@pytest.mark.parametrize("url", REFUSED_URLS, ids=lambda url: ascii(url)[:60])
def test_refuses(url: str) -> None:
    with pytest.raises(Refused):
        GUARD.read(url)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # IPv4-compatible
        "::ffff:127.0.0.1",  # IPv4-mapped
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",  # IPv4-translated
        "64:ff9b::7f00:1",  # NAT64
        "64:ff9b::808:808",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::1",  # Teredo
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",  # 6to4
        "2002:808:808::1",
        "3ffe::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "",
        "localhost",
        "127.1",
        "1.2.3.4/32",
    ],
)
def test_forbids_the_address(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "100.63.255.255",
        "172.32.0.1",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2400:cb00::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::200e",
    ],
)
def test_allows_the_address(address: str) -> None:
    assert is_public_address(address)


def target(url: str = "http://example.com/", guard: URLGuard = GUARD) -> Target:
    return guard.read(url)


@pytest.mark.parametrize(
    "addresses",
    [(), ("127.0.0.1",), ("1.1.1.1", "10.0.0.1"), ("::1", "1.1.1.1"), ("1.1.1.1", "nonsense")],
)
def test_one_forbidden_address_is_enough(addresses: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        GUARD.check_addresses(target(), addresses)


LISTED = URLGuard(
    max_url_bytes=8192, listed_hosts=("Store.internal:9000", "[::1]:80", "10.0.0.7:80")
)


@pytest.mark.parametrize(
    "url",
    [
        "http://store.internal:9000/a",
        "https://STORE.internal:9000/",
        "http://[::1]/",
        "http://[0::1]:80/",
        "http://10.0.0.7/",
    ],
)
def test_a_listed_host_may_have_any_port_and_address(url: str) -> None:
    read = LISTED.read(url)
    assert read.is_listed
    LISTED.check_addresses(read, ("127.0.0.1", "fe80::1"))


@pytest.mark.parametrize(
    "url",
    [
        "http://store.internal/",
        "http://store.internal:9001/",
        "http://other.store.internal:9000/",
        "http://store.internal.evil:9000/",
        "http://store.internal:9000@evil/",
        "http://store.internal.:9000/",
        "https://[::1]/",
        "http://10.0.0.8/",
    ],
)
def test_the_list_is_exact(url: str) -> None:
    with pytest.raises(Refused):
        LISTED.check_addresses(LISTED.read(url), ("10.0.0.7",))


def test_a_listed_host_without_an_address_is_refused() -> None:
    with pytest.raises(Refused):
        LISTED.check_addresses(LISTED.read("http://store.internal:9000/"), ())


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b?c", "http://example.com/b?c"),
        ("b", "http://example.com/dir/b"),
        ("../b", "http://example.com/b"),
        ("?c", "http://example.com/dir/a?c"),
        ("//other.example/b", "http://other.example/b"),
        ("https://other.example", "https://other.example/"),
        ("", "http://example.com/dir/a"),
    ],
)
def test_follows_redirects_as_the_url_standard_says(location: str, expected: str) -> None:
    assert GUARD.follow(target("http://example.com/dir/a"), location) == GUARD.read(expected)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "//user@b/",
        "http://b:22/",
        "\t//b/",
        "/a\nb",
        "\\\\b\\",
        "//[::1",
        "//0",
        "data:image/png;base64,AAAA",
        "/" + "x" * 9000,
    ],
)
def test_judges_redirects_afresh(location: str) -> None:
    with pytest.raises(Refused):
        GUARD.follow(target(), location)


def test_a_redirect_within_a_listed_host_keeps_its_port() -> None:
    store = target("http://store.internal:9000/a", LISTED)
    assert LISTED.follow(store, "/b").is_listed
    assert not LISTED.follow(store, "http://store.internal/b").is_listed
