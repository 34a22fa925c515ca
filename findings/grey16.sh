#!/bin/sh
# datasets 5.2.0 with Pillow 13.0.0: a PNG with 16 bits of grey comes out nearly all white.
#
# `datasets.Image(mode="RGB")` decodes with Pillow's `convert("RGB")`, which cuts grey values of mode
# I;16 off at 255 instead of scaling them by 257. Of a ramp from 0 to 65535 in 256 steps, 255 of 256
# pixels are pure white: everything that is brighter than 1/257 of white. No warning is given.
# Scanners, microscopes and image editors write such files.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    datasets==5.2.0 pillow==13.0.0 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" <<'PYTHON'
import pathlib
import sys

import datasets
import numpy as np
from PIL import Image

file = pathlib.Path(sys.argv[1], "ramp.png")
Image.fromarray(np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)).save(file)
rows = datasets.Dataset.from_dict({"image": [str(file)]})
image = rows.cast_column("image", datasets.Image(mode="RGB"))[0]["image"]
white = int((np.asarray(image) == 255).all(axis=2).sum())
print(f"{white} of 256 pixels are white")
assert white == 255, white
PYTHON
