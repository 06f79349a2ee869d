"""The model card, README.md of a folder: what the model is, its metrics, its use and its limits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wave_network._version import __version__
from wave_network.errors import printable
from wave_network.evaluation.metric_names import metric_names
from wave_network.huggingface.ids import HUB_PREFIX, split_revision
from wave_network.models.registry import family_of
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import ModelFiles

_LABELS_SHOWN: Final = 50

_TEMPLATE: Final = """\
---
library_name: wave-network
pipeline_tag: text-classification
{metadata}tags:
- wave-network
- text-classification
---

# A Wave Network text classifier

A {preset} model with {total:,} parameters ({embedding:,} of them embeddings), written by
wave-network {version}: {shape}.
{task}: {labels}.
{published}{figures}{precision}
## Use

```
pip install wave-network
wave-network predict {source} "a text"
```

```python
from wave_network import load

model = load("{source}")
model.predict(["a text"])  # [Prediction(label=..., score=..., scores={{...}}, labels=...)]
```
{transformers}
## Limits

- {reading}
- {answers}
- It reflects its training texts, including their biases.
"""

_TRANSFORMERS: Final = """
With `transformers` (`pip install "wave-network[transformers]"`), one import makes it read this
model:

```python
import wave_network.transformers
from transformers import pipeline

classify = pipeline("text-classification", model="{repository}")
classify("a text")
```
"""

_ONE_LABEL: Final = "It classifies texts into {} classes"
_LABEL_SETS: Final = "It is multi-label: a text gets any number of {} labels"
_ANSWERS_WITH_ONE: Final = (
    "It always answers with one of its classes, even for a text that belongs to none of them."
)
_ANSWERS_WITH_SETS: Final = (
    "A text gets the labels whose probability reaches their own thresholds (in `config.json`)."
)

_READS: Final = "It reads only the first {} tokens of a text."
_READS_WHOLE: Final = "It reads texts whole, so a very long one takes its time."

_FIGURES: Final = """
It was trained {start}on {texts} texts{teacher}{vectors}.

| data | {names} |
| --- |{rules}
{rows}

{validation} Test texts, if there are any, were not used for any choice.
{refit}{calibration}"""

_ENGLISH: Final = "english"
_FROM_THE_PACKAGE: Final = """,
with the English word vectors of wave-network, which were distilled from
[all-MiniLM-L6-v2](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2) (Apache-2.0)"""

_CHOSEN: Final = """\
The {held_out:,} validation texts chose the epoch (number {best_epoch} of {epochs}){thresholds}, so
their metrics are slightly optimistic."""
_MAYBE_KNOWN: Final = """\
The {held_out:,} validation texts may be among the training texts of the model that training
continued from, so their metrics may be optimistic."""

_CROSS_VALIDATED: Final = """\
With so few texts, the metrics are those of a cross-validation: each of {held_out:,} texts was
predicted by a model that was not trained on it. They chose the epoch (number {best_epoch} of
{epochs}){thresholds}; this model was then trained on all texts."""
_ARCHIVE: Final = """\
The unlabelled texts were labelled by simple classifiers. The metrics are theirs, in a
cross-validation: each of {held_out:,} labelled texts was predicted by classifiers that were not
trained on it."""
_UNVALIDATED: Final = """\
There were too few texts to hold some out for validation: nothing was measured, chosen or calibrated
on other texts than those it was trained on."""

_REFIT: Final = """
The validation metrics are of a model that was not trained on these texts. This one was then
trained on all {texts:,}.
"""


@dataclass(frozen=True)
class Publication:
    """What a card on the Hub says in addition to one in a folder.

    Attributes:
        repository: `OWNER/NAME`.
        size_bytes: The size of the model's files.
        license: The licence as the Hub spells it, or None.
        trained_on: A description of the training texts, or `hub:OWNER/NAME`, or None.
    """

    repository: str
    size_bytes: int
    license: str | None = None
    trained_on: str | None = None


def render_card(files: ModelFiles, publication: Publication | None = None) -> str:
    """Fill the card's template from a trained model and its metrics.

    Args:
        files: The model.
        publication: Where the model is published; None for the card of a folder.
    """
    config = files.config
    labels = ", ".join(_code(str(label)) for label in config.labels[:_LABELS_SHOWN])
    more = config.num_labels - _LABELS_SHOWN
    return _TEMPLATE.format(
        preset=_words(files.preset),
        version=__version__,
        shape=family_of(config).description(config),
        task=(_LABEL_SETS if config.is_multi_label else _ONE_LABEL).format(config.num_labels),
        answers=_ANSWERS_WITH_SETS if config.is_multi_label else _ANSWERS_WITH_ONE,
        labels=f"{labels} and {more} more" if more > 0 else labels,
        metadata=_metadata(publication),
        published=_published(publication),
        source=f"{HUB_PREFIX}{publication.repository}" if publication else "FOLDER",
        transformers=_TRANSFORMERS.format(repository=publication.repository) if publication else "",
        figures=_figures(files.metrics, files.training),
        precision=_precision(files),
        reading=_READS_WHOLE if config.reads_whole_texts else _READS.format(config.max_length),
        **parameter_counts(config),
    )


def _words(text: str) -> str:
    """Write a text of others as plain words of Markdown: nothing in it is markup or HTML."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", printable(text))


def _code(text: str) -> str:
    """Write a text of others as code of Markdown, in which nothing is markup or HTML."""
    shown = printable(text) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _metadata(publication: Publication | None) -> str:
    """Return the fields that the Hub reads, in YAML."""
    if publication is None:
        return ""
    fields = ["metrics:", "- accuracy", "- f1"]
    if publication.license:
        fields.append(f"license: {json.dumps(publication.license)}")
    if (publication.trained_on or "").startswith(HUB_PREFIX):
        name, _ = split_revision((publication.trained_on or "").removeprefix(HUB_PREFIX))
        fields += ["datasets:", f"- {json.dumps(name)}"]
    return "".join(f"{field}\n" for field in fields)


def _published(publication: Publication | None) -> str:
    """Return training data, size and licence, stated or not."""
    if publication is None:
        return ""
    return (
        f"\n- Training data: {printable(publication.trained_on or 'not stated')}"
        f"\n- Size: {publication.size_bytes:,} bytes"
        f"\n- Licence: {printable(publication.license or 'not stated')}\n"
    )


def _figures(metrics: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    """Return training and metrics; nothing for a folder without `metrics.json`."""
    if "training_texts" not in metrics:
        return ""
    names = metric_names(metrics["validation"] or metrics.get("test") or {})
    rows = [
        f"| {part} | {' | '.join(f'{values[name]:.4f}' for name in names)} |"
        for part in ("validation", "test")
        if (values := metrics.get(part))
    ]
    base, teacher = training.get("base_model"), training.get("teacher")
    archived = 0 if teacher else (metrics.get("unlabeled") or {}).get("used", 0)
    template = _MAYBE_KNOWN if base else _CHOSEN
    if not metrics["validation"]:
        template = _UNVALIDATED
    elif metrics.get("validation_method") == "cross-validation":
        template = _ARCHIVE if archived else _CROSS_VALIDATED
    validation = template.format(
        held_out=metrics["validation_texts"],
        best_epoch=metrics["best_epoch"],
        epochs=metrics["epochs"],
        thresholds=" and the thresholds" if "micro_f1" in names else "",
    )
    return _FIGURES.format(
        start=_start(base, metrics.get("vectors")),
        texts=f"{metrics['rows']['train']:,} labelled and {archived:,} unlabelled"
        if archived
        else f"{metrics['training_texts']:,}",
        names=" | ".join(names.values()),
        rules=" ---: |" * len(names),
        teacher=f", with {_code(teacher)} as its teacher" if teacher else "",
        vectors=_vectors(metrics.get("vectors")),
        rows="\n".join(rows),
        validation=validation,
        refit=_REFIT.format(texts=metrics["training_texts"])
        if metrics.get("refit") and template is _CHOSEN
        else "",
        calibration="" if template is _ARCHIVE else _calibration(metrics.get("calibration")),
    )


def _start(base: str | None, vectors: str | None) -> str:
    if base:
        return f"further from {_code(base)} "
    return "" if vectors else "from scratch "


def _vectors(name: str | None) -> str:
    """Return which word vectors the model was trained with, and whose those of the package are."""
    if name is None:
        return ""
    return _FROM_THE_PACKAGE if name == _ENGLISH else f", with the word vectors {_code(name)}"


def _calibration(figures: Mapping[str, Any] | None) -> str:
    if not figures:
        return ""
    before, after = figures["before"], figures["after"]
    return (
        f"\nIts probabilities are calibrated (temperature {figures['temperature']:.3f}). On the "
        f"validation texts\nthis changed the loss from {before['loss']:.4f} to {after['loss']:.4f} "
        "and the expected calibration error from\n"
        f"{before['ece']:.4f} to {after['ece']:.4f}.\n"
    )


def _precision(files: ModelFiles) -> str:
    """Return what 8-bit or 4-bit tables cost; nothing for a model in 32 bits."""
    if files.table_bits == 32:
        return ""
    lead = f"\nThe embedding tables are stored in {files.table_bits} bits"
    if "training_texts" in files.metrics:
        lead += "; the metrics above are of the 32-bit model"
    measured = files.metrics.get("quantization")
    if not measured:
        return f"{lead}.\nThe effect of the rounding was not measured.\n"
    key, name = next(iter(metric_names(measured).items()))
    figure = measured[key]
    return (
        f"{lead}.\nOn {measured['texts']:,} texts the rounding changed {name} from "
        f"{figure['before']:.4f} to {figure['after']:.4f} and changed {measured['changed']:,} "
        "answers.\n"
    )
