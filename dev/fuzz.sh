#!/usr/bin/env bash
# Read damaged files of every format, and damaged model folders. Build the extension under the
# address and undefined-behaviour sanitizers in a temporary copy, and call its functions with wrong
# arguments: dev/fuzz.sh PYTHON [CALLS OF EACH FUNCTION, FILES OF EACH FORMAT] [SEED]
set -euo pipefail
python=$(realpath --no-symlinks "$1")
export WAVE_NETWORK_FUZZ_CALLS=${2:-3000} WAVE_NETWORK_FUZZ_SEED=${3:-1}
"$python" -m pytest -q -n 0 -p no:cacheprovider tests/data/test_fuzz_readers.py tests/persistence/test_fuzz_folder.py
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r setup.py pyproject.toml README.md LICENSE src tests "$copy"
cd "$copy"
find src -name '*.so' -delete
checks=undefined,float-cast-overflow
flags="-fsanitize=address,$checks -fno-sanitize-recover=$checks -g -O1"
CFLAGS=$flags LDFLAGS=$flags "$python" setup.py -q build_ext --inplace
compiler=${CC:-gcc}
export LD_PRELOAD="$($compiler -print-file-name=libasan.so) $($compiler -print-file-name=libubsan.so)"
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONPATH=$copy/src
# `PYTHONMALLOC` leaves every allocation to the sanitizer.
PYTHONMALLOC=malloc "$python" -m pytest -q -n 0 -p no:cacheprovider tests/_native
