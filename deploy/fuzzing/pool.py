"""Ids that exist, found by calling every GET of the document.

The rule by which a name in a request and a thing in an answer belong together is that of
the contract: what an answer has under `promptVersions` or `promptVersion`, or as
`promptVersionId`, is a `{prompt-version-id}` in a path and a `promptVersionId` elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .api import Api

# More of a kind would only take time.
ENOUGH = 12
TRIES = 3

Ids = dict[str, str]


@dataclass
class Pool:
    """For each kind of id the things that have one, each with the ids of what it belongs to."""

    records: dict[str, list[Ids]] = field(default_factory=dict)

    def add(self, kind: str, ids: Ids) -> None:
        of_kind = self.records.setdefault(kind, [])
        for known in of_kind:
            if known[kind] == ids[kind]:
                known.update({**ids, **known})
                return
        if len(of_kind) < ENOUGH:
            of_kind.append(dict(ids))

    def bindings(self, names: list[str]) -> Iterator[Ids]:
        """Values for these names that belong together, as far as is known."""
        if not names:
            yield {}
            return
        for record in self.records.get(names[-1], [])[:TRIES]:
            others = {name: self.records[name][0][name] for name in names if self.records.get(name)}
            ids = {**others, **{name: record[name] for name in names if name in record}}
            if len(ids) == len(names):
                yield ids

    def __str__(self) -> str:
        kinds = sorted(kind for kind in self.records if self.records[kind])
        return f"{sum(map(len, self.records.values()))} ids of {', '.join(kinds) or 'nothing'}"


def populate(caller: Api) -> None:
    """Counsels with something said in them, so that there is what belongs to the caller."""
    for counselor in caller.data("GET", "/v1/counselors")["counselors"][:2]:
        counsels = f"/v1/counselors/{counselor['id']}/counsels"
        counsel = caller.data("POST", counsels, {})["counsel"]
        caller.data("POST", f"{counsels}/{counsel['id']}/messages", {"message": "I cannot sleep before exams."})


def crawl(document: dict[str, Any], caller: Api) -> Pool:
    pool = Pool()
    reads = [(path, item["get"]) for path, item in document["paths"].items() if "get" in item]
    # What stands in shorter paths tells the ids for longer ones; twice, since lists tell the ids of other lists.
    reads.sort(key=lambda read: read[0].count("{"))
    for path, operation in reads * 2:
        names = re.findall(r"{([^}]+)}", path)
        for ids in pool.bindings(names):
            query = {}
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and parameter.get("required"):
                    known = pool.records.get(kebab(parameter["name"]))
                    query[parameter["name"]] = known[0][kebab(parameter["name"])] if known else ""
            target = re.sub(r"{([^}]+)}", lambda name: ids[name[1]], path)
            status, answer = caller.call("GET", f"{target}?{urlencode(query)}" if query else target)
            if status == 200 and isinstance(answer, dict) and isinstance(answer.get("data"), dict):
                collect(answer["data"], ids, pool)
    return pool


def collect(data: dict[str, Any], ids: Ids, pool: Pool) -> None:
    for key, value in data.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                belongs = {kebab(name): of for name, of in item.items() if name.endswith("Id") and isinstance(of, str)}
                record = {**ids, **{kind: of for kind, of in belongs.items() if of}}
                names = kinds(key)
                record.update(dict.fromkeys(names, item["id"]))
                for kind in record:
                    pool.add(kind, record if kind in names else {kind: record[kind]})
                collect(item, record, pool)


def kinds(key: str) -> list[str]:
    """`counselMessages` are found by `counsel-message-id` and by `message-id`."""
    words = kebab(key).removesuffix("s").split("-")
    return ["-".join([*words[start:], "id"]) for start in range(len(words))]


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name).lower()
