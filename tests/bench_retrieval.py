"""``make bench``: image-text retrieval of random embeddings, both directions, in time and memory.

Each size is a process of its own. Nothing here is asserted: machines differ. The aim stands beside
the figures.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

SIZES = (350, 10_000, 30_000)
DIMENSIONS = 768


def child(count: int) -> None:
    """Rank *count* pairs and print what it took."""
    import numpy as np

    from itr_bench.studies.encoders.ranking import ranks

    rng = np.random.default_rng(0)
    sides = []
    for _ in range(2):
        drawn = rng.standard_normal((count, DIMENSIONS), dtype=np.float32)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        sides.append(drawn)
    keys = [str(i) for i in range(count)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    ranks(*sides, keys, keys)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "before": before / 2**10, "memory": memory / 2**10}))


def main() -> None:
    print(f"retrieval    pairs of {DIMENSIONS} dimensions, both directions, one exact fp32 product")
    for count in SIZES:
        line = [sys.executable, "-m", "tests.bench_retrieval", str(count)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"failed: {' '.join(line)}\n{done.stderr}")
        found = json.loads(done.stdout)
        aim = "(aim: under 20 s on 2 cores)" if count == 10_000 else ""
        print(
            f"             {count:6}  {found['seconds']:6.2f} s  {found['memory']:5.0f} M at its "
            f"highest, {found['before']:.0f} M with the embeddings alone  {aim}".rstrip(),
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:]:
        child(int(sys.argv[1]))
    else:
        main()
