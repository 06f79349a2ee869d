"""The compiled parts; everything else about the package stands in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            f"wave_network.{package}.{name}",
            [f"src/wave_network/{package}/{name}.c"],
            optional=True,  # where there is no compiler, all works without, slower
        )
        for package, name in (("runtime", "_local_network"), ("text", "_word_table"))
    ]
)
