#!/bin/sh
# Runs the unit tests, and in them every rule about what others send for longer than an ordinary run does:
# `--seconds N`, ten unless told otherwise. Other arguments go to the tests, such as a part of a name.
set -eu
cd "$(dirname "$0")/.."
seconds=10
if [ "${1:-}" = --seconds ]; then
    seconds=${2:?--seconds needs a number}
    shift 2
fi
case $seconds in
    '' | *[!0-9.]*)
        echo "error: --seconds must be a number, not '$seconds'" >&2
        exit 2
        ;;
esac
NATS_SERVER=$(python3 deploy/tools.py path nats-server)
POSTGRES_BIN=$(python3 deploy/tools.py path postgres)
FUZZ_SECONDS=$seconds
export NATS_SERVER POSTGRES_BIN FUZZ_SECONDS
exec cargo test --workspace --lib -- "$@"
