"""Every link between the documents leads somewhere, and every alert has its paragraph in docs/operations.md. Part of `./dev test checks`."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"


def anchors(path: pathlib.Path) -> set[str]:
    """Those that a viewer such as GitHub's gives to the headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = (re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def dead_links(path: pathlib.Path) -> list[str]:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(f"{path.relative_to(ROOT)}: {target}")
    return dead


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    dead = [link for name in listed.splitlines() if (ROOT / name).exists() for link in dead_links(ROOT / name)]
    if ALERTS.exists():
        runbooks = re.findall(r"docs/operations\.md#(\S+?)[\"'\s]", ALERTS.read_text() + "\n")
        known = anchors(ROOT / "docs/operations.md")
        dead += [f"{ALERTS.relative_to(ROOT)}: {anchor} is not in docs/operations.md" for anchor in runbooks if anchor not in known]
        dead += [f"docs/operations.md: there is no alert for #{anchor}" for anchor in sorted(known)
                 if anchor.startswith("alert-") and anchor not in runbooks]
    print("\n".join(dead) or "documents: every link leads somewhere")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
