"""Agreement between annotators: reading their files, coefficients, and the annotation sheet."""

PAGE_LANGUAGES = ("en", "lv")
"""The languages of the annotation page; ``sheet_texts.yaml`` has its texts in each."""
