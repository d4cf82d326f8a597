#!/bin/sh
# Makes the secrets that deploy/compose.yaml names, in a folder of their own (deploy/compose/secrets): passwords, keys, an
# authority and its certificates. What is there stays, so that it can be run again; remove the folder to begin anew.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-$here/secrets}
command -v openssl > /dev/null || { echo "error: openssl is missing: install it, then run this again" >&2; exit 1; }
mkdir -p "$folder"
cd "$folder"
umask 022

# Containers read them as other users than whoever made them, so the folder is what keeps others out.
chmod 0700 .

random() {
    # A letter first: nats-server takes what begins with a digit for a number.
    printf 'p%s' "$(openssl rand -hex 24)"
}

secret() {
    [ -f "$1" ] || random > "$1"
}

for name in session.key sandbox.key sandbox-notices.key postgres.password grafana.password; do
    secret "$name"
done
for user in user-svc counseling-svc payment-svc gateway console operator; do
    secret "nats-$user.password"
done

# The broker's users with their passwords in place of the variables.
cp "$here/../nats/users.conf" nats-users.conf.new
for user in user-svc counseling-svc payment-svc gateway console operator; do
    variable=NATS_$(printf %s "$user" | tr 'a-z-' 'A-Z_')_PASSWORD
    sed "s/\\\$$variable/\"$(cat "nats-$user.password")\"/" nats-users.conf.new > nats-users.conf.next
    mv nats-users.conf.next nats-users.conf.new
done
mv nats-users.conf.new nats-users.conf

# Each service has a database of its own, as a user of its own.
for service in user-svc counseling-svc payment-svc; do
    secret "$service-database.password"
    [ -f "$service-database.url" ] || printf 'postgres://%s:%s@postgres:5432/%s' \
        "$service" "$(cat "$service-database.password")" "$service" > "$service-database.url"
done

if [ ! -f mesh-signing.pem ]; then
    openssl genpkey -algorithm ed25519 -out mesh-signing.pem
    openssl pkey -in mesh-signing.pem -pubout -out mesh-verifying.pem
fi

if [ ! -f ca.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=mesh" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
        -keyout ca-key.pem -out ca.pem 2> /dev/null
fi

certificate() {
    [ -f "$1.pem" ] && return
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$1-key.pem" -out "$1.csr" 2> /dev/null
    printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n' \
        "$2" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 825 -extfile "$1.ext" \
        -out "$1.pem" 2> /dev/null
    rm "$1.csr" "$1.ext"
}

certificate nats DNS:nats-1,DNS:nats-2,DNS:nats-3,DNS:localhost
for process in gateway user-svc counseling-svc payment-svc; do
    certificate "$process" "DNS:$process"
done

chmod 0644 ./*
# Never mounted anywhere, so nobody else has to read it.
chmod 0600 ca-key.pem
echo "the secrets are in $folder"
