"""What export/README.md says of predicting and serving is what runs."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.serve.options import ServeOptions
from sinkd_export.serve.question import read_question
from sinkd_plugin.cli.main import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "export" / "README.md").read_text(encoding="utf-8")
RECORD = json.loads((ROOT / "export" / "results" / "serve.json").read_text(encoding="utf-8"))
SERVE = ROOT / "export" / "sinkd_export" / "serve"


def section(title: str) -> str:
    return README.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_lines_of_predict_run(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(exported, tmp_path / "exported")
    (tmp_path / "reviews.txt").write_text("\n".join(OWN_SENTENCES), encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", section("Predict"), flags=re.DOTALL)
    exec(program, {})
    assert len(capsys.readouterr().out.splitlines()) == len(OWN_SENTENCES)


def test_the_request_of_serve_is_one() -> None:
    (body,) = re.findall(r"curl -d '(.*?)'", section("Serve"))
    assert len(read_question(body.encode(), ServeOptions()).items) == 2


def test_the_table_of_serve_holds_every_refusal() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SERVE.glob("*.py"))
    raised = set(re.findall(r'RefusalError\(\s*(4\d\d), "(\w+)"', code))
    rows = re.findall(r"^\| (4\d\d) \|.*\| (.*) \|$", section("Serve"), flags=re.MULTILINE)
    told = {(status, name) for status, names in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == raised


def test_the_options_of_serve_exist() -> None:
    help_text = CliRunner().invoke(cli, ["serve", "--help"]).output
    for option in set(re.findall(r"`(--[a-z-]+)", section("Serve"))):
        assert option in help_text, option


def test_the_figures_of_serve_are_those_of_the_record() -> None:
    text = section("Serve")
    for case in RECORD["cases"]:
        cells = (written(case["ratio"][name]) for name in ("texts_per_second", "p50", "p99"))
        row = f"| {case['clients']} × {case['texts_per_request']} | {' | '.join(cells)} |"
        assert row in text, row
    faster = RECORD["padding"]["times_faster_than_alone"]
    assert f"{faster['near lengths']:.2f} times as fast in batches of about one length" in text
    assert f"{faster['any lengths']:.2f} times as fast all together" in text
    assert RECORD["command"] in text


def written(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


RESULTS = ROOT / "export" / "results"
GOALS = (
    ("float32, 1 × 16", 2.4, "teacher, fp32", (1, 16)),
    ("float32, 8 × 128", 1.1, "teacher, fp32", (8, 128)),
    ("int8, 1 × 16", 5.5, "teacher, int8", (1, 16)),
    ("int8, 8 × 128", 2.7, "teacher, int8", (8, 128)),
)


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return found


def rows_of_measure() -> Iterator[str]:
    """The table of what was reached, from the records."""
    forms, quickstart = record("forms.json"), record("quickstart.json")
    measured = {(each["model"], tuple(each["shape"].values())): each for each in forms["measurements"]}
    for what, goal, model, shape in GOALS:
        found = measured[model, shape]
        yield row(what, goal, found["cpu_ratio"], f"{found['share_of_floor']:.0%}")
    passes = {(each["model"], each["arrangement"]): each for each in quickstart["traffic"]["passes"]}
    ordered, both = passes["teacher", "sorted"], passes["student, int8", "sorted"]
    share = f"{ordered['share_of_floor']:.0%}"
    yield row("sorted by length over padded to 128, PyTorch", 3.5, ordered["cpu_ratio"], share)
    for name, file in (("T5", "generation_t5.json"), ("GPT-Neo", "generation_gpt_neo.json")):
        for found in record(file)["measurements"]:
            if found["model"].endswith("fp32"):
                what = f"{name} writing 32 tokens, float32, batch {found['shape']['batch']}"
                yield row(what, 1.7, found["cpu_ratio"], f"{found['share_of_floor']:.0%}")
    share = f"{both['share_of_floor']:.0%}"
    yield row("3-layer int8, sorted, over 6-layer PyTorch, padded", 20, both["cpu_ratio"], share)


def rows_of_forms() -> Iterator[str]:
    """Every form of both models at either shape: milliseconds, times as fast as the teacher in PyTorch, of peak."""
    forms = record("forms.json")
    measured = {(each["model"], tuple(each["shape"].values())): each for each in forms["measurements"]}
    for model in dict.fromkeys(each["model"] for each in forms["measurements"]):
        cells = [measured[model, shape] for shape in ((1, 16), (8, 128))]
        told = [f"{each['cpu_ms']:.1f} ms, {each['cpu_ratio']:.2f}×, {each['share_of_floor']:.0%}" for each in cells]
        yield f"| {model} | {' | '.join(told)} |"


def row(what: str, goal: float, reached: float, share: str) -> str:
    return f"| {what} | {goal:g} | {reached:.3f} | {'yes' if reached >= goal else 'no'} | {share} |"


def test_the_figures_of_measure_are_those_of_the_records() -> None:
    text = section("Measure")
    for line in (*rows_of_measure(), *rows_of_forms()):
        assert line in text, line
    forms, quickstart = record("forms.json"), record("quickstart.json")
    scores = {each["model"]: each for each in quickstart["traffic"]["scores"]}
    assert f"at a loss of {scores['student, int8']['lost']:.3f} of accuracy" in text
    assert f"{forms['peak']['float32_gflops']:.0f} GFLOP/s in float32" in text
    assert f"{forms['peak']['int8_gops']:.0f} GOP/s in int8" in text
    assert forms["int8_instructions"] in text
    assert f"{forms['load']['cpu_share']:.0%} of a processor" in text
    assert f"{quickstart['load']['cpu_share']:.0%} of one" in text
    tiny = [each["cpu_ratio"] for each in record("generation_tiny.json")["measurements"] if "fp32" in each["model"]]
    assert "bundled T5 is {:.2f} and {:.2f} times as fast".format(*tiny) in text
    footprints = {each["name"]: each["footprint"] for each in quickstart["models"]}
    held = [footprints[name] for name in ("student, int8", "student")]
    told = (
        "Loaded, the int8 student takes {:.0f} MB beside its libraries, {:.0f} MB with them, and {:.0f} ms; "
        "in PyTorch {:.0f} MB, {:.0f} MB and {:.0f} ms."
    )
    assert told.format(*(each[key] for each in held for key in ("memory_mb", "peak_memory_mb", "load_ms"))) in text


def test_the_front_page_says_what_the_record_says() -> None:
    traffic = record("quickstart.json")["traffic"]
    (ratio,) = [
        each["cpu_ratio"]
        for each in traffic["passes"]
        if (each["model"], each["arrangement"]) == ("student, int8", "sorted")
    ]
    (lost,) = [each["lost"] for each in traffic["scores"] if each["model"] == "student, int8"]
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"labels reviews {ratio:.0f} times as fast as its 6-layer teacher" in text
    assert f"loses {lost:.3f} of accuracy" in text


def test_the_options_of_measure_exist() -> None:
    help_text = CliRunner().invoke(cli, ["bench", "--help"]).output
    for option in set(re.findall(r"(?<!-)--[a-z][a-z-]+", section("Measure"))):
        assert option in help_text, option
