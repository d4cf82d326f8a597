"""What `up` says when the mesh is ready."""

from __future__ import annotations

from .settings import State

GUIDE = """
The mesh is ready, {seconds:.2f} s after the build.

  chat         {gateway}/chat  (a conversation: open it and say something)
  gateway      {gateway}
  Swagger UI   {gateway}/swagger-ui/
  OpenAPI      {gateway}/v3/api-docs
  console      {gateway}/ops  (for admins: sign in there, it says how to become one)
  NATS         {nats}
  monitoring   {monitoring}

A conversation to paste into another terminal:

  BASE={gateway}
  pick() {{ python3 -c "import json, sys; print(json.load(sys.stdin)['data']$1)"; }}
  TOKEN=$(curl -s -X POST "$BASE/v1/auth/initiate" | pick "['accessToken']")
  api() {{ curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$@"; echo; }}
  api "$BASE/v1/users/me"
  api "$BASE/v1/counselors"
  COUNSELOR=$(api "$BASE/v1/counselors" | pick "['counselors'][0]['id']")
  COUNSEL=$(api "$BASE/v1/counselors/$COUNSELOR/counsels" -d '{{}}' | pick "['counsel']['id']")
  MESSAGES="$BASE/v1/counselors/$COUNSELOR/counsels/$COUNSEL/messages"
  api "$MESSAGES" -d '{{"message": "I cannot sleep before exams."}}'
  api "$MESSAGES"

Sign in with a name of your choice, in a browser:

  {gateway}/v1/auth/login/kakao?redirect-url={gateway}/v1/users/me

`deploy/just admin USER-ID` makes a user an admin.
Ctrl-C stops the mesh, and so does `deploy/just down` in another terminal.
`deploy/just instance counseling-svc` adds an instance; `deploy/just reset` deletes all data.

"""


def guide(state: State, seconds: float) -> str:
    return GUIDE.format(
        seconds=seconds,
        gateway=state.url("gateway"),
        nats=state.url("nats-server", "nats"),
        monitoring=state.url("NATS monitoring"),
    )
