"""Download files from the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from wave_network.errors import ModelFolderError, first_line
from wave_network.huggingface.ids import split_revision


def hub_file(hub_id: str, name: str) -> Path:
    """Get a file of a repository on the Hub, from the cache or by download.

    Args:
        hub_id: `OWNER/NAME`, or `OWNER/NAME@REVISION`.
        name: The file's name.

    Raises:
        ModelFolderError: If it cannot be downloaded.
    """
    # Imported here because it is slow to import and rarely needed.
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    repository, revision = split_revision(hub_id)
    cached = try_to_load_from_cache(repository, name, revision=revision)
    if isinstance(cached, str):
        return Path(cached)
    try:
        check_network()
        return Path(hf_hub_download(repository, name, revision=revision))
    except Exception as error:  # the Hub's client raises errors of several libraries
        raise ModelFolderError(
            f"there is no folder {hub_id}, and {name} of {hub_id} cannot be downloaded from the "
            f"Hugging Face Hub ({first_line(error)}); give a local folder that contains it instead"
        ) from error


def check_network() -> None:
    """Fail at once without a network, where the Hub's client would retry for half a minute.

    With a proxy, or if `HF_HUB_OFFLINE` is set, nothing is checked.

    Raises:
        OSError: If the Hub does not answer.
    """
    import socket
    from urllib.parse import urlsplit
    from urllib.request import getproxies

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or getproxies():
        return
    hub = urlsplit(constants.ENDPOINT)
    port = hub.port or (443 if hub.scheme == "https" else 80)
    socket.create_connection((hub.hostname or "", port), timeout=5).close()
