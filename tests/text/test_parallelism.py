"""Forking after tokenizing: in a process of its own, so that no other test's state interferes."""

import os
import subprocess
import sys

import pytest

FORKS = """
import os
from wave_network.text import TextTokenizer
texts = [f"text number {i}" for i in range(200)]
tokenizer = TextTokenizer.train(texts, 300, 32)
before = tokenizer.encode(texts).ids.tolist()
child = os.fork()
if child == 0:
    fresh = [f"{text} again" for text in texts]
    same = tokenizer.encode(texts).ids.tolist() == before and len(tokenizer.encode(fresh).ids)
    os._exit(0 if same else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(os.environ.get("TOKENIZERS_PARALLELISM"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("setting", [None, "false"])
def test_a_forked_child_tokenizes_without_a_warning(setting):
    environment = {k: v for k, v in os.environ.items() if k != "TOKENIZERS_PARALLELISM"}
    if setting:
        environment["TOKENIZERS_PARALLELISM"] = setting
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{setting}\n")
