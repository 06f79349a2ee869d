import os
import subprocess
import sys
import time

import pytest

from wave_network.errors import ConfigError, MissingExtraError, OutputError
from wave_network.training.tracking import metrics_of, tracking

RECORDS = [
    {
        "epoch": epoch,
        "train_loss": 1.5 / epoch,
        "validation": {"accuracy": 0.5 + epoch / 10, "loss": 1.0},
        "seconds": 2,
    }
    for epoch in (1, 2)
]


def test_the_figures_of_a_record_by_name():
    assert metrics_of(RECORDS[0]) == {
        "train_loss": 1.5,
        "validation/accuracy": 0.6,
        "validation/loss": 1.0,
        "seconds": 2.0,
    }


def test_without_a_target_there_is_no_log():
    with tracking(None, {}) as log:
        assert log is None


def test_tensorboard_reads_back_what_was_logged(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with tracking(f"tensorboard:{tmp_path / 'runs'}", {"preset": "tiny"}) as log:
        for record in RECORDS:
            log(record)
    events = EventAccumulator(str(tmp_path / "runs")).Reload()
    assert set(events.Tags()["scalars"]) == set(metrics_of(RECORDS[0]))
    accuracy = events.Scalars("validation/accuracy")
    assert [(event.step, event.value) for event in accuracy] == [
        (1, pytest.approx(0.6)),
        (2, pytest.approx(0.7)),
    ]
    assert (
        b'"preset": "tiny"' in events.Tensors("settings/text_summary")[0].tensor_proto.string_val[0]
    )


@pytest.mark.parametrize("target", ["tensorboard", "tensorboard:", "wandb:", "files:runs", ""])
def test_a_target_that_is_none_is_refused(target):
    with (
        pytest.raises(ConfigError, match="must be tensorboard:DIR or wandb:PROJECT"),
        tracking(target, {}),
    ):
        pass


@pytest.mark.parametrize(("tool", "module"), [("tensorboard", "tensorboard"), ("wandb", "wandb")])
def test_a_tool_that_is_not_installed_is_named(tool, module, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with (
        pytest.raises(MissingExtraError, match=rf"wave-network\[{tool}\]"),
        tracking(f"{tool}:x", {}),
    ):
        pass


@pytest.mark.parametrize("place", ["file", "file/x", "n" * 300, "a\0b"])
def test_a_folder_that_cannot_be_written_is_named(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("not a folder")
    with (
        pytest.raises(OutputError, match="cannot log to tensorboard:") as caught,
        tracking(f"tensorboard:{place}", {}),
    ):
        pass
    assert len(str(caught.value).splitlines()) == 1


def test_wandb_without_a_login_says_how(tmp_path):
    program = """
from wave_network.training.tracking import tracking
with tracking("wandb:news", {}):
    pass
"""
    env = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    env |= {"WANDB_DIR": str(tmp_path), "HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    said = ended.stderr.splitlines()[-1]
    assert "OutputError: cannot log to wandb:news: " in said
    assert "`wandb login`" in said


def test_wandb_keeps_an_offline_run(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    with tracking("wandb:news", {"preset": "tiny"}) as log:
        for record in RECORDS:
            log(record)
    (stored,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    deadline = time.monotonic() + 20  # a process of its own writes it
    while b"validation/accuracy" not in stored.read_bytes():
        assert time.monotonic() < deadline, stored.read_bytes()
        time.sleep(0.1)
    assert b"preset" in stored.read_bytes()
