"""What `load_test.py` compares `wave-network serve` with: plain handlers of FastAPI.

    python benchmarks/serve/peers.py engine|tfidf MODEL PORT WORKERS

`engine` is a handler around the same engine; `tfidf` one around a pipeline of scikit-learn, which
`train_tfidf` writes. Both run on uvicorn with uvloop and httptools, as `serve` does, without a log.
A handler is `async`: answering takes less time than handing the question to a thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

_KIND: Final = "WAVE_NETWORK_PEER"
_FRACTION: Final = 10  # of the training rows are held out to choose the settings
_SETTINGS: Final = [(ngrams, cost) for ngrams in (1, 2) for cost in (1, 3, 10, 30)]

Answer = Callable[[Sequence[str]], list[dict[str, Any]]]


def make_app() -> Any:  # noqa: ANN401
    """Create the application that `main` has named: each worker calls it."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    kind, model = os.environ[_KIND].split(":", 1)
    answer = {"engine": _engine, "tfidf": _tfidf}[kind](model)

    class Question(BaseModel):
        texts: list[str]

    async def predict(question: Question) -> dict[str, Any]:
        return {"predictions": answer(question.texts)}

    # What FastAPI reads of a handler are its types, not their names in this file.
    predict.__annotations__ = {"question": Question, "return": dict[str, Any]}
    app = FastAPI()
    app.post("/v1/predict")(predict)
    return app


def train_tfidf(texts: Sequence[str], labels: Sequence[Any], path: Path) -> str:
    """Train TF-IDF with a logistic regression, and write the pipeline.

    Args:
        texts: Training texts, in random order. The settings are those that are most accurate on a
            tenth of them.
        labels: Their labels.
        path: The file to write.

    Returns:
        The settings in words.
    """
    import joblib

    held_out = len(texts) // _FRACTION
    scores = {
        settings: _pipeline(*settings)
        .fit(texts[held_out:], labels[held_out:])
        .score(texts[:held_out], labels[:held_out])
        for settings in _SETTINGS
    }
    ngrams, cost = max(scores, key=scores.__getitem__)
    joblib.dump(_pipeline(ngrams, cost).fit(texts, labels), path)
    return f"1 to {ngrams} words, C={cost}, held-out accuracy {scores[ngrams, cost]:.4f}"


def _pipeline(ngrams: int, cost: float) -> Any:  # noqa: ANN401
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, ngrams), min_df=2, sublinear_tf=True),
        LogisticRegression(C=cost, max_iter=300),
    )


def _engine(model: str) -> Answer:
    from wave_network import load

    engine = load(model, threads=1)

    def answer(texts: Sequence[str]) -> list[dict[str, Any]]:
        return [{"label": one.label, "score": one.score} for one in engine.predict(texts)]

    return answer


def _tfidf(path: str) -> Answer:
    import joblib

    pipeline = joblib.load(path)

    def answer(texts: Sequence[str]) -> list[dict[str, Any]]:
        rows = pipeline.predict_proba(texts)
        best = rows.argmax(axis=1)
        labels = pipeline.classes_[best].tolist()
        scores = rows.max(axis=1).tolist()
        return [
            {"label": label, "score": score} for label, score in zip(labels, scores, strict=True)
        ]

    return answer


def main() -> None:
    """Serve one of them."""
    import uvicorn

    kind, model, port, workers = sys.argv[1:]
    os.environ[_KIND] = f"{kind}:{model}"
    uvicorn.run(
        "peers:make_app",
        app_dir=str(Path(__file__).parent),
        factory=True,
        port=int(port),
        workers=int(workers),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
