"""Over TLS: an authority of one's own, and nothing that weakens the protocol on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from sinkd_plugin.errors import DownloadError
from sinkd_plugin.zoo_files import file_problems
from sinkd_zoo import download
from sinkd_zoo.index import Student
from tests.zoo.serving import Served, serving

Serve = Callable[..., Served]

NAME, WEIGHTS = "mine", "model.safetensors"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Key and certificate of ``localhost``, by an authority that ``SSL_CERT_FILE`` names."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "localhost.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return tmp_path / "localhost.pem"


def test_an_authority_of_ones_own_is_trusted(student: Student, serve: Serve, certificate: Path) -> None:
    serve(certificate=certificate)
    assert file_problems(download(NAME), student.files) == []


def test_an_unknown_authority_is_not(
    student: Student, serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(certificate=certificate)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DownloadError, match=r"certificate of 'localhost:\d+' must be one that this machine trusts"):
        download(NAME)


def test_no_redirect_leads_out_of_the_encryption(student: Student, serve: Serve, zoo: Path, certificate: Path) -> None:
    with serving(zoo, name="plain") as plain:
        moved = {"status": 302, "headers": {"Location": f"{plain.url}/mine/1/{WEIGHTS}"}}
        serve({"path": WEIGHTS, **moved}, certificate=certificate)
        with pytest.raises(DownloadError, match=r"must lead to https://.*Received: 'http://localhost'"):
            download(NAME)
        assert plain.requests() == []


def test_no_mirror_leads_out_of_the_encryption(student: Student, serve: Serve, zoo: Path, certificate: Path) -> None:
    index = json.loads((zoo / "index.json").read_text())
    (zoo / "index.json").write_text(json.dumps(index | {"mirrors": ["http://localhost:9/"]}))
    server = serve(certificate=certificate)
    with pytest.raises(DownloadError, match="mirrors of an encrypted zoo must be encrypted"):
        download(NAME)
    assert server.requests(WEIGHTS) == []
