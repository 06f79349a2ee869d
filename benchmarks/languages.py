"""Compare `small` with character TF-IDF on other scripts, noisy texts, and capitals that matter.

    python benchmarks/languages.py                     # names in 14 languages (needs Babel)
    python benchmarks/languages.py --noisy DATA --shouted DATA

The names are those of the Unicode Common Locale Data Repository: the label is whether one is a
country, a language, a currency, a city, a script or a time zone. Some 1,300 names of one to four
words a language are small data, and no texts: differences below 2 points are chance. Noisy texts
are the first 14 words of others, a third of the longer words misspelt, with handles, hashtags,
links and emoji; shouted ones are the first 12 words, half of them with two words in capitals, which
is the label. Training rows alone are read; every set is split anew for each seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from random import Random
from statistics import mean
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from wave_network import WaveClassifier
from wave_network.data import read_splits

LANGUAGES: Final = (
    *("am", "en", "fi", "hu", "ja", "ka", "km"),
    *("ko", "lo", "my", "ru", "th", "tr", "zh"),
)
TRAINING_SHARE: Final = 0.7
TEXTS: Final = 9_000  # of noisy and shouted texts
MISSPELT: Final = 0.35  # of the longer words
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
EMOJI: Final = ("\U0001f600", "\U0001f602", "\U0001f622", "\U0001f44d", "\U0001f525", "\U0001f64f")


class Texts(NamedTuple):
    """Texts and their labels."""

    texts: list[str]
    labels: list[Any]


MODELS: Final[Mapping[str, Callable[[int], Any]]] = {
    "small": lambda seed: WaveClassifier(seed=seed),
    "characters": lambda seed: tfidf(seed, analyzer="char", ngram_range=(1, 4)),
    "characters of words": lambda seed: tfidf(seed, analyzer="char_wb", ngram_range=(2, 5)),
    "words": lambda seed: tfidf(seed, ngram_range=(1, 2)),
}


def tfidf(seed: int, **options: Any) -> Any:  # noqa: ANN401
    """TF-IDF with logarithmic counts, and a linear support vector machine."""
    return make_pipeline(
        TfidfVectorizer(sublinear_tf=True, **options), LinearSVC(random_state=seed)
    )


def names(language: str) -> Texts:
    """Names in a language; the label is of what."""
    from babel import Locale

    locale = Locale.parse(language)
    kinds = {
        "country": locale.territories,
        "language": locale.languages,
        "currency": locale.currencies,
        "city": {key: zone.get("city") for key, zone in locale.time_zones.items()},
        "script": locale.scripts,
        "time zone": {
            key: zone.get("long", {}).get("standard") for key, zone in locale.meta_zones.items()
        },
    }
    of_kind = {
        name: kind
        for kind, found in reversed(kinds.items())
        for name in found.values()
        if isinstance(name, str) and any(map(str.isalpha, name))
    }
    return Texts(list(of_kind), list(of_kind.values()))


def noisy(data: str) -> Texts:
    """Texts as people write them in a hurry; the same with every call."""
    random = Random(1)
    rows = sample(data)
    return Texts([written_in_a_hurry(text, random) for text in rows.texts], rows.labels)


def written_in_a_hurry(text: str, random: Random) -> str:
    """Shorten a text, misspell it, and add what tweets have."""
    words = [misspelt(word, random) for word in text.split()[:14]]
    if random.random() < 0.4 and len(words) > 4:
        place = random.randrange(len(words) - 2)
        words[place : place + 2] = ["#" + (words[place] + words[place + 1].title()).strip(".,")]
    if random.random() < 0.5:
        words.insert(0, f"@user{random.randrange(1_000)}")
    if random.random() < 0.3:
        words.append("http://t.co/" + "".join(random.choices(LETTERS + LETTERS.upper(), k=8)))
    if words and random.random() < 0.3:
        words[random.randrange(len(words))] += random.choice(EMOJI)
    return " ".join(words)


def misspelt(word: str, random: Random) -> str:
    """Swap, drop, repeat, replace or leave out letters of some longer words."""
    if len(word) < 4 or random.random() > MISSPELT:
        return word
    place = random.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    consonants = "".join(each for each in word[1:] if each not in "aeiou")
    return random.choice(
        [
            before + after[0] + letter + after[1:],
            before + after,
            before + letter * random.randint(2, 4) + after,
            before + random.choice(LETTERS) + after,
            word[0] + consonants,
        ]
    )


def shouted(data: str) -> Texts:
    """Texts of which half have two words in capitals; the label is which."""
    random = Random(2)
    texts, labels = [], []
    for text in sample(data).texts:
        words = text.split()[:12]
        labels.append(random.random() < 0.5)
        for place in random.sample(range(len(words)), min(2, len(words))) if labels[-1] else ():
            words[place] = words[place].upper()
        texts.append(" ".join(words))
    return Texts(texts, list(map(int, labels)))


def sample(data: str) -> Texts:
    """Some training rows."""
    rows = read_splits(data).train
    chosen = rows.select(np.random.default_rng(0).permutation(len(rows))[:TEXTS])
    return Texts(chosen["text"][:], chosen["label"][:])


def accuracies(texts: Texts, seed: int) -> dict[str, float]:
    """The accuracy of every model on the rows held out, in percent."""
    order = np.random.default_rng(seed).permutation(len(texts.texts))
    training, held_out = np.split(order, [int(TRAINING_SHARE * len(order))])
    found, truth = np.array(texts.texts, object), np.array(texts.labels)
    result = {}
    for name, model in MODELS.items():
        fitted = model(seed).fit(found[training].tolist(), truth[training])
        right = fitted.predict(found[held_out].tolist()) == truth[held_out]
        result[name] = 100 * float(np.mean(right))
    return result


def chosen_sets(options: argparse.Namespace) -> Iterator[tuple[str, Texts]]:
    """The sets that were asked for, with their names."""
    if not (options.noisy or options.shouted):
        yield from ((f"names, {language}", names(language)) for language in options.names)
    yield from ((f"noisy {data}", noisy(data)) for data in options.noisy)
    yield from ((f"shouted {data}", shouted(data)) for data in options.shouted)


def main() -> None:
    """Print a line of a Markdown table for every set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--names", nargs="+", default=LANGUAGES, metavar="LANGUAGE")
    parser.add_argument("--noisy", nargs="+", default=[], metavar="DATA")
    parser.add_argument("--shouted", nargs="+", default=[], metavar="DATA")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(f"| set | training texts | {' | '.join(MODELS)} |")
    print(f"| --- | ---: | {' | '.join('---:' for _ in MODELS)} |", flush=True)
    for name, texts in chosen_sets(options):
        runs = [accuracies(texts, seed) for seed in range(options.seeds)]
        means = " | ".join(f"{mean(run[model] for run in runs):.1f}" for model in MODELS)
        print(f"| {name} | {int(TRAINING_SHARE * len(texts.texts)):,} | {means} |", flush=True)


if __name__ == "__main__":
    main()
