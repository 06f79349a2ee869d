"""Which tests wait for `make test-engines`: those that start workers of Ray, or Spark."""

import os

import pytest

takes_long = pytest.mark.skipif(
    "WAVE_NETWORK_ENGINES" not in os.environ, reason="make test-engines runs it"
)
