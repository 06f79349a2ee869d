"""The command lines of the archived program, `fasttext COMMAND ...`, taken literally."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Final

import numpy as np

from wave_network.errors import ConfigError, DataError
from wave_network.fasttext.lines import stream_lines
from wave_network.fasttext.loading import load_model
from wave_network.fasttext.meter import Meter
from wave_network.fasttext.model import FastText, Found
from wave_network.models.numpy_ops import Floats

_USUAL_NEIGHBOURS: Final = 10


def run(arguments: Sequence[str]) -> Iterator[str]:
    """Run a command line without the word `fasttext`; yield the lines that it prints.

    Raises:
        ConfigError: If there is no such command, or its arguments are wrong.
        WaveNetworkError: As what the command does.
    """
    name, *rest = arguments or [""]
    if name not in COMMANDS:
        raise ConfigError(f"{name!r} is not a command of fasttext: give {', '.join(COMMANDS)}")
    yield from COMMANDS[name](rest)


def _supervised(words: list[str]) -> Iterator[str]:
    from wave_network.fasttext.arguments import paired, translated
    from wave_network.fasttext.training import say_once, trained

    translation = translated(paired(words))
    parameters = translation.parameters
    for name in ("input", "output"):
        if f"-{name}" not in words:
            raise ConfigError(f"give -{name}")
    say_once(translation)
    trained(parameters, Path(f"{parameters['output']}.bin"))
    yield f"model: {parameters['output']}.bin (a folder)"


def _word_vectors(words: list[str], command: str) -> Iterator[str]:
    from wave_network.fasttext.arguments import paired, translated
    from wave_network.fasttext.training import say_once
    from wave_network.fasttext.unsupervised import OPTIONS, learnt
    from wave_network.few_labels.learnt_vectors import check_vectors_output

    translation = translated(paired(words, OPTIONS, command), OPTIONS)
    parameters = translation.parameters
    for name in ("input", "output"):
        if name not in parameters:
            raise ConfigError(f"give -{name}")
    output = parameters["output"]
    check_vectors_output(Path(f"{output}.bin"), overwrite=True)
    say_once(translation)
    model = learnt(parameters)
    model.save_model(f"{output}.bin")
    model.save_model(f"{output}.vec")
    yield f"vectors: {output}.bin (a folder) and {output}.vec"


def _skipgram(words: list[str]) -> Iterator[str]:
    return _word_vectors(words, "skipgram")


def _cbow(words: list[str]) -> Iterator[str]:
    return _word_vectors(words, "cbow")


def _quantize(words: list[str]) -> Iterator[str]:
    options = dict(zip(words[::2], words[1::2], strict=False))
    if "-output" not in options:
        raise ConfigError("give -output, the model's name without .bin")
    model = load_model(f"{options['-output']}.bin")
    model.quantize()
    model.save_model(f"{options['-output']}.ftz")
    yield f"model: {options['-output']}.ftz (a folder, its tables in 8 bits)"


def _predict(words: list[str], *, probabilities: bool = False) -> Iterator[str]:
    model, path, count, threshold = _asked(words)
    names = model.labels
    with _opened(path) as lines:
        for answer in model.answers(lines, count, threshold):
            labels, scores = answer or ([], [])
            if probabilities:
                pairs = zip(labels, scores, strict=True)
                yield " ".join(f"{names[label]} {score:g}" for label, score in pairs)
            else:
                yield " ".join(names[label] for label in labels)


def _predict_prob(words: list[str]) -> Iterator[str]:
    return _predict(words, probabilities=True)


def _test(words: list[str]) -> Iterator[str]:
    model, path, count, threshold = _asked(words)
    return _overall(_measured(model, path, count, threshold), count, "{:.3g}")


def _test_label(words: list[str]) -> Iterator[str]:
    model, path, count, threshold = _asked(words)
    meter = _measured(model, path, count, threshold)
    for place, name in enumerate(model.labels):
        scores = meter.scores(place)
        shown = (
            f"{title} : {_fixed(scores[key])}"
            for title, key in (
                ("F1-Score", "f1score"),
                ("Precision", "precision"),
                ("Recall", "recall"),
            )
        )
        yield f"{'  '.join(shown)}   {name}"
    yield from _overall(meter, count, "{:.3f}")


def _print_word_vectors(words: list[str]) -> Iterator[str]:
    model = load_model(_one(words, "MODEL"))
    for line in sys.stdin:
        for word in line.split():
            yield f"{word} {_numbers(model.get_word_vector(word))}"


def _print_sentence_vectors(words: list[str]) -> Iterator[str]:
    model = load_model(_one(words, "MODEL"))
    for line in sys.stdin:
        yield _numbers(model.get_sentence_vector(line.rstrip("\n")))


def _print_ngrams(words: list[str]) -> Iterator[str]:
    if len(words) != 2:
        raise ConfigError("give MODEL WORD")
    model = load_model(words[0])
    for name, row in zip(*model.get_subwords(words[1]), strict=True):
        yield f"{name} {_numbers(model.get_input_vector(int(row)))}"


def _nn(words: list[str]) -> Iterator[str]:
    model, count = _with_count(words)
    for line in sys.stdin:
        for word in line.split():
            yield from _found(model.get_nearest_neighbors(word, count))


def _analogies(words: list[str]) -> Iterator[str]:
    model, count = _with_count(words)
    asked = [word for line in sys.stdin for word in line.split()]
    if len(asked) % 3:
        raise DataError("analogies need three words each: A B C, for A - B + C")
    for place in range(0, len(asked), 3):
        first, second, third = asked[place : place + 3]
        yield from _found(model.get_analogies(first, second, third, count))


def _dump(words: list[str]) -> Iterator[str]:
    if len(words) != 2 or words[1] not in ("dict", "input", "output"):
        raise ConfigError("give MODEL and dict, input or output")
    model = load_model(words[0])
    if words[1] == "dict":
        entries = [(*model.words_counted("backslashreplace"), "word")]
        if model.is_supervised:
            entries.append((*model.labels_counted("backslashreplace"), "label"))
        yield str(sum(len(names) for names, _, _ in entries))
        for names, counts, kind in entries:
            for name, count in zip(names, counts.tolist(), strict=True):
                yield f"{name} {count} {kind}"
        return
    matrix = model.get_input_matrix() if words[1] == "input" else model.get_output_matrix()
    yield f"{matrix.shape[0]} {matrix.shape[1]}"
    yield from map(_numbers, matrix)


COMMANDS: Final[Mapping[str, Callable[[list[str]], Iterator[str]]]] = {
    "supervised": _supervised,
    "skipgram": _skipgram,
    "cbow": _cbow,
    "quantize": _quantize,
    "test": _test,
    "test-label": _test_label,
    "predict": _predict,
    "predict-prob": _predict_prob,
    "print-word-vectors": _print_word_vectors,
    "print-sentence-vectors": _print_sentence_vectors,
    "print-ngrams": _print_ngrams,
    "nn": _nn,
    "analogies": _analogies,
    "dump": _dump,
}
"""The commands by name; each takes its arguments, and yields the lines that it prints."""


def _asked(words: list[str]) -> tuple[FastText, str, int, float]:
    """Return the model, the file, the number of labels and the threshold of a command line."""
    if not 2 <= len(words) <= 4:
        raise ConfigError("give MODEL FILE [K] [THRESHOLD]; FILE may be -, standard input")
    count = _number(words[2], int, "K") if len(words) > 2 else 1
    threshold = _number(words[3], float, "THRESHOLD") if len(words) > 3 else 0.0
    return load_model(words[0]), words[1], int(count), threshold


def _with_count(words: list[str]) -> tuple[FastText, int]:
    if not 1 <= len(words) <= 2:
        raise ConfigError("give MODEL [K]")
    count = _number(words[1], int, "K") if len(words) > 1 else _USUAL_NEIGHBOURS
    return load_model(words[0]), int(count)


def _one(words: list[str], what: str) -> str:
    if len(words) != 1:
        raise ConfigError(f"give {what}")
    return words[0]


def _number(word: str, kind: Callable[[str], float], name: str) -> float:
    try:
        value = kind(word)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ConfigError(f"{name} must be a number; got {word!r}")
    return value


def _measured(model: FastText, path: str, count: int, threshold: float) -> Meter:
    with _opened(path) as lines:
        return model.measured(lines, count, threshold)


@contextmanager
def _opened(path: str) -> Iterator[Iterator[bytes]]:
    """Yield the lines of a file, or of standard input."""
    if path == "-":
        yield stream_lines(sys.stdin.buffer)
        return
    if not Path(path).is_file():
        raise DataError(f"{path} cannot be opened: there is no such file")
    with Path(path).open("rb") as file:
        yield stream_lines(file)


def _overall(meter: Meter, count: int, form: str) -> Iterator[str]:
    yield f"N\t{meter.lines}"
    yield f"P@{count}\t{form.format(meter.precision())}"
    yield f"R@{count}\t{form.format(meter.recall())}"


def _found(words: Iterable[Found]) -> Iterator[str]:
    return (f"{word} {score:g}" for score, word in words)


def _fixed(value: float) -> str:
    return f"{value:.6f}" if isfinite(value) else "--------"


def _numbers(vector: Floats) -> str:
    return " ".join(f"{value:.5g}" for value in np.asarray(vector, np.float64).tolist())
