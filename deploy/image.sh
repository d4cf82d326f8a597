#!/usr/bin/env bash
# Builds what the images hold and runs it as they would, where there is no engine: `deploy/image.sh [--debug]`. The steps are
# those of deploy/Dockerfile: deploy/image/build.sh, then a root of its own with the libraries of distroless/cc and nothing
# else, as user 65532, who can write nothing in it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(uname -s)" != Linux ]; then
    echo "images are of Linux, and this is $(uname -s): build deploy/Dockerfile there" >&2
    exit 1
fi
[ "${1:-}" = --debug ] && export PROFILE=dev
MESH_COMMIT=$(git rev-parse --short HEAD)
export MESH_COMMIT

root=$(mktemp -d)
trap 'chmod -R u+w "$root"; rm -rf "$root"' EXIT
chmod 0755 "$root"
deploy/image/build.sh "$root/usr/local/bin"

# All that distroless/cc-debian12 has to link with.
allowed='linux-vdso|ld-linux-[a-z0-9-]+|libc|libm|libgcc_s|libdl|libpthread|librt'
for binary in "$root"/usr/local/bin/*; do
    if foreign=$(ldd "$binary" | awk '{print $1}' | grep -vE "(^|/)($allowed)\.so"); then
        echo "error: ${binary##*/} needs what the image does not have: $foreign" >&2
        exit 1
    fi
    ldd "$binary" | grep -oE '/[^ ]+' | while read -r library; do
        install -D -m 0555 "$library" "$root$library"
    done
done
chmod -R a-w "$root"

# Runs a command in that root, as nobody in particular.
inside() {
    if [ "$(id -u)" = 0 ]; then
        chroot --userspec=65532:65532 "$root" "$@"
    else
        unshare --user --map-root-user chroot "$root" "$@"
    fi
}

for binary in gateway user-svc counseling-svc payment-svc meshctl; do
    inside "/usr/local/bin/$binary" --version | grep -F "$binary 0" | grep -F "($MESH_COMMIT)"
done
# Without its configuration it says what it misses; without a running process its health check fails.
for binary in gateway user-svc counseling-svc payment-svc; do
    said=$(inside "/usr/local/bin/$binary" 2>&1) && { echo "error: $binary started without a configuration" >&2; exit 1; }
    grep -q "the configuration is not complete" <<< "$said" || { echo "error: $binary: $said" >&2; exit 1; }
    if METRICS_ADDR=127.0.0.1:1 inside "/usr/local/bin/$binary" healthcheck 2> /dev/null; then
        echo "error: $binary is well though it does not run" >&2
        exit 1
    fi
done
du -ch "$root"/usr/local/bin/* | sed "s|$root||"
