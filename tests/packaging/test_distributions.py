"""What is in the wheel and in the source distribution, and how a build fails."""

import re
import sys
import sysconfig
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging_setup import CHECKOUT, GRAFTED, setup

SOURCE = CHECKOUT / "src"
LINK = re.compile(r"(!?)\[[^]]*\]\(([^)]+)\)")


def named(folder, pattern):
    """The files of a folder, relative to it."""
    found = folder.rglob(pattern)
    return {str(path.relative_to(folder).as_posix()) for path in found if path.is_file()}


@pytest.fixture(scope="session")
def contents(wheel):
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="session")
def metadata(wheel):
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_the_wheel_has_every_module_and_what_they_read(contents):
    assert named(SOURCE, "*.py") <= contents
    data = {
        "wave_network/py.typed",
        "wave_network/_native/_extension.pyi",
        "wave_network/data/sample/train.csv",
        "wave_network/data/sample/test.csv",
        "wave_network/few_labels/english.safetensors",
    }
    page = {f"wave_network/export/static/{name}" for name in ("page/icon.svg", "engine/index.d.ts")}
    assert page | named(SOURCE, "*.js") | named(SOURCE, "*.css") <= contents
    assert data | named(SOURCE, "*.html") <= contents


def test_the_wheel_has_nothing_else(contents):
    assert {name.partition("/")[0] for name in contents} == {"wave_network"}
    kinds = {Path(name).suffix for name in contents}
    ours = {".py", ".pyi", ".typed", ".csv", ".html", ".safetensors", native_suffix()}
    assert kinds == ours | {".js", ".ts", ".css", ".svg"}
    assert {name for name in contents if name.endswith(".csv")} == {
        "wave_network/data/sample/train.csv",
        "wave_network/data/sample/test.csv",
    }


def native_suffix():
    return Path(sysconfig.get_config_var("EXT_SUFFIX")).suffix


def test_one_wheel_is_for_every_python_from_3_11(contents, wheel):
    (extension,) = (name for name in contents if name.endswith(native_suffix()))
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if sys.version_info < (3, 11) or sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert f"-{version}-{version}-" in wheel.name
    else:
        assert "-cp311-abi3-" in wheel.name
        ending = ".pyd" if sys.platform == "win32" else ".abi3.so"
        assert extension == f"wave_network/_native/_extension{ending}"


def test_the_source_distribution_has_the_code_its_tests_and_how_to_build_it(sdist):
    assert named(SOURCE / "wave_network", "*.[ch]") <= named(sdist / "src/wave_network", "*.[ch]")
    assert named(SOURCE, "*.py") <= named(sdist / "src", "*.py")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE", "CITATION.cff"):
        assert (sdist / name).is_file()
    assert (sdist / "js" / "parity.js").is_file()
    assert not named(sdist, "*.so") | named(sdist, "*.pyc")


def test_the_source_distribution_has_what_its_tests_read(sdist):
    for folder in GRAFTED:
        ours = {
            name
            for name in named(CHECKOUT / folder, "*")
            if not re.search(r"__pycache__|\.unfinished/", name)
        }
        assert ours <= named(sdist / folder, "*"), folder
    read = {
        name
        for path in (CHECKOUT / "tests").rglob("*.py")
        for name in re.findall(r'\b(?:ROOT|CHECKOUT) / "([\w.-]+)"', path.read_text("utf-8"))
        if (CHECKOUT / name).exists() and name != "node_modules"
    }
    assert {"docs", "Makefile", "MANIFEST.in"} <= read
    assert not {name for name in read if not (sdist / name).exists()}


def metadata_with(sdist, folder, repository):
    """The metadata of a build, knowing the repository's address or not."""
    made = setup(
        sdist, "-q", "egg_info", "--egg-base", str(folder), WAVE_NETWORK_REPOSITORY=repository
    )
    assert made.returncode == 0, made.stderr
    return message_from_bytes((folder / "wave_network.egg-info" / "PKG-INFO").read_bytes())


def test_links_of_the_readme_lead_to_a_known_repository(sdist, tmp_path):
    repository = "https://code.example/me/waves"
    metadata = metadata_with(sdist, tmp_path, f"{repository}/")
    urls = dict(text.split(", ") for text in metadata.get_all("Project-URL"))
    assert urls["Repository"] == repository
    readme = metadata.get_payload(decode=True).decode()
    assert f"]({repository}/blob/HEAD/docs/tutorial.md)" in readme
    for image, target in LINK.findall(readme):
        assert target.startswith(("https://", "#")), target
        assert bool(image) == target.startswith(f"{repository}/raw/")


def test_an_unknown_repository_is_not_invented(sdist, tmp_path):
    metadata = metadata_with(sdist, tmp_path, "")
    assert metadata.get_all("Project-URL") is None
    readme = (CHECKOUT / "README.md").read_bytes()
    assert metadata.get_payload(decode=True).strip() == readme.strip()


def test_the_metadata_names_license_readme_and_pythons(metadata):
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["Description-Content-Type"] == "text/markdown"
    classifiers = metadata.get_all("Classifier")
    for minor in range(10, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers


def test_the_base_install_has_no_heavy_packages(metadata):
    requirements = [text for text in metadata.get_all("Requires-Dist") if "extra ==" not in text]
    names = {text.partition(">=")[0].strip() for text in requirements}
    assert names == {"numpy", "tokenizers", "safetensors", "huggingface-hub", "typer", "rich"}


def test_a_failed_build_is_explained_and_does_not_stop(sdist):
    done = setup(sdist, "-q", "build_ext", "--build-lib", "lib", "--force", CC="false")
    assert done.returncode == 0
    assert "The compiled code of wave-network could not be built" in done.stderr
    assert "training takes several times as long" in done.stderr
    assert "--no-cache-dir" in done.stderr


def test_a_failed_build_stops_where_the_compiled_code_is_required(sdist):
    arguments = ("-q", "build_ext", "--build-lib", "lib", "--force")
    done = setup(sdist, *arguments, CC="false", WAVE_NETWORK_REQUIRE_NATIVE="1")
    assert done.returncode != 0
    assert "The compiled code of wave-network could not be built" in done.stderr
