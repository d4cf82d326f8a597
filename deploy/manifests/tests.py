"""What the checks find: each test breaks one thing. `python3 deploy/manifests.py test`."""

from __future__ import annotations

import copy
import unittest

from . import charts, checks, compose, kubernetes


class Variables(unittest.TestCase):
    def problem(self, environment: dict[str, str]) -> str:
        found = checks.variables([checks.Process("here", "user-svc", environment, ["/run/secrets/url"])])
        return found[0] if found else ""

    def test_what_nobody_reads_is_found(self) -> None:
        self.assertIn("NATS_SERVER is not in", self.problem({"NATS_SERVER": "nats://x"}))
        # Only secrets are read from files.
        self.assertIn("NATS_URL_FILE is not in", self.problem({"NATS_URL_FILE": "/run/secrets/url"}))

    def test_secrets_are_files_that_are_there(self) -> None:
        self.assertIn("give DATABASE_URL_FILE", self.problem({"DATABASE_URL": "postgres://x"}))
        self.assertIn("which is not mounted", self.problem({"DATABASE_URL_FILE": "/run/secrets/other"}))
        self.assertEqual(self.problem({"DATABASE_URL_FILE": "/run/secrets/url"}), "")


class Compose(unittest.TestCase):
    def setUp(self) -> None:
        self.service = copy.deepcopy(compose.load()["services"]["user-svc"])

    def test_it_is_hardened(self) -> None:
        self.assertEqual(compose.hardening("user-svc", self.service), [])
        for key in ("read_only", "cap_drop"):
            broken = {name: value for name, value in self.service.items() if name != key}
            self.assertEqual(len(compose.hardening("user-svc", broken)), 1, key)

    def test_it_may_finish(self) -> None:
        self.assertEqual(compose.ours("user-svc", self.service), [])
        self.service["stop_grace_period"] = "5s"
        self.assertIn("killed before", compose.ours("user-svc", self.service)[0])


class Kubernetes(unittest.TestCase):
    def setUp(self) -> None:
        self.pod = kubernetes.deployments(kubernetes.rendered("production").read_text())["gateway"]

    def test_a_pod_is_as_it_should_be(self) -> None:
        self.assertEqual(kubernetes.pod_problems(self.pod), [])

    def test_it_may_finish(self) -> None:
        self.pod["terminationGracePeriodSeconds"] = 30
        self.assertIn("killed before", kubernetes.pod_problems(self.pod)[0])

    def test_it_is_asked_where_it_answers(self) -> None:
        self.pod["containers"][0]["readinessProbe"]["httpGet"]["path"] = "/livez"
        self.assertIn("readinessProbe", kubernetes.pod_problems(self.pod)[0])

    def test_it_may_do_no_more_than_it_needs(self) -> None:
        self.pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
        self.assertIn("may do more", kubernetes.pod_problems(self.pod)[0])


class Charts(unittest.TestCase):
    def setUp(self) -> None:
        self.broker, self.adapter = charts.load()

    def problems(self) -> list[str]:
        return charts.problems(self.broker, self.adapter, kubernetes.rendered("production").read_text())

    def test_they_agree_with_ours(self) -> None:
        self.assertEqual(self.problems(), [])

    def test_the_broker_is_the_same_as_in_compose(self) -> None:
        self.broker["container"]["image"]["tag"] = "2.10.0-alpine"
        self.assertIn("in compose", self.problems()[0])

    def test_every_node_of_the_broker_is_known(self) -> None:
        self.broker["config"]["cluster"]["replicas"] = 5
        self.assertIn("NATS_URL", self.problems()[0])

    def test_autoscalers_ask_for_what_there_is(self) -> None:
        self.adapter["rules"]["external"][0]["name"]["as"] = "pending"
        self.assertIn("does not make hearlers_consumer_pending", self.problems()[0])


if __name__ == "__main__":
    unittest.main()
