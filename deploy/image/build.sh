#!/bin/sh
# Builds the binaries of the images into a folder: `deploy/image/build.sh FOLDER`. The Dockerfile runs this, and so does
# `deploy/just image` where there is no engine. PROFILE=dev builds them unoptimised; MESH_COMMIT says what they are built
# from. With cargo-auditable each binary holds the list of what it was made of (its SBOM).
set -eu

folder=$1
profile=${PROFILE:-release}
binaries="gateway user-svc counseling-svc payment-svc meshctl"
cargo=${CARGO:-cargo}
if command -v cargo-auditable > /dev/null; then
    cargo="$cargo auditable"
fi

bins=""
for binary in $binaries; do
    bins="$bins --bin $binary"
done
# shellcheck disable=SC2086
$cargo build --locked --profile "$profile" $bins

built=${CARGO_TARGET_DIR:-target}/$profile
if [ "$profile" = dev ]; then
    built=${CARGO_TARGET_DIR:-target}/debug
fi
mkdir -p "$folder"
for binary in $binaries; do
    # Symbols stay out of the images; a panic still tells its file and line.
    strip -o "$folder/$binary" "$built/$binary"
    chmod 0555 "$folder/$binary"
done
