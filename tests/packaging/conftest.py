"""The distributions, built once."""

import os
import shutil
from pathlib import Path

import pytest
from packaging_setup import CHECKOUT, GRAFTED, setup


@pytest.fixture(scope="session")
def sdist(tmp_path_factory) -> Path:
    """The source distribution, unpacked."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("src", *GRAFTED):
        ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info", "node_modules")
        shutil.copytree(CHECKOUT / name, tree / name, ignore=ignored)
    for path in CHECKOUT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, tree)
    made = setup(tree, "-q", "sdist", "--formats=gztar", "--dist-dir", "made")
    assert made.returncode == 0, made.stderr
    (archive,) = (tree / "made").iterdir()
    shutil.unpack_archive(archive, tree / "unpacked", filter="data")
    (folder,) = (tree / "unpacked").iterdir()
    return folder


@pytest.fixture(scope="session")
def wheel(sdist, tmp_path_factory) -> Path:
    """The wheel, built from the source distribution; without a C compiler the tests are skipped."""
    folder = tmp_path_factory.mktemp("wheel")
    if shutil.which(os.environ.get("CC", "cc")) is None:
        pytest.skip("no C compiler")
    tree = shutil.copytree(sdist, folder / "tree")
    arguments = ("-q", "bdist_wheel", "--dist-dir", str(folder))
    # Its contents are looked at, and its code is not run.
    made = setup(tree, *arguments, WAVE_NETWORK_REQUIRE_NATIVE="1", CFLAGS="-O0")
    assert made.returncode == 0, made.stderr
    (path,) = folder.glob("*.whl")
    return path
