"""Real data that tests share: the movie reviews, fetched once into the user's cache, and the official GLUE files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinkd_plugin.errors import DownloadError


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the movie reviews."""
    for item in items:
        if "reviews_dir" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.network)


@pytest.fixture(scope="session")
def reviews_dir() -> Path:
    """A folder for ``data_dir`` that holds the verified movie reviews; skips only where there is no network."""
    pytest.importorskip("datasets", reason="the movie reviews are read with datasets")
    from sinkd_plugin.tasks.reviews import ratings_file

    try:
        return ratings_file().parent
    except DownloadError as error:
        if "connection" in str(error).lower():
            pytest.skip(f"no network to fetch the movie reviews: {error}")
        raise


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of official GLUE and SuperGLUE files that may lie beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the official GLUE files are not there: {folder}")
    return folder
