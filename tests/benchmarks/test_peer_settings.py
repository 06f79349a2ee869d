"""Comparing the peers' settings: on training rows alone, by seeds that no result is of."""

import pytest


def test_settings_are_compared_on_rows_held_out_of_training(monkeypatch):
    import peer_settings
    from wave_network.baselines.settings import TfidfSettings

    monkeypatch.setattr(peer_settings, "HELD_OUT", 200)
    seen = []

    def accuracy(settings, training, held_out, seed):
        texts, asked = training["text"][:], held_out["text"][:]
        assert (len(texts), len(asked)) == (32, 200)
        assert not set(texts) & set(asked)
        seen.append((settings.cost, seed, texts))
        return 0.5

    monkeypatch.setattr(peer_settings, "accuracy", accuracy)
    chosen = [TfidfSettings(1, 0.5), TfidfSettings(1, 5)]
    found = list(peer_settings.compare("sample", 8, 2, chosen))
    assert found == [(chosen[0], [0.5, 0.5]), (chosen[1], [0.5, 0.5])]
    assert [entry[:2] for entry in seen] == [(0.5, 100), (0.5, 101), (5, 100), (5, 101)]
    assert seen[0][2] == seen[2][2] != seen[1][2]  # every setting learns from the same draws


def test_a_line_for_each_setting(monkeypatch, capsys):
    import peer_settings

    arguments = ["sample", "--per-class", "8", "--draws", "1", "--peer", "tfidf"]
    monkeypatch.setattr("sys.argv", ["peer_settings.py", *arguments])
    monkeypatch.setattr(peer_settings, "HELD_OUT", 400)
    peer_settings.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(peer_settings.TFIDF)
    mean = {line.split(": ")[0]: float(line.split(": ")[1].split()[0]) for line in lines}
    kept, dropped = (
        mean[f"8 a class, TfidfSettings(min_texts={count}, cost=5)"] for count in (1, 2)
    )
    assert kept > dropped
    monkeypatch.setattr("sys.argv", ["peer_settings.py", "sample", "--per-class", "1"])
    with pytest.raises(SystemExit):
        peer_settings.main()
