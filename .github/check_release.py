"""Check what was built for a release, as its users will get it.

Usage: check_release.py DIST [TAG]

The changelog has a dated section for the version, a TAG names that version, the wheel holds every
file of the packages, and the core of the installed wheel works, away from the checkout.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("itr_bench", "tasks", "leaderboard")
NOT_SHIPPED = re.compile(
    r"leaderboard/(README\.md|history\.yaml|package\.json|submissions/.*|reruns/.*)"
)


def main(dist: Path, tag: str) -> None:
    """Check the files in *dist*; end with status 1 and a line on what is wrong."""
    (wheel,) = dist.glob("*.whl")
    version = wheel.name.split("-")[1]
    if tag and tag != f"v{version}":
        sys.exit(f"the tag is {tag}, itr_bench/version.py says {version}: make them the same")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", changelog, re.M):
        sys.exit(f"CHANGELOG.md has no section `## {version} (YYYY-MM-DD)`: add it")
    _check_files(wheel)
    _check_installed(wheel)
    print(f"{wheel.name}: whole, and its core works")


def _check_files(wheel: Path) -> None:
    listed = subprocess.check_output(["git", "ls-files", *PACKAGES], cwd=ROOT, text=True)
    expected = {
        path if path.startswith("itr_bench/") else f"itr_bench/{path}"
        for path in listed.splitlines()
        if not NOT_SHIPPED.fullmatch(path)
    }
    missing = sorted(expected - set(zipfile.ZipFile(wheel).namelist()))
    if missing:
        sys.exit(f"{wheel.name} lacks {', '.join(missing)}: see `packages` in setup.cfg")


def _check_installed(wheel: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder, "venv")
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        binaries = environment / "bin"
        install = [str(binaries / "pip"), "install", "--quiet", str(wheel.resolve())]
        subprocess.run(install, check=True)
        command = str(binaries / "itr-bench")
        read = [command, "parse"]
        line = '{"response": "Answer: no", "lang": "en"}'
        answer = subprocess.check_output(read, input=line, text=True, cwd=folder)
        if '"no"' not in answer:
            sys.exit(f"the installed `itr-bench parse` read {answer!r}, expected no")
        for arguments in (["data", "list"], ["models"], ["leaderboard", "build", "--out", "site"]):
            subprocess.run([command, *arguments], check=True, cwd=folder, capture_output=True)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
