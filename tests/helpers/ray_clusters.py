"""A small Ray cluster in a process of its own, to connect to with RAY_ADDRESS."""

import os
import subprocess
import sys
from contextlib import contextmanager

# Whoever runs tests has no token of a cluster, and should get none.
SETTINGS = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}

_CLUSTER = """
import sys, ray
context = ray.init(
    address="local", num_cpus=2, include_dashboard=False, object_store_memory=100_000_000,
    log_to_driver=False, logging_level="ERROR",
)
print(context.address_info["address"], flush=True)
sys.stdin.read()
"""


@contextmanager
def running():
    """Run a cluster of two CPUs; yields its address. It ends with the block."""
    environment = {
        **os.environ,
        **SETTINGS,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with subprocess.Popen(
        [sys.executable, "-c", _CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(timeout=60)
