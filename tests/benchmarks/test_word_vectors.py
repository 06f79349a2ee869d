"""Comparing word vectors: similar words, and the words that both read."""

from topics import topic_texts


def test_cosines_are_correlated_with_ratings(tmp_path, capsys):
    import word_vectors

    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(topic_texts(300, words=10)[0]), encoding="utf-8")
    folder = word_vectors.learnt(texts, tmp_path)
    assert "ours: " in capsys.readouterr().out
    places, vectors = word_vectors.table_of(folder)
    words = [*places][:3]
    cosines = vectors @ vectors.T
    rows = [
        f"{first.upper()}\t{second}\t{5 + 5 * cosines[places[first], places[second]]:.4f}\n"
        for first, second in ((words[0], words[1]), (words[1], words[2]), (words[0], words[2]))
    ]
    (tmp_path / "rated.tsv").write_text("Word 1\tWord 2\tMean\n" + "".join(rows) + "x\ty\t1\n")
    (found,) = word_vectors.of_pairs("topics", {"ours": folder}, [tmp_path / "rated.tsv"])
    assert (round(found.value), found.count, found.measure) == (100, 3, "rated")
