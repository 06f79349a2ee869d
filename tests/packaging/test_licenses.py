"""The list of licences has each package that the project asks for."""

import importlib
import sys

import pytest
from packaging_setup import CHECKOUT


@pytest.fixture
def licenses(monkeypatch):
    pytest.importorskip("tomllib", reason="the script needs Python 3.11")
    monkeypatch.syspath_prepend(str(CHECKOUT / "dev"))
    yield importlib.import_module("licenses")
    del sys.modules["licenses"]


def test_each_dependency_is_listed_with_its_extras_and_a_licence(licenses):
    import tomllib

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    needed = licenses.dependencies(project)
    assert needed["numpy"] == {"every install"}
    assert "wave-network" not in needed
    rows = {row["name"]: row for row in licenses.ROW.finditer(licenses.PAGE.read_text())}
    assert {name: set(row["extras"].split(", ")) for name, row in rows.items()} == needed, (
        "run `make licenses`"
    )
    assert all(row["license"].strip() for row in rows.values())


def test_a_package_that_is_not_installed_keeps_its_licence(licenses):
    assert licenses.license_of("no-such-package", {"no-such-package": "MIT"}) == "MIT"
    with pytest.raises(SystemExit, match="no-such-package is not installed"):
        licenses.license_of("no-such-package", {})
    assert licenses.license_of("pytest", {}) == "MIT"
