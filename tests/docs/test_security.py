"""The threat model claims nothing that no test checks."""

import re

from pages import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_claim_of_what_cannot_happen_names_tests_that_exist():
    points = re.findall(r"^- .*?(?=^- |^$)", TEXT, re.MULTILINE | re.DOTALL)
    claims = [point for point in points if "**cannot**" in point]
    assert len(claims) > 10
    for claim in claims:
        tests = re.findall(r"`(tests/[\w/]+\.py)`", claim)
        assert tests, claim
        for test in tests:
            assert "def test_" in (ROOT / test).read_text(encoding="utf-8"), test
