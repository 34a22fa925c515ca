"""Numbers with their nouns."""


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun; *many* where an s does not make the plural."""
    return f"{number} {one if number == 1 else many or one + 's'}"
