from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_plugin.errors import ConfigError, UserError
from sinkd_plugin.storage import sha256
from sinkd_plugin.zoo_files import files_in
from sinkd_zoo.index import read_index
from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]


def snapshot(folder: Path) -> dict[str, str]:
    return {name: sha256(folder / name) for name in files_in(folder) if not name.endswith(".lock")}


def test_the_card_says_what_the_run_measured(zoo: Path, write_run: WriteRun) -> None:
    run = write_run()
    card = publish(run, zoo)
    assert card.name == "encoder-12k-movie-reviews"
    assert (card.task, card.architecture, card.parameters) == ("movie-reviews", "encoder", 12_345)
    assert (card.metrics["accuracy"], card.n, card.license) == (0.81, 1000, "apache-2.0")
    assert card.files == snapshot(zoo / card.name / "1")
    assert {**card.files, "README.md": ""} == snapshot(run / "student") | {"README.md": ""}
    assert card.details["seed"] == 7
    assert card.details["interval"] == {"accuracy": [0.78, 0.84]}
    assert card.details["agreement_with_teacher"] == 0.9
    assert card.details["teacher"]["test"] == {"accuracy": 0.86}
    assert card.details["teacher"]["n"] == 1000
    assert card.details["baselines"] == {"kl": {"test": {"accuracy": 0.8}, "interval": {}, "n": 1000}}
    assert card.sizes == {name: (zoo / card.name / "1" / name).stat().st_size for name in card.files}
    assert read_index(zoo) == [card]


def test_the_card_tells_nothing_of_local_folders(zoo: Path, write_run: WriteRun) -> None:
    publish(write_run(), zoo)
    text = (zoo / "index.json").read_text()
    assert "/home/ada" not in text
    assert str(zoo.parent) not in text


def test_a_web_server_may_read_what_only_its_author_could(zoo: Path, write_run: WriteRun) -> None:
    run = write_run()
    (run / "student" / "model.safetensors").chmod(0o600)  # as save_pretrained leaves it
    folder = zoo / publish(run, zoo).name / "1"
    modes = {path.stat().st_mode & 0o444 for path in [zoo / "index.json", folder, *folder.iterdir()]}
    assert modes == {0o444}


def test_publishing_twice_changes_nothing(zoo: Path, write_run: WriteRun) -> None:
    run = write_run()
    publish(run, zoo)
    before = snapshot(zoo)
    publish(run, zoo)
    assert snapshot(zoo) == before


def test_a_damaged_folder_is_mended_by_publishing_again(zoo: Path, write_run: WriteRun) -> None:
    run = write_run()
    card = publish(run, zoo)
    (zoo / card.name / "1" / "config.json").write_text("{}")
    publish(run, zoo)
    assert snapshot(zoo / card.name / "1") == card.files


def test_a_folder_left_by_an_interrupted_publish_is_taken_over(zoo: Path, write_run: WriteRun) -> None:
    run = write_run()
    publish(run, zoo)
    (zoo / "index.json").unlink()
    assert read_index_after(run, zoo) == ["encoder-12k-movie-reviews"]


def read_index_after(run: Path, zoo: Path) -> list[str]:
    publish(run, zoo)
    return [card.name for card in read_index(zoo)]


def test_a_name_belongs_to_one_student(zoo: Path, write_run: WriteRun) -> None:
    publish(write_run("first"), zoo, "mine")
    before = snapshot(zoo)
    with pytest.raises(UserError, match=r"'mine' must not belong to another student.*--name"):
        publish(write_run("second", seed=1), zoo, "mine")
    (zoo / "other" / "1").mkdir(parents=True)
    with pytest.raises(UserError, match="'other' must not belong"):
        publish(write_run("third", seed=2), zoo, "other")
    assert snapshot(zoo) == before


@pytest.mark.parametrize("file", ["pytorch_model.bin", "modeling_x.py", ".hidden.json", "a b.json", "sub/optimizer.pt"])
def test_an_unsafe_file_is_refused_and_nothing_is_published(zoo: Path, write_run: WriteRun, file: str) -> None:
    run = write_run()
    (run / "student" / file).parent.mkdir(exist_ok=True)
    (run / "student" / file).write_bytes(b"x")
    with pytest.raises(UserError, match=r"only files that are safe to hand out.*Remove the file"):
        publish(run, zoo)
    assert not zoo.exists()


def test_a_link_is_refused(zoo: Path, write_run: WriteRun) -> None:
    run = write_run()
    (run / "student" / "vocab.txt").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match=r"must hold no links.*vocab\.txt"):
        publish(run, zoo)


@pytest.mark.parametrize("part", ["result.json", "config.yaml", "student/config.json", "student/model.safetensors"])
def test_a_folder_that_is_no_finished_run_is_refused(zoo: Path, write_run: WriteRun, part: str) -> None:
    run = write_run()
    (run / part).unlink()
    with pytest.raises(UserError, match=f"A run folder must hold.*without {part}"):
        publish(run, zoo)


def test_a_result_without_scores_is_refused_with_the_key(zoo: Path, write_run: WriteRun) -> None:
    with pytest.raises(ConfigError, match=r"'result\.json\.student\.test' is required"):
        publish(write_run(student={"n": 10}), zoo)


def test_two_processes_publish_into_one_zoo(zoo: Path, write_run: WriteRun) -> None:
    names = ["a", "b", "c"]
    script = "import sys; from sinkd_zoo.publish import publish; publish(*sys.argv[1:])"
    runs = {name: write_run(name, seed=number) for number, name in enumerate(names)}
    processes = [subprocess.Popen([sys.executable, "-c", script, str(runs[name]), str(zoo), name]) for name in names]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert [student["name"] for student in json.loads((zoo / "index.json").read_text())["students"]] == names


@pytest.mark.parametrize(
    ("record", "published"),
    [
        ({"task": "reviews", "data_dir": None}, True),
        ({"task": "glue/rte", "data_dir": "/home/ada/glue"}, False),
        ({"task": {"files": {"train": "/home/ada/train.csv"}}, "data_dir": None}, False),
    ],
)
def test_a_record_that_names_folders_of_its_author_stays_at_home(
    record: dict[str, object], published: bool, zoo: Path, write_run: WriteRun
) -> None:
    run = write_run()
    (run / "student" / "sinkd.json").write_text(json.dumps(record))
    card = publish(run, zoo)
    assert ("sinkd.json" in card.files) is published
    assert (zoo / card.name / "1" / "sinkd.json").exists() is published
