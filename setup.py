"""The compiled parts; everything else about the package stands in pyproject.toml."""

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


class BuildExtensions(build_ext):
    """No error of arithmetic is looked for: then loops of roots and choices use wide registers."""

    def build_extension(self, ext: Extension) -> None:
        """Build one, with the flags that its compiler knows."""
        if self.compiler.compiler_type == "unix":
            ext.extra_compile_args = ["-fno-math-errno", "-fno-trapping-math"]
        super().build_extension(ext)


setup(
    cmdclass={"build_ext": BuildExtensions},
    ext_modules=[
        Extension(
            f"wave_network.{name}",
            [f"src/wave_network/{name.replace('.', '/')}.c"],
            depends=[
                "src/wave_network/_arrays.h",
                "src/wave_network/_local_model.h",
                "src/wave_network/_local_waves.h",
                "src/wave_network/_words.h",
                "src/wave_network/training/_adam.h",
                "src/wave_network/training/_readers.h",
            ],
            optional=True,  # where there is no compiler, all works without, slower
        )
        for name in (
            "_local_waves",
            "text._byte_pairs",
            "text._word_counter",
            "text._word_table",
            "training._linear_features",
            "training._local_steps",
            "training._row_adam",
            "training._support_vectors",
        )
    ],
)
