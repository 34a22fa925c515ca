"""The image files in a Parquet file, read when they are needed."""

from __future__ import annotations

import bisect
import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from itr_bench.data.sets import build_again
from itr_bench.errors import DataError

KEPT_GROUPS = 4


class StoredImages:
    """The image files of a Parquet file, read one row group at a time.

    The row groups asked for last are kept, :data:`KEPT_GROUPS` of them: some 24 MB where a group
    has 32 tweets, so the order of the list is the fast one. The file stays open, so that a set
    which another process replaces is read on as it was. Threads may share it.
    """

    def __init__(self, path: Path, file: pq.ParquetFile, name: str) -> None:
        self.path, self._file, self._name = path, file, name
        facts = file.metadata
        sizes = (facts.row_group(i).num_rows for i in range(facts.num_row_groups))
        self._ends = list(itertools.accumulate(sizes))
        self._kept: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, row: int) -> pa.StructScalar:
        """The image file of a row: ``bytes`` and ``path``."""
        row = range(self._ends[-1])[row]
        number = bisect.bisect_right(self._ends, row)
        with self._lock:  # a Parquet reader is for one thread at a time
            group = self._kept.pop(number, None)
            if group is None:
                group = self._read(number)
            self._kept[number] = group
            if len(self._kept) > KEPT_GROUPS:
                self._kept.popitem(last=False)
        return group[row - self._ends[number]]  # counted from the end of the group

    def groups(self) -> Iterator[pa.ChunkedArray]:
        """All image files, row group by row group; none is kept."""
        for number in range(len(self._ends)):
            with self._lock:
                group = self._read(number)
            yield group

    def _read(self, number: int) -> pa.ChunkedArray:
        try:
            table = self._file.read_row_group(number, columns=["image"], use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise unreadable(self.path, self._name, str(error)) from error
        return table["image"]


def unreadable(path: Path, name: str, error: str) -> DataError:
    """The error for a Parquet file of set *name* that cannot be read."""
    return DataError(f"{path} is damaged ({error}). {build_again(name)}")
