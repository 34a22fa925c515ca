"""The set that a generator draws."""
