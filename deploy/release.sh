#!/usr/bin/env bash
# Makes a release of the commit that is checked out, in dist/: one archive of stripped binaries for this machine's target, what
# the version brings (deploy/changes.sh), and checksums. Each binary says its version and commit (`--version`), and holds the list
# of the crates that it is made of (cargo-auditable): dist/SBOM-<binary>.json is that list.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -n "$(git status --porcelain)" ]; then
    echo "error: there are changes that no commit has, so no commit would say what was released: commit or stash them" >&2
    exit 1
fi
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
target=$(rustc --version --verbose | sed -n 's/^host: //p')
MESH_COMMIT=$(git rev-parse --short HEAD)
export MESH_COMMIT
if tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2> /dev/null) && [ "$tag" != "v$version" ]; then
    echo "error: the tag is $tag, and Cargo.toml says $version: correct one of them" >&2
    exit 1
fi
# Before anything else, because it may refuse.
changes=$(deploy/changes.sh "$version" "$tag")

auditable=$(python3 deploy/tools.py path cargo-auditable)
name=hearlers-$version-$target
rm -rf dist
mkdir -p "dist/$name"
PATH="$(dirname "$auditable"):$PATH" deploy/image/build.sh "dist/$name"

for binary in "dist/$name"/*; do
    "$binary" --version | grep -F "$version ($MESH_COMMIT)"
    python3 deploy/sbom.py "$binary" > "dist/SBOM-${binary##*/}.json"
done
cp LICENSE "dist/$name/"
printf '%s\n' "$changes" > dist/CHANGES.md
# The same bytes from the same commit.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -C dist -cf - "$name" \
    | gzip --no-name > "dist/$name.tar.gz"
rm -r "dist/${name:?}"
(cd dist && sha256sum -- * > SHA256SUMS && cat SHA256SUMS)
