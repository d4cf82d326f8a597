"""What schemathesis loads: puts ids that exist into requests, and counts the answers.

Everything is chosen by the request itself and nothing by chance, so that a seed repeats a
run, and schemathesis can make a failing request smaller.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import zlib
from collections import Counter, defaultdict
from pathlib import Path

import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation

from api import Api

Ids = dict[str, str]

RECORDS: dict[str, list[Ids]] = json.loads(Path(os.environ["FUZZ_IDS"]).read_text())
STATUSES: defaultdict[str, Counter] = defaultdict(Counter)

# One request in so many keeps the ids that were generated for it.
GENERATED_STAYS = 4
# After one of these the caller's token is worth nothing, so each is sent by a guest of its own.
ENDS_THE_CALLER = {("DELETE", "/v1/users/me")}


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    if (case.method.upper(), case.path) in ENDS_THE_CALLER:
        kwargs["auth"] = Bearer(Api(case.operation.base_url).guest().token)
    number = zlib.crc32(repr((case.method, case.path, case.path_parameters, case.query, case.body)).encode())
    if number % GENERATED_STAYS == 0:
        return
    number //= GENERATED_STAYS
    ids: Ids = {}
    if valid(case, ParameterLocation.PATH) and case.path_parameters:
        # The last thing in a path says what it belongs to, and so what the other ids are.
        names = re.findall(r"{([^}]+)}", case.path)
        ids = {names[-1]: case.path_parameters[names[-1]], **known(names[-1], number, {})}
        for name in names:
            ids.update(known(name, number, ids))
        case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
    if valid(case, ParameterLocation.QUERY) and case.query:
        case.query = with_known(case.query, number, ids)
    if valid(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        case.body = with_known(case.body, number, ids)


@schemathesis.hook
def after_call(context, case, response) -> None:
    STATUSES[f"{case.method} {case.path}"][str(response.status_code)] += 1


@atexit.register
def write_statuses() -> None:
    Path(os.environ["FUZZ_STATUSES"]).write_text(json.dumps(STATUSES, indent=1))


@schemathesis.check
def broken_rules_are_listed(ctx, response, case) -> None:
    """The contract's promise for bad input, which a schema cannot say."""
    if response.status_code == 400 and response.json().get("code") == "HTTP_INVALID_INPUT":
        assert response.json().get("details"), "a 400 with HTTP_INVALID_INPUT lists no violated rule in `details`"


def with_known(values: dict, number: int, ids: Ids) -> dict:
    """`values` with ids in place of those strings that are named as ids are."""
    filled = dict(values)
    for name, value in values.items():
        record = known(kebab(name), number, ids)
        if record and isinstance(value, str):
            filled[name] = record[kebab(name)]
    return filled


def known(kind: str, number: int, ids: Ids) -> Ids:
    """The ids of a thing of this kind, of one that belongs to what `ids` name if there is one."""
    candidates = RECORDS.get(kind, [])
    agreeing = [record for record in candidates if all(record.get(name, value) == value for name, value in ids.items())]
    candidates = agreeing or candidates
    return candidates[number % len(candidates)] if candidates else {}


class Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def valid(case, location: ParameterLocation) -> bool:
    """Whether what stands there was generated to be valid. The invalid is left as it is: it is what is tried."""
    component = case.meta.components.get(location) if case.meta else None
    return component is not None and component.mode is GenerationMode.POSITIVE


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name).lower()
