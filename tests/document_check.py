"""Every link between the documents leads somewhere, every alert has its paragraph in docs/operations.md, and the close and error codes are the
same in the sources and in all that describes them. Part of `./dev test checks`."""

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


def part(file: str, begin: str, end: str) -> str:
    """What stands in a file between the first `begin` and the next `end`."""
    return (ROOT / file).read_text().split(begin, 1)[1].split(end, 1)[0]


def first_column(table: str, cell: str) -> set[str]:
    """What fits `cell` in the first cell of each row."""
    return {found for row in table.splitlines() if row.startswith("| ") for found in re.findall(cell, row.split("|")[1])}


def differing_codes() -> list[str]:
    close = {
        "src/wire/close_code.h": set(re.findall(r"kClose\w+ = (\d{4});", (ROOT / "src/wire/close_code.h").read_text())),
        "docs/protocol.md": first_column(part("docs/protocol.md", "### Close codes\n", "\n### "), r"(?<!-)\b\d{4}\b(?!-)"),
        "docs/asyncapi.yaml": set(re.findall(r"code: (\d{4})", part("docs/asyncapi.yaml", "x-close-codes:\n", "messages:\n"))),
    }
    error = {
        "src/chat/error.h": set(re.findall(r"^  (\w+),", part("src/chat/error.h", "enum class ErrorCode", "};"), re.MULTILINE)),
        "docs/protocol.md": first_column(part("docs/protocol.md", "### Errors\n", "\n### "), r"`(\w+)`"),
        "docs/asyncapi.yaml": set(re.findall(r"- (\w+)\n", part("docs/asyncapi.yaml", "code:\n            enum:\n", "          message:"))),
        "sdk/src/errors.ts": set(re.findall(r'"(\w+)"', part("sdk/src/errors.ts", "type ServerErrorCode =", ";"))),
    }
    differing = []
    for kind, places in (("close", close), ("error", error)):
        source, known = next(iter(places.items()))
        described = places["docs/protocol.md"]
        if not known:
            differing.append(f"{source}: no {kind} codes found")
        for place, codes in places.items():
            # The documents also name what the codec sends (RFC 6455) and what is reserved.
            differing += [f"{place}: {kind} code {code} of {source} is missing" for code in sorted(known - codes)]
            if place != source:
                differing += [f"{place}: {kind} code {code} differs from docs/protocol.md" for code in sorted(codes ^ described)]
    return differing


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    dead = [link for name in listed.splitlines() if (ROOT / name).exists() for link in dead_links(ROOT / name)]
    if ALERTS.exists():
        runbooks = re.findall(r"docs/operations\.md#(\S+?)[\"'\s]", ALERTS.read_text() + "\n")
        known = anchors(ROOT / "docs/operations.md")
        dead += [f"{ALERTS.relative_to(ROOT)}: {anchor} is not in docs/operations.md" for anchor in runbooks if anchor not in known]
        dead += [f"docs/operations.md: there is no alert for #{anchor}" for anchor in sorted(known)
                 if anchor.startswith("alert-") and anchor not in runbooks]
    dead += differing_codes()
    print("\n".join(dead) or "documents: every link leads somewhere, close and error codes are the same everywhere")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
