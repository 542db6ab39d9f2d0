from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_zoo.index import write_index
from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def bert_run(tmp_path: Path, finish_run: Callable[..., None]) -> Path:
    """A run whose student is a real, tiny BERT with a tokenizer."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    student = tmp_path / "run" / "student"
    student.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "film"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertForSequenceClassification(config).save_pretrained(student)
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(student)
    finish_run(tmp_path / "run")
    return tmp_path / "run"


def test_publish_list_info_download_verify_load(zoo: Path, bert_run: Path, sinkd: Sinkd) -> None:
    card = json.loads(sinkd("publish", bert_run, "--to", zoo, "--name", "tiny", "--json").stdout)
    (listed,) = [row for row in json.loads(sinkd("list", "--json").stdout) if row["source"] == "folder"]
    assert listed == card | {"source": "folder", "offered": True, "revisions": ["1"], "cached": None}
    assert json.loads(sinkd("info", "tiny", "--json").stdout) == listed
    folder = sinkd("download", "tiny").stdout.removesuffix("\n")
    (verified,) = json.loads(sinkd("verify", "--json").stdout)
    assert verified == {"name": "tiny", "revision": "1", "source": "folder", "folder": folder, "problems": []}
    _loads_the_same(bert_run / "student", Path(folder))


def _loads_the_same(published: Path, downloaded: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    words = AutoTokenizer.from_pretrained(downloaded)("a good film", return_tensors="pt")
    models = [AutoModelForSequenceClassification.from_pretrained(folder).eval() for folder in (published, downloaded)]
    with torch.inference_mode():
        ours, theirs = (model(**words).logits for model in models)
    assert torch.equal(ours, theirs)


def test_the_tables_show_the_score_with_its_n(zoo: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    publish(write_run(), zoo)
    table = sinkd("list").stdout
    assert "encoder-12k-movie-reviews" in table
    assert "accuracy 0.810 (n=1000)" in table
    info = sinkd("info", "encoder-12k-movie-reviews").stdout
    assert "model.safetensors" in info
    assert "0.6200 (n=1000)" in info


def test_the_list_is_filtered_by_task_and_architecture(zoo: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    publish(write_run("one"), zoo, "one")
    publish(write_run("two", task="glue/rte"), zoo, "two")
    listed = json.loads(sinkd("list", "--task", "glue/rte", "--json").stdout)
    assert [student["name"] for student in listed] == ["two"]
    nothing = sinkd("list", "--architecture", "none", "--source", zoo)
    assert nothing.stdout == ""
    assert "None of the 2 students matches" in nothing.stderr


def test_an_empty_zoo_says_how_to_add_one(tmp_path: Path, sinkd: Sinkd) -> None:
    write_index(tmp_path, [])
    process = sinkd("list", "--source", tmp_path)
    assert process.stdout == ""
    assert "Set SINKD_ZOO" in process.stderr
    assert json.loads(sinkd("list", "--source", tmp_path, "--json").stdout) == []


def test_verify_names_the_changed_file_without_any_source(
    zoo: Path, write_run: WriteRun, sinkd: Sinkd, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(write_run(), zoo, "mine")
    folder = Path(sinkd("download", "mine").stdout.strip())
    monkeypatch.delenv("SINKD_ZOO")
    (folder / "config.json").write_text("{}")
    process = sinkd("verify", "mine", "--json", code=1)
    assert "config.json has sha256" in process.stderr
    (verified,) = json.loads(process.stdout)
    assert [problem.split()[0] for problem in verified["problems"]] == ["config.json"]


def test_mistakes_end_with_2_and_one_message(zoo: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    publish(write_run(), zoo, "mine")
    assert "Did you mean 'mine'" in sinkd("download", "mien", code=2).stderr
    assert "No student in the cache is called 'mine'" in sinkd("verify", "mine", code=2).stderr
    assert "A run folder must hold" in sinkd("publish", zoo, "--to", zoo, code=2).stderr


def test_importing_the_zoo_and_listing_it_stays_light(zoo: Path, write_run: WriteRun) -> None:
    publish(write_run(), zoo)
    script = (
        "import sys, sinkd_zoo, sinkd_zoo.plugin\n"
        "from sinkd_plugin.cli.main import cli\n"
        "cli.main(['zoo', 'list'], standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)), file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stderr.splitlines()[-1] == "[]"
