#!/bin/sh
# Prints what a release brings: the section of its version in CHANGELOG.md, which is written by hand, and the commits since the
# last release. `deploy/changes.sh VERSION [TAG]`; TAG is that of the commit that is checked out, if it has one.
set -eu
cd "$(dirname "$0")/.."
version=${1:?the version whose changes are wanted, e.g. 0.1.0}
tag=${2:-}

# From its heading to the next one.
section=$(awk -v heading="## [$version] - " '/^## / { inside = index($0, heading) == 1 } inside' CHANGELOG.md)
if [ -z "$section" ]; then
    echo "error: CHANGELOG.md has no section [$version]: write what the version brings" >&2
    exit 1
fi
# The tag has taken the commits: none is unreleased any more.
commits="--unreleased"
if [ -n "$tag" ]; then
    commits="--current"
    case $section in
        "## [$version] - Unreleased"*)
            echo "error: CHANGELOG.md says that $version is not released, and the tag is $tag: write the date there" >&2
            exit 1
            ;;
    esac
fi
cliff=$(python3 deploy/tools.py path git-cliff)
listed=$("$cliff" --config deploy/cliff.toml "$commits")
printf '%s\n\n## Commits\n%s\n' "$section" "$listed"
