"""What a release says of itself agrees."""

import re

import pytest
import yaml
from pages import ROOT

from wave_network import __version__

LINK = re.compile(r"\[[^]]*\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


def test_the_changelog_dates_this_version_and_is_open_for_the_next():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d", headings[1])


def test_the_citation_is_of_this_version_and_of_both_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{__version__}] - {citation['date-released']}\n" in changelog
    papers = {reference["url"].rpartition("/")[2] for reference in citation["references"]}
    assert papers == {"2411.02674", "2411.06989"}
    for work in (citation, *citation["references"]):
        assert work["title"]
        assert work["authors"]


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md"]
)
def test_links_in_the_repository_lead_somewhere(page):
    path = ROOT / page
    targets = LINK.findall(path.read_text(encoding="utf-8"))
    assert not {target for target in targets if not (path.parent / target).exists()}
