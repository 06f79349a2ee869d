#!/usr/bin/env bash
# Read damaged files of every format, and damaged model folders. Build the extension under the
# address and undefined-behaviour sanitizers in a temporary copy, call its functions with wrong
# arguments, and read damaged models of fastText with it; then build it under the thread sanitizer,
# and call those that use several threads:
# dev/fuzz.sh PYTHON [CALLS OF EACH FUNCTION, FILES OF EACH FORMAT] [SEED]
set -euo pipefail
python=$(realpath --no-symlinks "$1")
export WAVE_NETWORK_FUZZ_CALLS=${2:-3000} WAVE_NETWORK_FUZZ_SEED=${3:-1}
"$python" -m pytest -q -n 0 -p no:cacheprovider tests/data/test_fuzz_readers.py tests/persistence/test_fuzz_folder.py
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r setup.py pyproject.toml README.md LICENSE src tests "$copy"
cd "$copy"

# Build the extension with some sanitizers.
build() {
    find src -name '*.so' -delete
    CFLAGS="$1 -g -O1" LDFLAGS=$1 "$python" setup.py -q build_ext --inplace --force
}

test_native() {
    "$python" -m pytest -q -n 0 -p no:cacheprovider "$@"
}

compiler=${CC:-gcc}
export PYTHONPATH=$copy/src
checks=undefined,float-cast-overflow
build "-fsanitize=address,$checks -fno-sanitize-recover=$checks"
libraries="$($compiler -print-file-name=libasan.so) $($compiler -print-file-name=libubsan.so)"
# `PYTHONMALLOC` leaves every allocation to the sanitizer.
LD_PRELOAD=$libraries ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
    PYTHONMALLOC=malloc test_native tests/_native tests/fasttext/test_file.py
build -fsanitize=thread
LD_PRELOAD=$($compiler -print-file-name=libtsan.so) TSAN_OPTIONS=halt_on_error=1 \
    test_native tests/_native/test_determinism.py
