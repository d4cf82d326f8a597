#!/bin/sh
# Builds everything that is put under stress, and chaos itself (--release: with optimisations). Other arguments go to
# chaos; see `deploy/chaos/run.sh payments --help`.
set -eu
cd "$(dirname "$0")/../.."
NATS_SERVER=$(python3 deploy/tools.py path nats-server)
POSTGRES_BIN=$(python3 deploy/tools.py path postgres)
export NATS_SERVER POSTGRES_BIN
profile=debug
if [ "${1:-}" = --release ]; then
    profile=release
    shift
    cargo build --release --quiet --workspace --bins
else
    cargo build --quiet --workspace --bins
fi
exec "${CARGO_TARGET_DIR:-target}/$profile/chaos" "$@"
