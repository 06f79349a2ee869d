"""What the parts of a worker share, and the work that goes on beside its requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from wave_network.serve.batching import Batcher
from wave_network.serve.limits import Limits
from wave_network.serve.log import Log
from wave_network.serve.metrics import Metrics
from wave_network.serve.models import ServedModel
from wave_network.serve.waiting import Waiting

_LOOK: Final = 1.0  # seconds between two looks at the models' folders


class Service:
    """One worker.

    Args:
        models: The models by name.
        limits: What it takes at most.
        log: Where to write events.

    Attributes:
        draining: Whether the worker is about to end: it answers what comes over the connections
            that are open, and closes them.
    """

    def __init__(self, models: Mapping[str, ServedModel], limits: Limits, log: Log) -> None:
        self.models = models
        self.limits = limits
        self.log = log
        self.metrics = Metrics()
        self.waiting = Waiting(limits)
        self.batcher = Batcher(limits.answer_seconds, self.metrics.batch.observe)
        self.draining = False

    @asynccontextmanager
    async def running(self, app: object = None) -> AsyncIterator[None]:
        """Watch the folders of the models during the block.

        Args:
            app: What Starlette passes; not used.
        """
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self.batcher.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            self.metrics.waiting.set(self.waiting.texts)
            for model in self.models.values():
                try:
                    if await asyncio.to_thread(model.refresh):
                        self._note_change(model)
                except Exception as error:  # go on looking
                    self.log.failure(error)

    def _note_change(self, model: ServedModel) -> None:
        failed = model.failure is not None
        self.metrics.loads.labels(model.name, "failed" if failed else "loaded").inc()
        fields = {"model": model.name, "version": model.loaded.version}
        if failed:
            self.log.write("model kept", "error", **fields, reason=model.failure)
        else:
            self.log.write("model replaced", **fields)
