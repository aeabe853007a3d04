"""What the programs are made of, as SPDX 2.3 JSON on stdout: `./dev sbom`.

    sbom.py [--build DIR]     DIR: the CMake build whose bin/ has the programs (build/release)

Nothing of it is kept by hand, so nothing gets out of date: shared libraries are what the programs' ELF headers need, compiled-in ones are
the headers that ninja saw the compiler read, and the web client's parts are what its sources import; versions and licences come from dpkg
and from the lock file. A part whose licence is not understood ends it with exit status 1, so that somebody looks. The libraries'
own dependencies are Debian's and not listed.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = ("simplechat", "sv-websocket", "sv-discover", "sv-persist")
# The compiler's and the kernel's, of which nothing but declarations is in a program.
NOT_A_PART = re.compile(r"^(clang|libclang|llvm|linux-libc-dev|libc6-dev|libstdc\+\+-\d+-dev|libgcc-\d+-dev|libcrypt-dev)")
# Debian's names of licences that SPDX calls otherwise.
SPDX_NAMES = {
    "Expat": "MIT", "MIT": "MIT", "BSD-3-clause": "BSD-3-Clause", "BSD-3-Clause": "BSD-3-Clause", "BSL-1.0": "BSL-1.0",
    "Apache-2.0": "Apache-2.0", "PostgreSQL": "PostgreSQL", "Expat with embedded exception": "MIT WITH fmt-exception",
}
# Copyright files that are prose, or whose words are not SPDX's.
SPDX_BY_PACKAGE = {
    "libc6": "LGPL-2.1-or-later", "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1", "libsqlite3-0": "blessing", "libsqlite3-dev": "blessing",
    "libtomlplusplus-dev": "MIT",
}


def output(*words) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def owners(paths) -> set[str]:
    """The Debian packages that have these files. The merged /usr has some under two names."""
    wanted = sorted({name for path in paths for name in (os.path.realpath(path), path, os.path.realpath(path).removeprefix("/usr"))})
    found = subprocess.run(["dpkg-query", "--search", *wanted], capture_output=True, text=True, check=False).stdout
    return {owner.split(":")[0] for line in found.splitlines() if not line.startswith("diversion")
            for owner in line.rsplit(": ", 1)[0].split(", ")}


def needed_libraries(program: pathlib.Path) -> set[str]:
    """Paths of the shared libraries that its own header names, not those that come with them."""
    names = set(re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "--dynamic", program)))
    return {path for name, path in re.findall(r"(\S+) => (/\S+)", output("ldd", program)) if name in names}


def compiled_headers(build: pathlib.Path) -> set[str]:
    """Headers of other packages that the compiler read for the programs."""
    objects = {line for program in PROGRAMS for line in output("ninja", "-C", build, "-t", "inputs", f"bin/{program}").splitlines()
               if line.endswith(".o")}
    return {line.strip() for line in output("ninja", "-C", build, "-t", "deps", *sorted(objects)).splitlines()
            if line.startswith("    /usr/include/")}


def debian_license(package: str) -> str:
    if package in SPDX_BY_PACKAGE:
        return SPDX_BY_PACKAGE[package]
    text = pathlib.Path(f"/usr/share/doc/{package}/copyright").read_text(encoding="utf-8", errors="replace")
    stanza = re.search(r"^Files:\s*\*.*?(?=^\s*$)", text, re.MULTILINE | re.DOTALL)
    name = re.search(r"^License:[ \t]*(.+)$", stanza.group(0) if stanza else "", re.MULTILINE)
    if not name or name.group(1).strip() not in SPDX_NAMES:
        sys.exit(f"sbom: the licence of {package} is not understood ({name.group(1) if name else 'no machine-readable one'}): see "
                 f"/usr/share/doc/{package}/copyright, and add it to SPDX_BY_PACKAGE")
    return SPDX_NAMES[name.group(1).strip()]


def debian_package(package: str) -> dict:
    version, source, arch = output("dpkg-query", "--show", "--showformat=${Version}\t${source:Package}\t${Architecture}\n",
                                   package).splitlines()[0].split("\t")
    return {"name": package, "versionInfo": version, "license": debian_license(package), "comment": f"Debian source package {source}",
            "purl": f"pkg:deb/debian/{package}@{version}?arch={arch}"}


def bundled_npm_packages() -> list[dict]:
    """What web/src imports, and what that depends on."""
    lock = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    sources = [path.read_text() for path in (ROOT / "web/src").rglob("*.ts*")]
    imports = {name for text in sources for name in re.findall(r"""(?:from|import)\s*\(?["']((?:@[\w.-]+/)?[\w][\w.-]*)[^"']*["']""", text)}
    waiting, parts = sorted(name for name in imports if f"node_modules/{name}" in lock), {}
    while waiting:
        name = waiting.pop()
        entry = lock[f"node_modules/{name}"]
        if name in parts:
            continue
        waiting += sorted(entry.get("dependencies", {}))
        if "license" not in entry:
            sys.exit(f"sbom: web/package-lock.json has no licence of {name}")
        parts[name] = {"name": name, "versionInfo": entry["version"], "license": entry["license"], "comment": "in the web client",
                       "purl": f"pkg:npm/{name.replace('@', '%40')}@{entry['version']}"}
    return list(parts.values())


def spdx_package(identifier: str, part: dict) -> dict:
    return {"SPDXID": identifier, "name": part["name"], "versionInfo": part["versionInfo"], "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": part["license"], "licenseDeclared": part["license"], "copyrightText": "NOASSERTION",
            "comment": part["comment"],
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": part["purl"]}]}


def document(build: pathlib.Path) -> dict:
    version = output(build / "bin/simplechat", "--version").split()[1]
    linked = owners(path for program in PROGRAMS for path in needed_libraries(build / "bin" / program))
    compiled = {name for name in owners(compiled_headers(build)) if not NOT_A_PART.match(name)}
    parts = [("DYNAMIC_LINK", debian_package(name)) for name in sorted(linked)]
    parts += [("STATIC_LINK", debian_package(name)) for name in sorted(compiled)]
    parts += [("CONTAINS", part) for part in sorted(bundled_npm_packages(), key=lambda part: part["name"])]

    own = {"name": "simplechat", "versionInfo": version, "license": "Apache-2.0", "comment": "the programs " + ", ".join(PROGRAMS),
           "purl": f"pkg:generic/simplechat@{version}"}
    packages, relationships = [spdx_package("SPDXRef-simplechat", own)], [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-simplechat"}]
    for relationship, part in parts:
        identifier = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", part["purl"].split("@")[0].removeprefix("pkg:"))
        packages.append(spdx_package(identifier, part))
        relationships.append({"spdxElementId": "SPDXRef-simplechat", "relationshipType": relationship, "relatedSpdxElement": identifier})
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    content = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()[:32]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"simplechat-{version}",
            "documentNamespace": f"https://simplechat.invalid/spdx/{version}/{content}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment), "creators": ["Tool: simplechat-sbom"]},
            "packages": packages, "relationships": relationships}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    json.dump(document(parser.parse_args().build.resolve()), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
