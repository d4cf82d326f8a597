#!/bin/sh
# Talks with the first counselor from a terminal: `examples/chat.sh [BASE]`. An empty line, or Ctrl-D, ends it.
set -eu

base=${1:-http://127.0.0.1:8080}

# The text at a path in the JSON that comes in: `pick data counsel id`.
pick() {
    python3 -c '
import json, sys
told = json.load(sys.stdin)
if "code" in told:
    sys.exit(told["code"] + ": " + told["message"])
for step in sys.argv[1:]:
    told = told[int(step) if step.isdigit() else step]
print(told)' "$@"
}

api() {
    curl -sS -H "Authorization: Bearer ${token:-}" -H 'Content-Type: application/json' "$@"
}

say() {
    python3 -c 'import json, sys; print(json.dumps({"message": sys.argv[1]}))' "$1"
}

token=$(api -X POST "$base/v1/auth/initiate" | pick data accessToken)
counselor=$(api "$base/v1/counselors" | pick data counselors 0 id)
counsels=$base/v1/counselors/$counselor/counsels
opened=$(api "$counsels" -d '{}')
messages=$counsels/$(printf %s "$opened" | pick data counsel id)/messages
printf %s "$opened" | pick data counselMessages 0 message

printf '> '
while read -r line && [ -n "$line" ]; do
    # A key of its own, with which the message may be sent again when the connection breaks.
    key=$(python3 -c 'import uuid; print(uuid.uuid4())')
    api "$messages" -H "Idempotency-Key: $key" --retry 3 -d "$(say "$line")" | pick data counselorResponseMessage message || true
    printf '> '
done
