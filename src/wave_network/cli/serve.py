"""`wave-network serve`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from wave_network.errors import extra_needed


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Model folders written by train, hub:OWNER/NAME[@REVISION], or model files of "
            "fastText. The last part of each path is the model's name.",
        ),
    ],
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0: from everywhere."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port to listen on; 0: a free one.")
    ] = 8000,
    workers: Annotated[
        int, typer.Option(metavar="N", help="Processes that answer; each uses one core.")
    ] = 1,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Answer only requests with one of the keys in this file, one a line: "
            "Authorization: Bearer KEY. /healthz and /readyz stay open.",
        ),
    ] = None,
    log_texts: Annotated[
        bool, typer.Option("--log-texts", help="Write the texts of requests to the log, too.")
    ] = False,
) -> None:
    """Serve models over HTTP.

    POST /v1/predict takes {"text": "..."} or {"texts": [...]}, up to 1,000, and the options of
    predict: top_k, threshold, coverage, explain, out_of_scope. It answers {"model", "version",
    "predictions"}, with the fields of predict for each text. /v1/models/NAME/predict asks the model
    of that name, /v1/predict the first one. /openapi.json describes everything.

    A model may be a file of fastText, too. A model that is replaced is loaded again, without a
    failed request. SIGTERM ends the service when what it has accepted is answered. The log on
    stderr has one JSON object a line, and no texts.

    \b
    Examples:
      wave-network serve wave-model
      wave-network serve news-model spam-model --port 9000 --workers 4
      curl localhost:8000/v1/predict --json '{"text": "Oil prices jump"}'
    """
    with extra_needed("serve", "serving"):
        from wave_network.serve.keys import read_keys
        from wave_network.serve.server import Settings
        from wave_network.serve.start import serve as run

    keys = () if api_key_file is None else tuple(read_keys(api_key_file))
    settings = Settings(tuple(models), keys, log_texts)
    if run(settings, host, port, workers) == signal.SIGINT:
        raise KeyboardInterrupt
