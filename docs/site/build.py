"""Builds the site into build/site, and checks it: no warning, no broken link, nothing from elsewhere.

make docs
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from docs.site import examples, links  # noqa: E402 - the root has to be on the path first
from docs.site.assemble import assemble  # noqa: E402 - as above

SOURCE, SITE = ROOT / "build/docs", ROOT / "build/site"


def sphinx() -> int:
    """Sphinx itself; any warning is an error."""
    options = [
        "-b",
        "html",
        "-c",
        str(HERE),
        "-W",
        "--keep-going",
        "-E",
        "-q",
        "-d",
        str(ROOT / "build/doctrees"),
    ]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(SOURCE), str(SITE)], check=False
    ).returncode


def main() -> int:
    """Build and check; what is wrong goes to standard error."""
    assemble(SOURCE)
    if code := sphinx():
        return code
    # Those that HTML on a page asks for are nothing that Sphinx sees.
    shutil.copytree(SOURCE / "images", SITE / "images", dirs_exist_ok=True)
    wrong = [*links.problems(SITE), *examples.problems()]
    sys.stderr.writelines(f"{each}\n" for each in wrong)
    if not wrong:
        sys.stdout.write(
            f"build/site/index.html: {len([*SITE.rglob('*.html')])} pages, all links lead somewhere\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
