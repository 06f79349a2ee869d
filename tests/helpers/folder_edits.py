"""Altering the files of a model folder, as damage or an attacker would."""

import json

from wave_network.persistence.contents import checksum


def edit_json(path, **changes):
    """Set fields of a JSON object."""
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def edit_model(folder, **changes):
    """Set fields of the model's shape."""
    config = folder / "config.json"
    edit_json(config, model={**json.loads(config.read_text(encoding="utf-8"))["model"], **changes})


def right_checksums(folder):
    """Let `config.json` agree with the other files: an attacker would."""
    config = folder / "config.json"
    named = json.loads(config.read_text(encoding="utf-8")).get("checksums", {})
    edit_json(
        config,
        checksums={
            name: checksum((folder / name).read_bytes())
            for name in named
            if (folder / name).is_file()
        },
    )
