#!/bin/sh
# Builds everything that is put under stress, and chaos itself, with optimisations unless --debug is given. Other
# arguments go to chaos; see `deploy/just chaos-payments --help`.
set -eu
cd "$(dirname "$0")/../.."
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
exec "${CARGO_TARGET_DIR:-target}/$profile/chaos" "$@"
