"""Build the C extension; everything else about the package is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("src/wave_network/_native")


class BuildExtension(build_ext):
    """Turn off errno and floating-point traps so that square roots and branches are vectorised."""

    def build_extension(self, ext: Extension) -> None:
        """Add the flags for GCC and Clang, and build."""
        if self.compiler.compiler_type == "unix":
            ext.extra_compile_args = ["-fno-math-errno", "-fno-trapping-math", "-pthread"]
            ext.extra_link_args = ["-pthread"]
        super().build_extension(ext)


setup(
    cmdclass={"build_ext": BuildExtension},
    ext_modules=[
        Extension(
            "wave_network._native._extension",
            sorted(path.as_posix() for path in NATIVE.glob("*.c")),
            depends=sorted(path.as_posix() for path in NATIVE.glob("*.h")),
            optional=True,  # without a compiler the package works, but slower
        )
    ],
)
