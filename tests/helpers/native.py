"""The compiled extension in tests: needed, or hidden."""

from contextlib import contextmanager

import pytest

from wave_network import _native

needs_native = pytest.mark.skipif(_native.compiled is None, reason="the extension was not built")
every_form = pytest.mark.parametrize(
    "form", [pytest.param("compiled", marks=needs_native), "not compiled"]
)


@contextmanager
def native_hidden(hidden=True):
    """Without the extension, as where no compiler was."""
    with pytest.MonkeyPatch.context() as patch:
        if hidden:
            patch.setattr(_native, "compiled", None)
        yield
