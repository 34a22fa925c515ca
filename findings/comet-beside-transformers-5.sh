#!/usr/bin/env bash
# unbabel-comet 2.2.7, the newest COMET, cannot be installed beside transformers 5: it asks for
# transformers<5.0. An extra of a package that needs transformers 5 can therefore never bring it; it
# needs an environment of its own, which resolves for Python 3.12 to transformers 4.57.6.
#
# Seen on 2026-11-29 with uv 0.13.9:
#   Because unbabel-comet>=2.2.7 depends on transformers>=4.17,<5.0 and you require ...
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9
resolve() { printf '%s\n' "$@" | "$dir/venv/bin/uv" pip compile --quiet --python-version 3.12 -; }

resolve unbabel-comet==2.2.7 > "$dir/alone"
grep -q '^transformers==4' "$dir/alone"
grep -q '^huggingface-hub==0' "$dir/alone"

if resolve unbabel-comet==2.2.7 transformers==5.24.0 > /dev/null 2> "$dir/said"; then
    echo "changed: they can be installed together"
    exit 1
fi
grep -q 'transformers>=4.17,<5.0' "$dir/said"
echo "unbabel-comet 2.2.7 and transformers 5.24.0 cannot be installed together"
