"""A static zoo behind a real web server that behaves, and one that does not: what a download does about it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.errors import DownloadError, SinkdError
from sinkd_plugin.storage import cache_folder, sha256
from sinkd_plugin.zoo_files import file_problems
from sinkd_zoo import download
from sinkd_zoo.index import Student
from tests.zoo.serving import Served, serving

WriteRun = Callable[..., Path]
Serve = Callable[..., Served]

NAME, WEIGHTS = "mine", "model.safetensors"  # of the fixture ``student``


def whole(student: Student) -> None:
    """The download succeeds, and is the student."""
    assert file_problems(download(NAME), student.files) == []


def nothing_under_its_name() -> bool:
    entries = list((cache_folder() / "zoo").glob("https/*"))
    return not [path for path in entries if not path.name.startswith(".")]


def test_a_student_comes_over_the_wire(student: Student, serve: Serve) -> None:
    server = serve()
    whole(student)
    whole(student)
    assert [len(server.requests(name)) for name in student.files] == [1] * len(student.files)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))])
def test_cut_at_random_bytes_again_and_again_it_is_resumed(student: Student, serve: Serve, seed: int) -> None:
    draw = random.Random(seed)
    cuts = [draw.randrange(1, 60_000) for _ in range(6)]
    server = serve({"path": WEIGHTS, "cut": [*cuts, None]})
    whole(student)
    requests = server.requests(WEIGHTS)
    assert len(requests) == 7
    assert requests[0]["range"] is None
    assert all(entry["range"] for entry in requests[1:])
    # what had arrived was not sent again; a cut may lose what was still in flight
    assert server.sent(WEIGHTS) <= student.sizes[WEIGHTS] + sum(cuts)


def test_without_ranges_it_starts_over(student: Student, serve: Serve) -> None:
    server = serve({"path": WEIGHTS, "no_ranges": True, "cut": [100_000, 250_000, None]})
    whole(student)
    assert server.sent(WEIGHTS) == 350_000 + student.sizes[WEIGHTS]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(student: Student, serve: Serve) -> None:
    serve({"path": WEIGHTS, "cut": 150_000, "times": 1}, {"path": WEIGHTS, "status": 404}, name="first")
    with pytest.raises(DownloadError, match="404"):
        download(NAME)
    assert nothing_under_its_name()
    server = serve(name="second")
    whole(student)
    (request,) = server.requests(WEIGHTS)
    start = int(request["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 150_000
    assert server.sent(WEIGHTS) == student.sizes[WEIGHTS] - start


def test_wrong_content_is_fetched_once_more(student: Student, serve: Serve, zoo: Path) -> None:
    damaged(zoo)
    server = serve({"path": WEIGHTS, "send": "damaged", "times": 1})
    whole(student)
    assert len(server.requests(WEIGHTS)) == 2


def damaged(zoo: Path, size: int = 0) -> None:
    data = bytearray((zoo / NAME / "1" / WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (zoo / "damaged").write_bytes(data + bytes(size) if size >= 0 else data[:size])


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, r"must be the file on its card\. Received: sha256 [0-9a-f]{64} from .*, on the card is [0-9a-f]{64}"),
        (7, r"must be the file on its card\. Received: \d+ bytes from .*, on the card is \d+ bytes"),
        (-7, r"must be the file on its card\. Received: \d+ bytes from .*, on the card is \d+ bytes"),
    ],
)
def test_wrong_content_never_appears(student: Student, serve: Serve, zoo: Path, size: int, told: str) -> None:
    damaged(zoo, size)
    server = serve({"path": WEIGHTS, "send": "damaged"})
    with pytest.raises(SinkdError, match=told):
        download(NAME)
    assert len(server.requests(WEIGHTS)) == 2
    assert nothing_under_its_name()
    assert [part.stat().st_size for part in (cache_folder() / "zoo" / ".parts").glob("*.part")] == [0]


def test_more_bytes_than_the_card_says_are_not_taken(student: Student, serve: Serve, zoo: Path) -> None:
    damaged(zoo, 50_000_000)
    server = serve({"path": WEIGHTS, "send": "damaged", "length": False})
    with pytest.raises(SinkdError, match="more bytes from"):
        download(NAME)
    assert nothing_under_its_name()
    assert len(server.requests(WEIGHTS)) == 2


def test_a_truncated_answer_without_length_is_resumed(student: Student, serve: Serve) -> None:
    server = serve({"path": WEIGHTS, "length": False, "cut": [123_456, None]})
    whole(student)
    assert server.requests(WEIGHTS)[1]["range"] == "bytes=123456-"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, r"must be there to be fetched\. Received: 404 Not Found"),
        (401, r"401 Unauthorized\. Give a token: SINKD_ZOO_TOKENS=HOST=TOKEN"),
        (403, r"403 Forbidden\. Ask whoever runs it for access"),
        (418, r"Received: 418"),
    ],
)
@pytest.mark.parametrize("path", ["index.json", WEIGHTS])
def test_a_no_is_a_no(student: Student, serve: Serve, status: int, told: str, path: str) -> None:
    server = serve({"path": path, "status": status})
    with pytest.raises(DownloadError, match=told):
        download(NAME)
    assert len(server.requests(path)) == 1
    assert nothing_under_its_name()


def test_busy_servers_are_asked_again(student: Student, serve: Serve) -> None:
    server = serve(
        {"path": WEIGHTS, "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
        {"path": WEIGHTS, "status": 500, "times": 1},
        {"path": WEIGHTS, "status": 503, "headers": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, "times": 1},
    )
    whole(student)
    assert len(server.requests(WEIGHTS)) == 4


def test_a_server_that_asks_to_wait_too_long_is_quoted(student: Student, serve: Serve) -> None:
    server = serve({"path": WEIGHTS, "status": 429, "headers": {"Retry-After": "3600"}})
    with pytest.raises(DownloadError, match=r"429 Too Many Requests, and to wait 3600 s\. Wait, and run it again"):
        download(NAME)
    assert len(server.requests(WEIGHTS)) == 1


def test_a_server_that_stays_broken_is_given_up(
    student: Student, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinkd_zoo.transfer._LONGEST_PAUSE_S", 0.01)
    server = serve({"path": WEIGHTS, "status": 500})
    with pytest.raises(DownloadError, match="Received: 500"):
        download(NAME)
    assert 2 <= len(server.requests(WEIGHTS)) <= 10


@pytest.mark.parametrize(
    "rule",
    [
        {"path": "index.json", "drip_headers_s": 0.3},
        {"path": "index.json", "drip_s": 0.3},
        {"path": WEIGHTS, "drip_headers_s": 0.3},
        {"path": WEIGHTS, "drip_s": 0.3},
        {"path": WEIGHTS, "delay_s": 600},
    ],
    ids=lambda rule: "-".join(map(str, rule)),
)
def test_a_slow_loris_does_not_hold_for_ever(
    student: Student, serve: Serve, monkeypatch: pytest.MonkeyPatch, rule: dict[str, Any]
) -> None:
    """Each byte comes in time, and all of them would take hours."""
    monkeypatch.setenv("SINKD_ZOO_TIMEOUT", "0.6")
    monkeypatch.setattr("sinkd_zoo.transfer.SLOWEST", 2**22)
    serve(rule)
    with pytest.raises(DownloadError, match=r"must arrive within \d s|timed out"):
        download(NAME)
    assert nothing_under_its_name()


def test_a_connection_that_has_served_well_is_bounded_too(
    student: Student, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINKD_ZOO_TIMEOUT", "0.6")
    monkeypatch.setattr("sinkd_zoo.transfer.SLOWEST", 2**22)
    serve({"path": WEIGHTS, "drip_headers_s": 0.3}, {"keep": True})
    with pytest.raises(DownloadError, match=r"must arrive within \d s"):
        download(NAME)


def test_redirects_are_followed(student: Student, serve: Serve) -> None:
    moved = {"status": 302, "headers": {"Location": "/mine/1/config.json"}}
    serve({"path": "config.json", "times": 1, **moved})
    whole(student)


def test_a_redirect_loop_ends(student: Student, serve: Serve) -> None:
    server = serve({"path": WEIGHTS, "status": 302, "headers": {"Location": f"/{WEIGHTS}"}})
    with pytest.raises(DownloadError, match="in at most 5 redirects"):
        download(NAME)
    assert len(server.requests(WEIGHTS)) == 6


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://localhost/x", "http://a:b@localhost/x"])
def test_a_redirect_to_something_else_is_refused(student: Student, serve: Serve, location: str) -> None:
    serve({"path": WEIGHTS, "status": 301, "headers": {"Location": location}})
    with pytest.raises(DownloadError, match="A redirect must lead to https://"):
        download(NAME)


def test_a_token_goes_to_its_own_host_alone(
    student: Student, serve: Serve, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two names of this machine are two hosts; the other one gets the file's request, and never the token."""
    with serving(zoo, name="other") as other:
        elsewhere = other.url.replace("localhost", "127.0.0.1")
        guarded = {"require": {"Authorization": "Bearer s3cret"}}
        moved = {"status": 302, "headers": {"Location": f"{elsewhere}/mine/1/{WEIGHTS}"}}
        server = serve({"path": WEIGHTS, **moved}, guarded)
        with pytest.raises(DownloadError, match="401"):
            download(NAME)
        monkeypatch.setenv("SINKD_ZOO_TOKENS", f"example.org=other, {server.url.removeprefix('http://')}=s3cret")
        whole(student)
        assert server.requests(WEIGHTS)[-1]["authorization"] == "Bearer s3cret"
        assert [entry["authorization"] for entry in other.requests()] == [None]


def test_a_token_variable_of_another_form_is_refused_unread(
    student: Student, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setenv("SINKD_ZOO_TOKENS", "s3cret")
    with pytest.raises(SinkdError, match="must be HOST=TOKEN") as caught:
        download(NAME)
    assert "s3cret" not in str(caught.value)


def test_a_mirror_steps_in(student: Student, serve: Serve, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinkd_zoo.transfer._LONGEST_PAUSE_S", 0.01)
    with serving(zoo, name="mirror") as mirror:
        index = json.loads((zoo / "index.json").read_text())
        (zoo / "index.json").write_text(json.dumps(index | {"mirrors": ["http://localhost:9/", mirror.url]}))
        damaged(zoo)
        server = serve({"path": WEIGHTS, "send": "damaged"}, {"path": "config.json", "status": 404})
        whole(student)
        assert len(server.requests(WEIGHTS)) == 2
        assert sorted(Path(entry["path"]).name for entry in mirror.requests()) == ["config.json", WEIGHTS]


def test_compressed_on_the_way_is_refused(student: Student, serve: Serve) -> None:
    serve({"path": WEIGHTS, "headers": {"Content-Encoding": "gzip"}})
    with pytest.raises(DownloadError, match=r"must be sent as it is\. Received: Content-Encoding gzip"):
        download(NAME)


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINKD_ZOO", "http://localhost:9")
    with pytest.raises(DownloadError, match=r"'http://localhost:9/index\.json' must be reachable.*refused"):
        download(NAME)


def test_the_index_itself_is_bounded(student: Student, serve: Serve, zoo: Path) -> None:
    with (zoo / "index.json").open("r+b") as stream:
        stream.truncate(2**25)
    serve()
    with pytest.raises(SinkdError, match="larger than 16777216 bytes"):
        download(NAME)


def test_the_file_that_appears_is_the_file_that_was_published(student: Student, serve: Serve, zoo: Path) -> None:
    serve({"cut": 7})  # every answer, the index too
    with pytest.raises(SinkdError):
        download(NAME)
    serve(name="second")
    assert sha256(download(NAME) / WEIGHTS) == sha256(zoo / NAME / "1" / WEIGHTS)
