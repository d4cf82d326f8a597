#!/bin/sh
# Builds everything it measures with optimisations, and measures. Arguments go to the benchmark:
# --rounds N (5 by default) and --seconds N for each run (4 by default).
set -eu
cd "$(dirname "$0")/../.."
NATS_SERVER=$(python3 deploy/tools.py path nats-server)
export NATS_SERVER
cargo build --release --quiet --workspace --bins
exec "${CARGO_TARGET_DIR:-target}/release/bench" "$@"
