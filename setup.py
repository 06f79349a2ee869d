"""The compiled parts; everything else about the package stands in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            f"wave_network.{name}",
            [f"src/wave_network/{name.replace('.', '/')}.c"],
            depends=["src/wave_network/_arrays.h", "src/wave_network/_words.h"],
            optional=True,  # where there is no compiler, all works without, slower
        )
        for name in (
            "_local_waves",
            "text._byte_pairs",
            "text._word_counter",
            "text._word_table",
            "training._row_adam",
            "training._support_vectors",
        )
    ]
)
