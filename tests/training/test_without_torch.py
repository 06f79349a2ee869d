"""Training in the base install: nothing but NumPy and the compiled code is imported."""

import subprocess
import sys
from textwrap import dedent

import pytest
from native import needs_native

REFUSED = ("torch", "accelerate", "transformers", "datasets", "pyarrow", "pandas")
REFUSED += ("scipy", "sklearn", "optuna")

PROGRAM = """
    import sys
    from importlib.machinery import ModuleSpec

    refused = set(sys.argv[1].split(","))

    class Refusal:
        def find_spec(self, name, path=None, target=None):
            return ModuleSpec(name, self) if name.partition(".")[0] in refused else None

        def create_module(self, spec):
            raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)

        def exec_module(self, module):
            raise NotImplementedError

    sys.meta_path.insert(0, Refusal())

    import numpy as np
    from wave_network import WaveClassifier

    WORDS = {"sport": "ball goal team", "money": "bank loan rate", "science": "star atom cell"}
    TEXTS = [f"the {w} {i} is here" for i in range(40) for words in WORDS.values()
             for w in words.split()]
    LABELS = [label for _ in range(40) for label, words in WORDS.items() for _ in words.split()]

    def right(model):
        return np.mean(model.predict(TEXTS) == np.array(LABELS))
"""
CASES = {
    "small": "assert right(WaveClassifier('small').fit(TEXTS, LABELS)) > 0.9",
    "tiny": "assert right(WaveClassifier('tiny').fit(TEXTS, LABELS)) > 0.9",
    "large": "assert right(WaveClassifier('large', epochs=2).fit(TEXTS, LABELS)) > 0.9",
    "few labels": """
        model = WaveClassifier(epochs=2).fit(TEXTS[:27], LABELS[:27], unlabeled=TEXTS[27:])
        assert right(model) > 0.9
    """,
    "label lists": """
        lists = [[label, "all"] for label in LABELS]
        model = WaveClassifier(epochs=4).fit(TEXTS, lists)
        assert np.shape(model.predict_proba(TEXTS)) == (len(TEXTS), 4)
    """,
    "continued": """
        first = WaveClassifier(epochs=2).fit(TEXTS, LABELS)
        first.save(sys.argv[2])
        more = [f"rain and wind {i}" for i in range(100)]
        model = WaveClassifier(base_model=sys.argv[2], epochs=2)
        model.fit(TEXTS + more, LABELS + ["weather"] * 100)
        assert (model.predict(more) == "weather").mean() > 0.9
    """,
    "a teacher": """
        WaveClassifier(epochs=2).fit(TEXTS, LABELS).save(sys.argv[2])
        model = WaveClassifier("tiny", teacher=sys.argv[2], epochs=4).fit(TEXTS, LABELS)
        assert right(model) > 0.9
    """,
}


@needs_native
@pytest.mark.parametrize("case", CASES)
def test_training_imports_no_extras(case, tmp_path):
    program = f"{dedent(PROGRAM)}\n{dedent(CASES[case])}"
    subprocess.run(
        [sys.executable, "-c", program, ",".join(REFUSED), str(tmp_path / "model")], check=True
    )
