"""Build the C extension, and point the metadata to the repository; the rest is in pyproject.toml.

Without a C compiler the package works, but slower, and the build warns. Where that must not happen
(wheels, continuous integration), set `WAVE_NETWORK_REQUIRE_NATIVE=1`: then the build fails.

A release sets `WAVE_NETWORK_REPOSITORY` to the address of its repository. The README's links, which
are relative, then lead there from the package index as well. Without it they stay as they are.
"""

import os
import re
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("src/wave_network/_native")
REPOSITORY = os.environ.get("WAVE_NETWORK_REPOSITORY", "").rstrip("/")
REQUIRED = os.environ.get("WAVE_NETWORK_REQUIRE_NATIVE", "0") not in ("", "0")

# One build for Python 3.11 and later: the limited API has had buffers since. Python 3.10 and
# free-threaded Pythons get builds of their own.
ABI3 = sys.version_info >= (3, 11) and not sysconfig.get_config_var("Py_GIL_DISABLED")

# Without errno and floating-point traps, square roots and branches are vectorised. A function that
# the limited API lacks must not compile as an undeclared one. `CFLAGS` may choose another level.
FLAGS = [
    *([] if "CFLAGS" in os.environ else ["-O3"]),
    "-fno-math-errno",
    "-fno-trapping-math",
    "-pthread",
    "-Werror=implicit-function-declaration",
]

FAILED = """
********************************************************************************
The compiled code of wave-network could not be built:
{error}
The package works without it, but training takes several times as long. Install a C
compiler and Python's headers, then install the package again, with the options
--force-reinstall --no-deps --no-cache-dir
********************************************************************************
"""


def readme() -> str:
    """The README; its links lead to the repository, if that is known."""
    text = Path("README.md").read_text(encoding="utf-8")
    if not REPOSITORY:
        return text
    text = re.sub(r"(!\[[^]]*\]\()(?!https?:|#)", rf"\1{REPOSITORY}/raw/HEAD/", text)
    return re.sub(r"((?<!!)\[[^]]+\]\()(?!https?:|#)", rf"\1{REPOSITORY}/blob/HEAD/", text)


def project_urls() -> dict[str, str]:
    """Where to find the project; nothing if that is not known."""
    if not REPOSITORY:
        return {}
    return {
        "Repository": REPOSITORY,
        "Documentation": f"{REPOSITORY}/tree/HEAD/docs",
        "Changelog": f"{REPOSITORY}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    }


class BuildExtension(build_ext):
    """Adds the compiler's flags, and says loudly when there is no compiled code."""

    def build_extension(self, ext: Extension) -> None:
        """Build; a failure is explained on stderr before setuptools goes on or stops."""
        msvc = self.compiler.compiler_type == "msvc"
        ext.extra_compile_args = ["/std:c11"] if msvc else FLAGS
        ext.extra_link_args = [] if msvc else ["-pthread"]
        try:
            super().build_extension(ext)
        except Exception as error:  # of any kind: it is raised again
            sys.stderr.write(FAILED.format(error=error))
            raise


setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    project_urls=project_urls(),
    cmdclass={"build_ext": BuildExtension},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
    ext_modules=[
        Extension(
            "wave_network._native._extension",
            sorted(path.as_posix() for path in NATIVE.glob("*.c")),
            depends=sorted(path.as_posix() for path in NATIVE.glob("*.h")),
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
            py_limited_api=ABI3,
            optional=not REQUIRED,
        )
    ],
)
