"""What README.md, CHANGELOG.md and docs/ say of files that are here. `python3 deploy/test_documents.py`."""

from __future__ import annotations

import json
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
# Not an image of somewhere else, nor a link to another site.
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
RECIPE_IN_USE = re.compile(r"\bdeploy/just ([a-z][a-z-]*)")
ROUTE = re.compile(r"\b(GET|POST|PUT|DELETE) (/v1/[\w/{}-]+)")
RECIPE = re.compile(r"^@?([a-z][a-z-]*)[^:=\n]*:(?!=)", re.MULTILINE)
# Files and folders named in running text, such as `deploy/nats/users.conf`; one with a place holder is none.
PATH = re.compile(r"`((?:\.ci|deploy|docs|examples|gateway|proto|shared|user-svc|counseling-svc|payment-svc)/[\w./-]+)`")
# What tools and recipes make, so that git has none of it.
MADE = {"deploy/compose/secrets", "deploy/compose/secrets/grafana.password"}


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings; of two that are the same the second one gets a number, which nothing links to."""
    headings = re.findall(r"^#{1,6} (.*)$", prose(text), flags=re.MULTILINE)
    # A link in a heading is read as its text.
    headings = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    broken = []
    for path, anchor in LINK.findall(prose(document.read_text())):
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            broken.append(f"{document.name}: there is no {path}")
        elif anchor and anchor not in anchors(target.read_text()):
            broken.append(f"{document.name}: {path or document.name} has no heading #{anchor}")
    return broken


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self) -> None:
        self.assertEqual([], [link for document in DOCUMENTS for link in broken_links(document)])

    def test_recipes_that_they_name_are_in_the_justfile(self) -> None:
        recipes = set(RECIPE.findall((ROOT / "justfile").read_text()))
        self.assertIn("up", recipes)
        named = {(document.name, name) for document in DOCUMENTS for name in RECIPE_IN_USE.findall(document.read_text())}
        self.assertEqual([], sorted((document, name) for document, name in named if name not in recipes))

    def test_files_that_they_name_are_there(self) -> None:
        named = {path for document in DOCUMENTS for path in PATH.findall(document.read_text())} - MADE
        self.assertEqual([], sorted(path for path in named if not (ROOT / path).exists()))

    def test_routes_that_they_name_are_in_the_document_of_the_api(self) -> None:
        paths = json.loads((ROOT / "examples/openapi.json").read_text())["paths"]
        named = {route for document in DOCUMENTS for route in ROUTE.findall(document.read_text())}
        self.assertEqual([], sorted(route for route in named if route[0].lower() not in paths.get(route[1], {})))

    def test_every_document_is_found_from_the_readme(self) -> None:
        readme = (ROOT / "README.md").read_text()
        linked = {path for path, _ in LINK.findall(readme)}
        self.assertEqual([], [str(path.relative_to(ROOT)) for path in DOCUMENTS[1:]
                              if str(path.relative_to(ROOT)) not in linked])

    def test_each_alert_is_in_the_index(self) -> None:
        alerts = re.findall(r"- alert: (\w+).*?severity: (\w+)", (ROOT / "deploy/prometheus/alerts.yml").read_text(), re.DOTALL)
        index = (ROOT / "docs/operations.md").read_text().split("\n## ")[1]
        rows = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \|.*\| (\w+) \|$", index, re.MULTILINE)
        self.assertEqual([(name, name.lower(), severity) for name, severity in alerts], rows)

    def test_the_changelog_tells_of_the_version_of_the_workspace(self) -> None:
        version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
        headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        self.assertRegex(headings[0], rf"^\[{re.escape(version)}\] - (Unreleased|\d{{4}}-\d\d-\d\d)$")


class Anchors(unittest.TestCase):
    def test_headings_become_anchors_as_github_makes_them(self) -> None:
        text = "# A `code` heading: it's one\n```sh\n# a comment\n```\n## [Linked](x.md) - Unreleased\n"
        self.assertEqual({"a-code-heading-its-one", "linked---unreleased"}, anchors(text))


if __name__ == "__main__":
    unittest.main()
