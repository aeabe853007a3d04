#!/usr/bin/env bash
# package.sh [BIN]: makes the Debian packages of the programs in BIN (build/release/bin), in build/package. Called by `./dev package`.
#
# debhelper rather than CPack or bare dpkg-deb: it knows how units, sysusers and conffiles are set up, upgraded and removed, and those
# maintainer scripts are what goes wrong when they are written by hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bin=${1:-build/release/bin}
tree=build/package/tree
version=$(dpkg-parsechangelog -l deploy/debian/changelog -S Version)
program=$("$bin/simplechat" --version)
[ "$program" = "simplechat $version" ] || { echo "package: the changelog says $version, the program '$program'" >&2; exit 1; }

# The same programs and documents give the same packages, byte for byte.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l deploy/debian/changelog -S Timestamp)
export SOURCE_DATE_EPOCH

rm -rf build/package
mkdir -p $tree/bin $tree/doc/docs
cp -r deploy/debian $tree/debian
cp "$bin"/{simplechat,sv-discover,sv-persist,sv-websocket} $tree/bin/
cp README.md ARCHITECTURE.md SECURITY.md $tree/doc/
cp -r docs/*.md docs/*.yaml docs/decisions $tree/doc/docs/
/usr/bin/python3 deploy/sbom.py --build "$(dirname "$bin")" >$tree/doc/simplechat.spdx.json

log=build/package/log
(cd $tree && dpkg-buildpackage --build=binary --no-sign) >$log 2>&1 || { cat $log >&2; exit 1; }
rm -rf $tree
echo build/package/*.deb
