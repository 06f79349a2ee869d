#!/usr/bin/env bash
# Build the wheel, install it in fresh environments that have neither a compiler nor torch, and run
# the core of the suite there, against the wheel: dev/wheel_test.sh [PYTHON...]
#
# Without a name it takes every Python from 3.10 to 3.14 that is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
pip="-m pip --disable-pip-version-check --quiet"

pythons=("$@")
if [ $# -eq 0 ]; then
    for version in 3.10 3.11 3.12 3.13 3.14; do
        # pyenv has commands of versions that are installed, but not in use.
        for found in "$(command -v "python$version" || true)" "$HOME/.pyenv/versions/$version".*/bin/python; do
            if [ -x "$found" ] && "$found" -c 'import venv' 2>/dev/null; then
                pythons+=("$found")
                break
            fi
        done
    done
fi

# Only what a wheel's test may see: the tests, not the code.
mkdir "$folder/checkout" "$folder/tools"
rm -rf build # what an earlier build left would go into the wheel
git ls-files -z -- tests pyproject.toml | xargs -0 cp --parents --target-directory "$folder/checkout"
for program in bash env sh uname; do # no compiler
    ln -s "$(command -v $program)" "$folder/tools/$program"
done

for python in "${pythons[@]}"; do
    name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    echo "== $name"
    wheel=$(find "$folder" -maxdepth 2 -name '*-abi3-*.whl')
    # One wheel is for every Python from 3.11 on.
    if [ -z "$wheel" ] || [ "$name" = python3.10 ]; then
        "$python" -m venv "$folder/build-$name"
        "$folder/build-$name/bin/python" $pip install "setuptools>=77"
        WAVE_NETWORK_REQUIRE_NATIVE=1 "$folder/build-$name/bin/python" $pip wheel --no-deps \
            --no-build-isolation --wheel-dir "$folder/$name" .
        wheel=$(find "$folder/$name" -name '*.whl')
    fi
    "$python" -m venv "$folder/venv-$name"
    bin="$folder/venv-$name/bin"
    "$bin/python" $pip install "$wheel"
    size=$(du -scm --exclude='pip*' --exclude='setuptools*' --exclude=pkg_resources \
        "$folder/venv-$name"/lib/*/site-packages | tail -1 | cut -f1)
    echo "$(basename "$wheel"), base install: $size MB"
    "$bin/python" $pip install "pytest>=8.2" "hypothesis>=6.100"
    (cd "$folder/checkout" && PATH="$bin:$folder/tools" "$bin/python" -m pytest -q -p no:cacheprovider @tests/core.txt)
done
