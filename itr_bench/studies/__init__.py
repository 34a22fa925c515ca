"""The studies: questions that several runs answer together, each one file with a ``STUDY``."""
