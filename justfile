# `deploy/just` runs these recipes on a machine that has no `just` yet.

set positional-arguments

# List the recipes
@default:
    "{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# Run the whole mesh until Ctrl-C: NATS, the three services and the gateway (--release: optimised)
[no-exit-message]
@up *options:
    exec python3 deploy/mesh.py up "$@"

# Stop a mesh that runs in another terminal
[no-exit-message]
@down:
    exec python3 deploy/mesh.py down

# Stop the mesh and delete its databases, streams and keys
[no-exit-message]
@reset:
    exec python3 deploy/mesh.py reset

# Say what runs, where, and whether it is ready
[no-exit-message]
@status:
    exec python3 deploy/mesh.py status

# Look at the running mesh and repair it, see docs/operations.md: `ctl status`, `ctl dlq list`, `ctl --help`
[no-exit-message]
@ctl *words:
    exec python3 deploy/mesh.py ctl "$@"

# Add an instance of a service to the running mesh, on a free port: `instance counseling-svc`
[no-exit-message]
@instance service:
    exec python3 deploy/mesh.py instance "$@"

# Give a user of the running mesh admin authority: `admin 0198c0de-…` (the id in GET /v1/users/me)
[no-exit-message]
@admin user:
    exec python3 deploy/mesh.py admin "$@"

# Print the trial balance of the running mesh's payments
[no-exit-message]
@ledger:
    exec python3 deploy/mesh.py ledger

# Compare the running mesh's orders with the providers' records, and repair what is safe
[no-exit-message]
@reconcile:
    exec python3 deploy/mesh.py reconcile

# Write all that the running mesh keeps (databases, streams, images, keys) into a new folder: `backup FOLDER`
[no-exit-message]
@backup folder:
    exec python3 deploy/mesh.py backup "$@"

# Fill an empty mesh that does not run from such a folder: `restore FOLDER`
[no-exit-message]
@restore folder:
    exec python3 deploy/mesh.py restore "$@"

# Rehearse a disaster: a mesh of its own, a backup while people talk, and a restore into an empty one
[no-exit-message]
@rehearse:
    exec python3 deploy/rehearse.py

# Rehearse deploy/compose.yaml without an engine: its processes, secrets and settings on this machine
[no-exit-message]
@rehearse-compose:
    cargo build --workspace --bins
    exec python3 deploy/compose/rehearse.py

# Make certificates for the gateway and the services: the next `up` encrypts what they say to each other (mTLS)
@certs:
    cargo run --quiet -p meshctl -- certs "${MESH_FOLDER:-.mesh}/certs"

# Write deploy/nats/users.conf anew, after a change of streams, consumers, buckets or who may use them
nats-users:
    cargo build --quiet -p meshctl
    cargo run --quiet -p meshctl -- nats-users > deploy/nats/users.conf

# Write docs/configuration.md anew, after a change of what a process reads from its environment
config-reference:
    WRITE_REFERENCE=1 cargo test --quiet -p gateway --test it -- configuration

# Write the API's document (examples/openapi.json), its types in TypeScript and the collection anew, after a change of the API
api-reference:
    WRITE_REFERENCE=1 cargo test --quiet -p gateway --test it -- clients::the_document
    python3 examples/typescript/run.py generate
    python3 examples/collection.py

# Check what the mesh is deployed with: compose.yaml and the manifests for Kubernetes
@manifests:
    python3 deploy/manifests.py check

# Build what the images hold and run it as they would, where there is no engine (--debug: not optimised)
@image *options:
    deploy/image.sh "$@"

# Pass every test; arguments go to `cargo test --workspace`
test *arguments:
    nats_server=$(python3 deploy/tools.py path nats-server) \
      && postgres_bin=$(python3 deploy/tools.py path postgres) \
      && NATS_SERVER="$nats_server" POSTGRES_BIN="$postgres_bin" cargo test --workspace "$@"

# Format the code
fmt:
    cargo fmt --all

# Check the formatting, the code (clippy) and the protocol (buf)
@lint:
    .ci/run format clippy proto

# Check the dependencies: bans, licences and sources
@deny:
    .ci/run deny

# Fuzz the REST API by its OpenAPI document, at most three minutes (--help: --url, --seed, --seconds)
[no-exit-message]
@fuzz-api *options:
    exec python3 deploy/fuzz.py "$@"

# Fuzz every parser of what others send, ten seconds a rule (--seconds N: for so long)
[no-exit-message]
@fuzz *options:
    exec deploy/fuzz_parsers.sh "$@"

# Write down anew what the hot paths allocate (gateway/tests/allocations), after a change that was worth it or a saving
allocations:
    nats_server=$(python3 deploy/tools.py path nats-server) \
      && NATS_SERVER="$nats_server" WRITE_REFERENCE=1 cargo test -p gateway --test allocations -- --nocapture

# Pass the services' tests on the schema of the next release: what is there, and columns and tables that nobody knows yet
test-next-release:
    nats_server=$(python3 deploy/tools.py path nats-server) \
      && postgres_bin=$(python3 deploy/tools.py path postgres) \
      && NEXT_RELEASE=1 NATS_SERVER="$nats_server" POSTGRES_BIN="$postgres_bin" \
      cargo test -p user-svc -p counseling-svc -p payment-svc --test it -- --skip upgrade::

# Use the whole mesh while everything fails, then check what was promised (--help: --seed, --runs, --database, --broker, …)
[no-exit-message]
@chaos *options:
    exec deploy/measure.sh chaos mesh "$@"

# Buy at random while processes die and the provider fails, then compare every account (--help: --seed, --orders, …)
[no-exit-message]
@chaos-payments *options:
    exec deploy/measure.sh chaos payments "$@"

# Kill the leader of a cluster of brokers while people write, and say how long they wait (--help: --deaths, --people, …)
[no-exit-message]
@failover *options:
    exec deploy/measure.sh chaos failover "$@"

# Restart one process after the other while people read and write, and say what they notice (--help: --rounds, --people, …)
[no-exit-message]
@roll *options:
    exec deploy/measure.sh chaos roll "$@"

# Offer ten times what the mesh can answer: latency, memory, and how soon it is as before (--help: --seconds, --sockets, …)
[no-exit-message]
@overload *options:
    exec deploy/measure.sh chaos overload "$@"

# Measure the running code: `bench all`, `read`, `me`, `turns`, `long`, `orders`, `ledger` or `telemetry`, see docs/performance.md (--debug: not optimised; --help: --rounds, --seconds, --out FOLDER, …)
@bench *arguments:
    exec deploy/measure.sh bench "$@"

# Say what 10 thousand to 100 million users take by what was measured, see docs/scaling.md (--write: its tables, --check, --figures FILE)
[no-exit-message]
@scaling *options:
    exec python3 deploy/bench/scaling.py "$@"

# Measure meshctl on 1,000,000 events beside an empty mesh (optimised; minutes to build)
bench-ctl:
    nats_server=$(python3 deploy/tools.py path nats-server) \
      && NATS_SERVER="$nats_server" cargo bench --quiet -p meshctl --bench million

# Make a release of this commit in dist/: stripped binaries, checksums, what they are made of, what has changed
@release:
    deploy/release.sh

# List the commits since the last release by what they do, to write the version's section of CHANGELOG.md
@changelog:
    $(python3 deploy/tools.py path git-cliff) --config deploy/cliff.toml --unreleased

# Check and test everything, as CI does
@ci:
    .ci/run
