#!/usr/bin/env bash
# Compile every C file with each compiler that is installed, all warnings on: for Linux (glibc and
# musl), Windows, macOS, and aarch64. Any warning is a failure: dev/compilers.sh PYTHON
#
# Debian's packages: gcc clang musl-tools gcc-mingw-w64-x86-64-win32 gcc-aarch64-linux-gnu
# libc6-dev-arm64-cross; from PyPI: ziglang (ZIG="PYTHON -m ziglang").
set -uo pipefail
python=$(realpath --no-symlinks "$1")
cd "$(dirname "$0")/.."
zig=${ZIG:-$python -m ziglang}
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
log=$(mktemp)
windows=$(mktemp -d)
trap 'rm -rf "$log" "$windows"' EXIT
failed=0

# Python's headers are the same everywhere but for pyconfig.h; this one is what they need on Windows.
cp -r "$headers/." "$windows"
cat >"$windows/pyconfig.h" <<'END'
#include <io.h>
#include <stdint.h>
#define MS_WINDOWS
#define MS_WIN64
#define NT_THREADS
#define WITH_THREAD
#define HAVE_DECLSPEC_DLL
#define Py_ENABLE_SHARED
#define SIZEOF_SIZE_T 8
#define SIZEOF_VOID_P 8
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_WCHAR_T 2
#define HAVE_PY_SSIZE_T
typedef int64_t Py_ssize_t;
#define PY_SSIZE_T_MAX INT64_MAX
#define PY_LLONG_MIN LLONG_MIN
#define PY_LLONG_MAX LLONG_MAX
#define PY_ULLONG_MAX ULLONG_MAX
END

# check NAME PYTHON_HEADERS COMPILER...: Python itself keeps functions in `void *` slots, which
# strict C does not know; that warning alone is left out.
check() {
    local name=$1 include=$2 limited file
    shift 2
    if ! (cd "$windows" && "$@" --version) >/dev/null 2>&1; then # Zig leaves a file behind
        echo "not installed: $name"
        return
    fi
    : >"$log"
    for limited in 0x030B0000 none; do
        for file in src/wave_network/_native/*.c; do
            local api=(-DPy_LIMITED_API=$limited)
            [ $limited = none ] && api=()
            "$@" -std=gnu11 -O2 -Wall -Wextra -Wpedantic -Wvla -Wstrict-prototypes \
                -Werror=implicit-function-declaration "${api[@]}" -isystem "$include" \
                -c "$file" -o "$windows/object.o" 2>&1 |
                grep -E '(warning|error):' | grep -v 'function pointer' >>"$log"
        done
    done
    if [ -s "$log" ]; then
        failed=1
        echo "FAILED: $name"
        sort -u "$log" | head -20
    else
        echo "ok: $name"
    fi
}

check "gcc" "$headers" gcc
check "gcc, plain characters unsigned" "$headers" gcc -funsigned-char
check "clang" "$headers" clang
check "musl" "$headers" musl-gcc
check "Windows (mingw)" "$windows" x86_64-w64-mingw32-gcc
check "aarch64" "$headers" aarch64-linux-gnu-gcc
for target in aarch64-macos x86_64-macos x86_64-windows-gnu aarch64-windows-gnu aarch64-linux-musl; do
    include=$headers
    [[ $target == *windows* ]] && include=$windows
    check "zig, $target" "$include" $zig cc -target $target
done
exit $failed
