#!/bin/bash
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds in a folder of its own and runs all tests. The last line says "N passed, N failed".
#   tools/test.sh [BUILD-FOLDER]      default: build-test; JOBS: processes at a time, default: one for each core
set -u
cd "$(dirname "$0")/.." || exit 1
. tools/packages.sh
build=${1:-build-test}
jobs=${JOBS:-$(nproc)}

# Without a build there is no log to count in.
give_up () {
  echo "$1" >&2
  echo "0 passed, 1 failed"
  exit 1
}

install_missing $build_packages $test_packages || give_up "the packages for the build are not there"
if [ -f "$build/build.ninja" ]; then
  meson setup --reconfigure "$build" >"$build/setup.log" || give_up "meson cannot configure; see $build/setup.log"
else
  mkdir -p "$build"
  meson setup "$build" >"$build/setup.log" || { cat "$build/setup.log" >&2; give_up "meson cannot configure"; }
fi
ninja -C "$build" -j "$jobs" || give_up "the build failed"

rm -f "$build/meson-logs/testlog.json"
meson test -C "$build" --no-rebuild --num-processes "$jobs" --print-errorlogs
status=$?

python3 - "$build/meson-logs/testlog.json" "$status" <<'PYTHON'
import json
import sys

try:
    with open(sys.argv[1]) as log:
        results = [json.loads(line)['result'] for line in log if line.strip()]
except FileNotFoundError:
    results = []
skipped = results.count('SKIP')
passed = results.count('OK') + results.count('EXPECTEDFAIL')
failed = len(results) - passed - skipped
if not results:
    print('no test ran', file=sys.stderr)
    failed = 1
if skipped:
    print('%d skipped' % skipped)
print('%d passed, %d failed' % (passed, failed))
sys.exit(1 if failed else int(sys.argv[2]))
PYTHON
