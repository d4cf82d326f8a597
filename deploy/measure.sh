#!/bin/sh
# `measure.sh bench …`, `measure.sh chaos …`: builds every process of the mesh, with optimisations unless --debug is given,
# and then runs that program on them with the other arguments.
set -eu
cd "$(dirname "$0")/.."
program=$1
shift
NATS_SERVER=$(python3 deploy/tools.py path nats-server)
POSTGRES_BIN=$(python3 deploy/tools.py path postgres)
export NATS_SERVER POSTGRES_BIN
profile=release
for argument in "$@"; do
    if [ "$argument" = --debug ]; then profile=debug; fi
done
if [ "$profile" = release ]; then
    cargo build --release --quiet --workspace --bins
else
    cargo build --quiet --workspace --bins
fi
exec "${CARGO_TARGET_DIR:-target}/$profile/$program" "$@"
