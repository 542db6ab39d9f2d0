"""A client gets what the runtime answers, or an error that says what is wrong."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.runtime import Student, Text
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import validate

LIMITS = ("--max-texts", "40", "--max-characters", "3000", "--max-body-bytes", "20000", "--body-seconds", "2")


@pytest.fixture(scope="module")
def server(exported: Path, start_server: Callable[..., Any]) -> Any:
    return start_server(exported, *LIMITS)


def post(server: Any, body: object, **options: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{server.url}/predict", content=content, timeout=30, **options)


def test_predictions_are_those_of_the_runtime(
    server: Any, student: Student, agrees: Callable[[Any, Any], bool]
) -> None:
    texts: list[Text] = [*OWN_SENTENCES, ("not good", "the film"), "film"]
    answer = post(server, {"texts": texts})
    assert answer.status_code == 200
    assert agrees(answer.json()["predictions"], student.predict(texts))


def test_texts_that_were_cut_are_named(server: Any) -> None:
    texts = ["film", "good film " * 200, "film", "film " * 100]
    assert post(server, {"texts": texts}).json()["truncated"] == [1, 3]
    refused = post(server, {"texts": texts, "truncation": False})
    assert refused.status_code == 422
    assert "402 at position 1" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (b"{", 400, "bad_json", "must be JSON"),
        (b"", 400, "bad_json", "must be JSON"),
        (b"\xff\xfe", 400, "bad_json", "UTF-8"),
        (b"[" * 15000, 400, "bad_json", "must be JSON"),
        ([], 422, "no_texts", "object with a list"),
        ({}, 422, "no_texts", "object with a list"),
        ({"texts": []}, 422, "no_texts", "object with a list"),
        ({"texts": "film"}, 422, "no_texts", "object with a list"),
        ({"text": ["film"]}, 422, "bad_option", "Did you mean 'texts'?"),
        ({"texts": ["film"], "truncation": 3}, 422, "bad_option", "true or false"),
        ({"texts": ["film", None]}, 422, "bad_text", "NoneType at position 1"),
        ({"texts": ["film", "  "]}, 422, "bad_text", "at position 1"),
        ({"texts": [["film", ""], ["", " "]]}, 422, "bad_text", "at position 1"),
        ({"texts": ["film", "\u200b"]}, 422, "bad_text", "none at position 1"),
        ({"texts": [["a", "b", "c"]]}, 422, "bad_text", "list at position 0"),
        ({"texts": [1]}, 422, "bad_text", "int at position 0"),
        (b'{"texts": ["\\ud800"]}', 422, "bad_text", "surrogate"),
        ({"texts": ["film"] * 41}, 413, "too_many_texts", "At most 40 texts are taken, not 41"),
        ({"texts": ["film", "x" * 3001]}, 413, "text_too_long", "not 3001 as at position 1"),
        ({"texts": [["x" * 2000, "y" * 2000]]}, 413, "text_too_long", "not 4000 as at position 0"),
        (b" " * 20001, 413, "body_too_large", "at most 20000 bytes"),
    ],
)
def test_mistakes_are_told(server: Any, body: object, status: int, code: str, message: str) -> None:
    answer = post(server, body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["code"] == code
    assert message in answer.json()["error"]["message"]
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/predict", 405), ("POST", "/", 404), ("GET", "/docs", 404)]
)
def test_other_paths_lead_to_predict(server: Any, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, server.url + path, timeout=30)
    assert answer.status_code == status
    assert "POST /predict" in answer.json()["error"]["message"]


def test_a_body_without_a_length_is_read_no_further_than_allowed(server: Any) -> None:
    """The client would go on for ever."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        received = b""
        while not received:
            with contextlib.suppress(OSError):  # the server hangs up when it has said why
                client.sendall(b"400\r\n" + b" " * 0x400 + b"\r\n")
            readable, _, _ = select.select([client], [], [], 0)
            received += client.recv(4096) if readable else b""
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in received.lower()


def test_a_body_that_trickles_is_given_up(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"texts": ["fi')
        received = client.recv(4096)
        assert received.startswith(b"HTTP/1.1 408 ")
        assert b"within 2 seconds" in received or b"within 2 seconds" in client.recv(4096)
    assert post(server, {"texts": ["film"]}).status_code == 200


def test_a_client_that_leaves_harms_nobody(server: Any) -> None:
    for sent in (
        b"POST /predict HT",
        b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"texts": ["fi',
    ):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(sent)
    assert post(server, {"texts": ["film"]}).status_code == 200


def test_health_and_description(server: Any) -> None:
    assert httpx.get(f"{server.url}/health/live").json() == {"status": "live"}
    for path in ("/health", "/health/ready"):
        health = httpx.get(server.url + path)
        assert health.status_code == 200
        assert health.json()["status"] == "ready"
        assert health.json()["labels"] == ["negative", "neutral", "positive"]
    described = httpx.get(f"{server.url}/openapi.json").json()["paths"]["/predict"]["post"]
    assert {"200", "400", "408", "413", "422", "429"} <= set(described["responses"])


def test_an_address_that_is_taken_is_told(server: Any, exported: Path) -> None:
    command = [sys.executable, "-m", "sinkd_plugin", "serve", str(exported), "--port", str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"needs a free address of this machine. Received: 127.0.0.1:{server.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_a_student_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sinkd_plugin", "serve", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "must hold model.onnx" in done.stderr


def test_a_graph_of_another_folder_is_refused(exported: Path) -> None:
    file = f"../{exported.name}/model.onnx"
    command = [sys.executable, "-m", "sinkd_plugin", "serve", str(exported), "--port", "0", "--file", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "file must be a path inside the exported folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_options_are_checked_together() -> None:
    from sinkd_export.serve.options import ServeOptions

    with pytest.raises(ConfigError, match=r"max_queue \(10\) must be at least max_texts \(256\)"):
        validate(ServeOptions, {"max_queue": 10})
    with pytest.raises(ConfigError, match="max_wait_ms"):
        validate(ServeOptions, {"max_wait_ms": -1})


def test_serving_needs_neither_torch_nor_transformers() -> None:
    script = """
import sys
import sinkd_export.serve.server, sinkd_export.serve_command
heavy = {"torch", "transformers", "optimum", "onnx", "datasets", "textbrewer"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
