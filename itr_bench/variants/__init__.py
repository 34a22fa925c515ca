"""What the variants of a task show and ask. Their names are in :mod:`itr_bench.data.variants`."""
