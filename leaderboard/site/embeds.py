"""What others read: a feed of new results, and a picture for social media."""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from email.utils import format_datetime

from markupsafe import escape

from itr_bench.leaderboard.schema import folder_of
from itr_bench.leaderboard.site.history import HistoryItem
from itr_bench.leaderboard.site.pages import Site

_NEWEST = 50
"""So many items are in the feed."""


def feed(site: Site, items: Sequence[HistoryItem], folders: set[str]) -> str:
    """An RSS 2.0 feed of the newest *items*."""
    base = site.url or ""
    parts = []
    for item in items[:_NEWEST]:
        folder = folder_of(item.model or "")
        page = f"models/{folder}.html" if folder in folders else "history.html"
        day = datetime.datetime.fromisoformat(item.date).replace(tzinfo=datetime.timezone.utc)
        parts.append(
            "<item>"
            f"<title>{escape(item.what)}</title>"
            f"<link>{escape(base + page)}</link>"
            f"<description>{escape(item.why)}</description>"
            f"<pubDate>{format_datetime(day, usegmt=True)}</pubDate>"
            f'<guid isPermaLink="false">{escape(f"{item.date} {item.what}")}</guid>'
            f"</item>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        "<title>itr-bench: new results</title>"
        f"<link>{escape(base)}index.html</link>"
        "<description>What was added to the leaderboard of itr-bench, and why</description>\n"
        + "\n".join(parts)
        + "\n</channel></rss>\n"
    )


def preview_png(line: str) -> bytes:
    """The picture that social media show, 1200 x 630, with a *line* of ours on it."""
    from matplotlib import rc_context, rcdefaults
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context():
        rcdefaults()
        made = Figure(figsize=(12, 6.3), dpi=100, facecolor="#fdfdfb")
        made.text(0.07, 0.72, "itr-bench", fontsize=54, weight="bold", color="#1b1c1e")
        made.text(0.07, 0.56, "Does the image add to the meaning of the tweet?", fontsize=26)
        made.text(0.07, 0.47, "Is the text represented in the image?", fontsize=26)
        made.text(0.07, 0.2, line, fontsize=22, color="#0b4f92")
        file = io.BytesIO()
        FigureCanvasAgg(made).print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return file.getvalue()
