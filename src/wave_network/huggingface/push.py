"""Publish a model on the Hugging Face Hub, with a model card."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from wave_network.errors import ModelFolderError, OutputError, first_line
from wave_network.huggingface.download import check_network
from wave_network.persistence.card import Publication, render_card
from wave_network.persistence.folder import read_model, resolve_source
from wave_network.persistence.format import (
    CARD,
    CONFIG,
    CONFORMAL,
    HISTORY,
    METRICS,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
)

_PUBLISHED: Final = (CONFIG, WEIGHTS, TOKENIZER, TOKENIZER_CONFIG, CONFORMAL, METRICS, HISTORY)


def push_model(
    source: str | Path,
    repository: str,
    *,
    license: str | None = None,
    trained_on: str | None = None,
    private: bool = False,
    token: str | None = None,
) -> str:
    """Publish a model folder; `load("hub:OWNER/NAME")` then loads it.

    Creates the repository if it does not exist, and makes one commit with the files of the model
    folder and a new model card. Nothing else is uploaded.

    Args:
        source: A model folder.
        repository: `OWNER/NAME`.
        license: The model's licence as the Hub spells it, such as `mit`, for the card.
        trained_on: A description of the training texts, or `hub:OWNER/NAME`, for the card.
        private: Whether a new repository is visible only to its owner.
        token: A token with write access; None uses the one that `hf auth login` stored, or the
            environment variable HF_TOKEN.

    Returns:
        The repository's address.

    Raises:
        ModelFolderError: If the folder is not a complete model.
        OutputError: If the upload fails: no network, no token, no permission.
    """
    files, folder = read_model(source), resolve_source(source)
    if folder.is_file():
        raise ModelFolderError(f"push takes a model folder: convert {source} to one first")
    with tempfile.TemporaryDirectory() as made:
        for name in _PUBLISHED:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, Path(made, name))
        size = sum(path.stat().st_size for path in Path(made).iterdir())
        publication = Publication(repository, size, license, trained_on)
        Path(made, CARD).write_text(render_card(files, publication), encoding="utf-8")
        return _upload(Path(made), repository, private, token)


def _upload(folder: Path, repository: str, private: bool, token: str | None) -> str:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    token = token or huggingface_hub.get_token()
    if token is None:
        reason = "there is no token: log in with `hf auth login`, or set HF_TOKEN"
        raise OutputError(f"cannot push to {repository}: {reason}")
    try:
        check_network()
        hub = huggingface_hub.HfApi(token=token)
        address = hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=repository, folder_path=folder, commit_message="Upload a Wave Network model"
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = {
            401: "the token is not valid: log in with `hf auth login`",
            403: "the token has no write access there: use one that has",
        }
        reason = advice.get(status, first_line(error))
        raise OutputError(f"cannot push to {repository}: {reason}") from error
    except ValueError as error:  # not a valid name
        raise OutputError(f"cannot push to {repository}: {first_line(error)}") from error
    except Exception as error:  # the Hub's client raises errors of several libraries
        reason = f"the Hub does not answer ({first_line(error)}): check the network"
        raise OutputError(f"cannot push to {repository}: {reason}") from error
    return str(address)
