"""A model repository that Triton would take: its configuration parses with Triton's own schema and fits the graph."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from sinkd_export.asking import asked_source
from sinkd_export.export import export_model
from sinkd_export.families import Form
from sinkd_export.model_folder import load_model
from sinkd_export.runtime import Student
from sinkd_export.sentences import choose_sentences
from sinkd_export.source import find_source
from sinkd_export.specs import ExportTargetSpec
from sinkd_export.targets import export_targets
from sinkd_export.tokens import open_tokens
from sinkd_export.torch_runner import TorchClassifier
from sinkd_plugin.errors import ModelReferenceError, UserError

TYPES = {"tensor(int64)": model_config_pb2.TYPE_INT64, "tensor(float)": model_config_pb2.TYPE_FP32}


@pytest.fixture(scope="module")
def repository(classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported_to(classifier, tmp_path_factory.mktemp("triton") / "repository")


def exported_to(folder: Path, into: Path, target: str = "triton", form: Form = "classification") -> Path:
    spec = export_targets().get(target)
    source, sentences = asked_source(find_source(str(folder), spec, form), choose_sentences(folder))
    export_model(source, into, target=spec, sentences=sentences)
    return into


def configuration(repository: Path) -> Any:
    """Parsed with the schema that NVIDIA publishes; an unknown field or a wrong type raises."""
    text = (repository / "student" / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_the_repository_holds_one_model_and_one_version(repository: Path) -> None:
    folders = [path.name for path in repository.iterdir() if path.is_dir()]
    assert folders == [configuration(repository).name] == ["student"]
    assert sorted(path.name for path in (repository / "student").iterdir()) == ["1", "config.pbtxt", "labels.txt"]
    assert [path.name for path in (repository / "student" / "1").iterdir()] == ["model.onnx"]
    report = json.loads((repository / "export.json").read_text(encoding="utf-8"))
    assert "student/config.pbtxt" in report["files"]


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
def test_the_configuration_fits_the_graph(
    model_type: str, save_classifier: Callable[..., Path], tmp_path: Path
) -> None:
    """Inputs by name and type, the batch axis left to Triton; RoBERTa has an input less."""
    repository = exported_to(save_classifier(tmp_path / "model", model_type), tmp_path / "repository")
    config = configuration(repository)
    graph = repository / "student" / "1" / (config.default_model_filename or "model.onnx")
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    found = {tensor.name: (tensor.data_type, list(tensor.dims)) for tensor in (*config.input, *config.output)}
    expected = {node.name: (TYPES[node.type], [-1]) for node in session.get_inputs()}
    assert found == {**expected, "logits": (model_config_pb2.TYPE_FP32, [3])}
    assert ("token_type_ids" in found) == (model_type == "bert")
    assert config.backend == "onnxruntime"


def test_requests_are_batched(repository: Path) -> None:
    config = configuration(repository)
    assert config.HasField("dynamic_batching")
    assert 0 < config.dynamic_batching.max_queue_delay_microseconds < 100_000
    assert config.max_batch_size > 1


def test_labels_stand_in_the_order_of_the_logits(repository: Path) -> None:
    (output,) = configuration(repository).output
    names = (repository / "student" / output.label_filename).read_text(encoding="utf-8").splitlines()
    assert names == ["negative", "neutral", "positive"]


def test_a_client_makes_the_ids_with_the_tokenizer_at_the_root(repository: Path, exported: Path) -> None:
    from sinkd_export.session import open_classifier

    tokens = open_tokens(repository)
    logits = open_classifier(repository / "student" / "1" / "model.onnx")(tokens.padded(tokens.encode(["good film"])))
    (answer,) = Student.load(exported).predict(["good film"])
    assert answer["label"] == ("negative", "neutral", "positive")[int(np.argmax(logits))]


def test_a_repository_is_for_triton_alone(repository: Path) -> None:
    rule = "A Triton model repository is served by tritonserver, and not loaded here."
    with pytest.raises(ModelReferenceError, match=rf"{rule} Received: '{repository}'\. .*once more with --target onnx"):
        Student.load(repository)
    command = [sys.executable, "-m", "sinkd_plugin", "serve", str(repository), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert rule in done.stderr
    assert "Traceback" not in done.stderr


def test_a_label_of_two_lines_stays_on_one(save_classifier: Callable[..., Path], tmp_path: Path) -> None:
    labels = {0: "not\nso good", 1: "good", 2: "better"}
    ids = {name: index for index, name in labels.items()}
    folder = save_classifier(tmp_path / "model", id2label=labels, label2id=ids)
    repository = exported_to(folder, tmp_path / "repository")
    assert (repository / "student" / "labels.txt").read_text(encoding="utf-8") == "not so good\ngood\nbetter\n"


def test_a_repository_has_a_layout_of_its_own(classifier: Path, tmp_path: Path) -> None:
    target = export_targets().get("triton")
    source, sentences = find_source(str(classifier), target), choose_sentences(classifier)
    with pytest.raises(UserError, match=r"'triton' has a layout of its own.*Leave out --layout"):
        export_model(source, tmp_path / "out", target=target, sentences=sentences, layout="transformers.js")
    assert not list(tmp_path.iterdir())


@contextmanager
def kserve(repository: Path) -> Iterator[int]:
    """The port of a server of KServe's v2 protocol, as Triton speaks it, for one model repository."""
    config = configuration(repository)
    session = onnxruntime.InferenceSession(repository / config.name / "1" / "model.onnx")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == f"/v2/models/{config.name}/infer"
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            feed = {each["name"]: np.array(each["data"], dtype=np.int64) for each in request["inputs"]}
            assert all(list(feed[each["name"]].shape) == each["shape"] for each in request["inputs"])
            assert {each["datatype"] for each in request["inputs"]} == {"INT64"}
            (logits,) = session.run(["logits"], feed)
            output = {"name": "logits", "datatype": "FP32", "shape": logits.shape, "data": logits.ravel().tolist()}
            body = json.dumps({"outputs": [output]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Nothing of it belongs on stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def run_card(repository: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the client prints that stands in a repository's card."""
    card = (repository / "README.md").read_text(encoding="utf-8")
    assert "tritonserver --model-repository=" in card
    assert "Student.load" not in card
    (program,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    with kserve(repository) as port:
        program = program.replace("path/to/this/folder", str(repository))
        exec(program.replace("localhost:8000", f"127.0.0.1:{port}"), {})
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
def test_the_client_of_the_card_gets_what_the_runtime_answers(
    model_type: str, save_classifier: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_classifier(tmp_path / "model", model_type)
    repository = exported_to(folder, tmp_path / "repository")
    student = Student.load(exported_to(folder, tmp_path / "onnx", target="onnx"))
    told = run_card(repository, capsys)
    assert told == expected(student, {text: text for text in TEXTS})


TEXTS = ("A warm and funny film.", "Dull.")


def expected(student: Student, asked: dict[str, str]) -> list[str]:
    answers = student.predict(list(asked))
    rows = [{name: round(value, 4) for name, value in answer["scores"].items()} for answer in answers]
    return [f"{question} {row}" for question, row in zip(asked.values(), rows, strict=True)]


def test_a_client_of_an_asked_student_fills_its_prompt(
    save_generator: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_generator(tmp_path / "model", "gpt_neo")
    prompt = {"template": "{text} Was it {{any}} good?", "verbalisers": ["it is dull", "it is fine"]}
    record = {"task": "reviews", "data_dir": "nowhere", "max_length": 40, "prompt": prompt}
    (folder / "sinkd.json").write_text(json.dumps(record), encoding="utf-8")
    student = Student.load(exported_to(folder, tmp_path / "onnx", target="onnx"))
    told = run_card(exported_to(folder, tmp_path / "repository"), capsys)
    assert told == expected(student, {text: f"{text} Was it {{any}} good?" for text in TEXTS})


def test_a_card_promises_no_more_than_its_target_says(classifier: Path, tmp_path: Path) -> None:
    """A target of a third party writes what only it can load."""

    def load(_folder: Path) -> TorchClassifier:
        return TorchClassifier(load_model(classifier))

    def export(_model: Path, into: Path) -> None:
        (into / "weights.bin").write_bytes(b"0")

    spec = ExportTargetSpec(
        name="acme", summary="Acme.", supports=lambda _config: True, load=load, tolerance=1e-3, export=export
    )
    source, sentences = find_source(str(classifier), spec), choose_sentences(classifier)
    export_model(source, tmp_path / "out", target=spec, sentences=sentences)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "The export target `acme` wrote this folder" in card
    assert "sinkd_export.runtime" not in card
    assert "onnx" not in card.lower().replace("sinkd_export", "")
