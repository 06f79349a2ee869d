"""What `deploy` holds is valid, and says what the command and the package have."""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from wave_network.serve.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def instructions():
    """The instructions of the Dockerfile, each with its argument, on one line."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return re.findall(r"^([A-Z]+) (.*)$", text.replace("\\\n", " "), flags=re.MULTILINE)


def test_the_image_copies_what_there_is_and_runs_as_a_user_without_rights():
    stages = [place for place, (name, _) in enumerate(instructions()) if name == "FROM"]
    last = dict(instructions()[stages[-1] :])
    for name, argument in instructions():
        if name == "COPY":
            assert all((ROOT / source).exists() for source in argument.split()[:-1]), argument
    assert "slim" in last["FROM"]
    assert last["USER"] == "10001:10001"
    assert "/healthz" in last["HEALTHCHECK"]
    installed = next(argument for name, argument in reversed(instructions()) if name == "RUN")
    assert "[serve]" in installed
    assert "torch" not in installed


def test_the_dockerfile_has_no_finding_of_a_linter():
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint has no package for this system")
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_unit_is_valid_and_keeps_the_service_in():
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = DEPLOY / "wave-network.service"
    # It looks for the program, which is not installed there.
    text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
    done = analyze("verify", text)
    assert (done.returncode, done.stderr) == (0, "")
    rated = analyze("security", text, "--offline=true", "--no-pager")
    assert float(re.search(r"exposure level[^:]*: ([\d.]+)", rated.stdout)[1]) < 2.0


def analyze(command, text, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "wave-network.service")
        path.write_text(text)
        return subprocess.run(
            ["systemd-analyze", command, *options, path], capture_output=True, text=True, timeout=60
        )


def test_the_objects_of_kubernetes_are_valid():
    objects = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    assert [one["kind"] for one in objects] == ["Deployment", "Service"]
    for one in objects:
        kubernetes_validate.validate(one, "1.32", strict=True)
    pod = objects[0]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > Limits().drain_seconds + 5
    assert objects[1]["spec"]["selector"].items() <= objects[0]["metadata"]["labels"].items()


def test_the_commands_have_options_that_exist(invoke_help):
    pod = yaml.safe_load((DEPLOY / "kubernetes.yaml").read_text().partition("---")[0])
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    unit = (DEPLOY / "wave-network.service").read_text()
    used = [*container["args"], *shlex.split(re.search(r"ExecStart=(.*)", unit)[1])]
    used += re.findall(r"--[a-z-]+", dict(instructions())["ENTRYPOINT"])
    options = {word for word in used if word.startswith("--")}
    assert options == {"--host", "--workers", "--api-key-file"}
    assert all(option in invoke_help for option in options)


@pytest.fixture
def invoke_help(capsys):
    from wave_network.cli.app import run

    run(["serve", "--help"])
    return capsys.readouterr().out
