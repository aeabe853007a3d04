"""The SPDX list of what the programs are made of."""

import json
import re
import subprocess
import sys

import pytest

from machine import ROOT

PROGRAMS = ("simplechat", "sv-websocket", "sv-discover", "sv-persist")


@pytest.fixture(scope="module")
def document(bin_dir) -> dict:
    printed = subprocess.run([sys.executable, ROOT / "deploy/sbom.py", "--build", bin_dir.parent], check=True, capture_output=True, text=True).stdout
    return json.loads(printed)


def related(document: dict, relationship: str) -> dict[str, dict]:
    """Packages by name that simplechat has this relationship to."""
    wanted = {each["relatedSpdxElement"] for each in document["relationships"] if each["relationshipType"] == relationship}
    return {package["name"]: package for package in document["packages"] if package["SPDXID"] in wanted}


def test_it_is_spdx_2_3(document):
    assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0" and document["SPDXID"] == "SPDXRef-DOCUMENT"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"])
    identifiers = [package["SPDXID"] for package in document["packages"]]
    assert len(identifiers) == len(set(identifiers))
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", identifier) for identifier in identifiers)
    for relationship in document["relationships"]:
        assert {relationship["spdxElementId"], relationship["relatedSpdxElement"]} <= {"SPDXRef-DOCUMENT", *identifiers}


def test_every_part_has_a_version_a_licence_and_a_purl(document):
    for package in document["packages"]:
        assert package["versionInfo"] and package["downloadLocation"], package
        assert re.fullmatch(r"[A-Za-z0-9.+-]+( (WITH|AND|OR) [A-Za-z0-9.+-]+)*", package["licenseDeclared"]), package
        assert package["licenseDeclared"] != "NOASSERTION"
        assert package["externalRefs"][0]["referenceLocator"].startswith("pkg:")


def test_every_shared_library_is_listed(document, bin_dir):
    """By another way than the list is made: what the loader finds for the names in the programs, and whose it is."""
    cache = subprocess.run(["/sbin/ldconfig", "--print-cache"], check=True, capture_output=True, text=True).stdout
    needed = {library for program in PROGRAMS for library in re.findall(
        r"NEEDED\s+(\S+)", subprocess.run(["objdump", "-p", bin_dir / program], check=True, capture_output=True, text=True).stdout)}
    assert {"libssl.so.3", "libpq.so.5"} <= needed
    paths = {library: re.search(rf"^\s*{re.escape(library)} .*=> (\S+)", cache, re.MULTILINE).group(1).removeprefix("/usr") for library in needed}
    owned = subprocess.run(["dpkg-query", "--search", *paths.values(), *(f"/usr{path}" for path in paths.values())],
                           check=False, capture_output=True, text=True).stdout.splitlines()
    owner = {line.split(": ")[1].removeprefix("/usr"): line.split(":")[0] for line in owned}
    assert {owner[path] for path in paths.values()} == set(related(document, "DYNAMIC_LINK"))


def test_what_is_compiled_in_and_bundled_is_listed(document):
    assert {"libboost1.81-dev", "libcli11-dev", "libtomlplusplus-dev"} <= set(related(document, "STATIC_LINK"))
    locked = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    bundled = related(document, "CONTAINS")
    assert {"preact", "marked", "virtua"} <= set(bundled)
    for name, package in bundled.items():
        assert package["versionInfo"] == locked[f"node_modules/{name}"]["version"]
    assert not {"vite", "vitest", "typescript"} & set(bundled), "tools are no parts"
