"""docs/configuration.md against the programs: every option is there, with its default and its range, and none that is not."""

import pathlib
import re
import subprocess

import pytest

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
PROGRAMS = {"simplechat serve": "simplechat", "sv-websocket": "sv-websocket", "sv-discover": "sv-discover", "sv-persist": "sv-persist"}


def programs_of(heading: str) -> list[str]:
    """Whose options a section has: of a heading that names programs those, of "All programs" all of them."""
    if heading == "All programs":
        return list(PROGRAMS.values())
    return [program for words, program in PROGRAMS.items() if re.search(rf"(^|[ ,]){words}($|[ ,])", heading)]


def documented() -> dict[str, dict[str, tuple[str, str]]]:
    """Program -> option -> default and allowed, from the tables. A section without a program in its heading goes with the one above."""
    options = {program: {} for program in PROGRAMS.values()}
    owners = {}  # depth of heading -> programs
    for line in DOCUMENT.read_text().splitlines():
        if heading := re.match(r"(#+) (.*)", line):
            depth = len(heading.group(1))
            owners = {above: programs for above, programs in owners.items() if above < depth}
            owners[depth] = programs_of(heading.group(2)) or owners.get(depth - 1, [])
        elif row := re.match(r"\| `([a-z0-9-]+)`[^|]*\| ([^|]*) \| ([^|]*) \| ", line):
            for program in owners[max(owners)]:
                assert row.group(1) not in options[program], f"{row.group(1)} of {program} is there twice"
                options[program][row.group(1)] = row.group(2), row.group(3)
    return options


def bare(text: str) -> str:
    """A value without how it is written: quotes, spaces in numbers, passwords, a remark in parentheses."""
    text = re.sub(r" \(.*\)$", "", text.strip()).strip('`"')
    text = re.sub(r"(?<=\d) (?=\d{3}\b)", "", text)
    return re.sub(r"(://[^:/@]+):[^@]+@", r"\1:***@", text)


@pytest.mark.parametrize("program", PROGRAMS.values())
def test_the_document_has_the_programs_options(program, bin_dir, tmp_path):
    def run(word: str) -> str:
        return subprocess.run([bin_dir / program, word], check=True, capture_output=True, text=True, cwd=tmp_path, env={}).stdout

    lines = (line.rsplit("  # ", 1)[0].split(" = ", 1) for line in run("check-config").splitlines())
    defaults = {name: bare(value) for name, value in lines}
    in_document = documented()[program]
    assert set(defaults) <= set(in_document), f"not in docs/configuration.md: {sorted(set(defaults) - set(in_document))}"
    assert set(in_document) <= set(defaults), f"{program} has none of {sorted(set(in_document) - set(defaults))}"
    for name, value in defaults.items():
        written, allowed = in_document[name]
        # What an empty default means is said in words, or, where it is made of other options, with their names in capitals.
        in_words = value == "" and not re.fullmatch(r"`[^A-Z]*`|[\d ]+|true|false", written)
        assert in_words or bare(written) == value, f"{name}: {value!r}, not {written!r}"
        if span := re.fullmatch(r"(-?\d+) to (-?\d+)", bare(allowed)):
            helped = re.search(rf"--{name}[ ,](?:(?! --).)*?(-?\d+) to (-?\d+) \(default", " ".join(run("--help").split()))
            assert helped and helped.groups() == span.groups(), f"{name}: {allowed} in the document"
