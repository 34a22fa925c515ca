"""Sources to records to Parquet: building, checking and loading the benchmark's data sets."""
