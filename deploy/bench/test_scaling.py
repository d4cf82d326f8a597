"""What the model of scaling.py keeps to. `python3 -m unittest discover --start-directory deploy/bench`."""

from __future__ import annotations

import contextlib
import io
import json
import random
import tempfile
import unittest
from math import factorial
from pathlib import Path
from unittest import mock

import scaling
from capacity import hashing, report
from capacity.figures import DIRECT, INSERTED, WORKLOADS, Costs, Figures, FiguresError
from capacity.plans import PLANS, Habits, Machines, Needs, Plan, Sizes, plan_needs, power_of_two
from capacity.queueing import Kind, Simulation, Window, hours


def sample() -> dict:
    """SAMPLE VALUES: round numbers in the form of a report, measured nowhere."""

    def row(workload: str, contender: str, rate: float, cpu: float) -> dict:
        return {"workload": workload, "contender": contender, "rate": rate, "p50": 1.0, "p99": 2.0, "p999": 3.0, "cpu": cpu,
                "memory": 100.0}

    return {
        "commit": "sample", "date": "2026-01-01T00:00:00Z", "cores": 2,
        "rows": [
            row("read", "gateway", 5000, 200), row("read", DIRECT, 8000, 120), row("list", "gateway", 1000, 800),
            row("write", "gateway", 200, 5000), row("write", INSERTED, 2500, 0), row("sign_in", "gateway", 600, 1500),
            row("churn", "gateway", 3000, 300), row("events", "outbox to effect", 2000, 250), row("events", "published", 4000, 0),
        ],
        "facts": [
            {"name": "all processes with 2000 feeds", "value": 300, "unit": "MiB", "bar": 400},
            {"name": "all processes of an idle mesh", "value": 100, "unit": "MiB", "bar": 120},
        ],
    }


def figures(told: dict) -> Figures:
    return Figures(told["commit"], told["date"], told["cores"], told["rows"], told["facts"])


COSTS = Costs.of(figures(sample()), 11)


def needs(plan: Plan) -> Needs:
    return plan_needs(plan, Habits(), Sizes(), Machines(), COSTS)


class OfFigures(unittest.TestCase):
    def test_costs_follow_from_what_was_measured(self) -> None:
        self.assertEqual((COSTS.gateway, COSTS.connection, COSTS.stream, COSTS.sqlite), (80, 100, 4000, 2500))
        self.assertEqual(COSTS.feed_bytes, 200 * 2**20 / 2000)

    def test_workloads_may_have_the_names_that_the_benchmark_prints(self) -> None:
        told = sample()
        for row in told["rows"]:
            row["workload"] = WORKLOADS[row["workload"]]
        self.assertEqual(Costs.of(figures(told), 11), COSTS)

    def test_what_is_missing_is_named(self) -> None:
        told = sample()
        told["rows"] = [row for row in told["rows"] if row["workload"] != "churn"]
        with self.assertRaisesRegex(FiguresError, "no workload 'churn'"):
            Costs.of(figures(told), 11)
        with self.assertRaisesRegex(FiguresError, "no contender 'Envoy'"):
            figures(sample()).row("read", "Envoy")


class OfPlans(unittest.TestCase):
    def test_nothing_is_used_above_the_target_and_one_may_go(self) -> None:
        for plan in PLANS:
            need = needs(plan)
            for name, busy in need.busy.items():
                self.assertGreaterEqual(need.processes[name], 2, name)
                self.assertLessEqual(busy, (need.processes[name] - 1) * plan.process * Machines.target, name)

    def test_operations_cost_what_was_measured_and_no_part_is_lost(self) -> None:
        need = needs(PLANS[1])
        message = next(kind for kind in need.operations if kind.name == "message")
        connecting = message.gateway - 3 * COSTS.gateway / 1e6
        self.assertAlmostEqual(message.gateway - connecting + sum(message.services.values()), COSTS.message / 1e6)
        # A million users, a tenth of whom says ten messages, at three times the mean.
        self.assertAlmostEqual(message.rate, 1e6 * 0.1 * 10 * 3 / 86_400)

    def test_ten_times_the_users_are_ten_times_the_load(self) -> None:
        one, ten = (needs(Plan("", users, 4, 16)) for users in (10**7, 10**8))
        for name in one.commits:
            self.assertAlmostEqual(ten.commits[name], 10 * one.commits[name])
            self.assertAlmostEqual(ten.bytes[name], 10 * one.bytes[name])
        self.assertAlmostEqual(one.history, 10 * ten.history)

    def test_streams_are_a_power_of_two(self) -> None:
        self.assertEqual([power_of_two(least) for least in (0.1, 1, 1.1, 2, 5, 8, 8.5)], [1, 1, 2, 2, 8, 8, 16])


class OfQueues(unittest.TestCase):
    def test_the_mean_wait_is_that_of_erlang(self) -> None:
        cores, service, load = 4, 0.001, 0.8 * 4
        simulation = Simulation((1, 1), cores, [Kind(1, 0, service)], 1)
        waits = simulation.run([Window(load / service, 20)])[0].waits
        last = load**cores / factorial(cores) / (1 - load / cores)
        waiting = last / (sum(load**n / factorial(n) for n in range(cores)) + last)
        self.assertAlmostEqual(sum(waits) / len(waits), waiting * service / (cores - load), delta=0.15 * service)

    def test_the_same_seed_is_the_same_day(self) -> None:
        def day(seed: int) -> list[float]:
            windows = [Window(1000 * part, 0.1) for part in hours(3)]
            return [hour.quantile(0.99) for hour in Simulation((2, 2), 1, [Kind(1, 0.0005, 0.001)], seed).run(windows)]

        self.assertEqual(day(1), day(1))
        self.assertNotEqual(day(1), day(2))

    def test_no_call_is_lost_with_a_process(self) -> None:
        windows = [Window(1500, 2), Window(1500, 2, (1, 1)), Window(1500, 2)]
        before, without, after = Simulation((2, 4), 1, [Kind(1, 0.0003, 0.0016)], 4).run(windows)
        for window in (before, without, after):
            self.assertAlmostEqual(len(window.waits), 1500 * 2 * 0.8, delta=200)
        self.assertGreater(without.again, 0)
        self.assertGreater(without.quantile(0.5), before.quantile(0.5))

    def test_a_day_has_one_peak_as_high_as_it_should_be(self) -> None:
        day = hours(3)
        self.assertAlmostEqual(sum(day) / 24, 1)
        self.assertAlmostEqual(max(day), 3)
        self.assertEqual(day.index(max(day)), 12)


class OfHashes(unittest.TestCase):
    def test_partitions_are_those_of_the_broker(self) -> None:
        # As nats-server 2.15.1 stored `counsels.message.created.<id>` by `partition(8, 3)`.
        told = {"0198c0de-0000-7000-8000-000000000000": 0, "0198c0de-0000-7000-8000-000000000001": 3, "abc": 3}
        self.assertEqual({token: hashing.partition(token, 8) for token in told}, told)

    def test_ids_of_one_moment_are_spread(self) -> None:
        rng = random.Random(1)
        ids = [hashing.uuid7(1_767_225_600_000, rng) for _ in range(8000)]
        self.assertTrue(all(one[:14] == ids[0][:14] and one[14] == "7" for one in ids), "they share their time")
        counts = [0] * 8
        for one in ids:
            counts[hashing.partition(one, 8)] += 1
        self.assertLess(max(counts), 1100)

    def test_sums_of_ranks_are_right_where_they_are_not_added_up(self) -> None:
        for skew in (0.8, 1.6):
            exact = sum(rank**-skew for rank in range(1, 50_001))
            self.assertAlmostEqual(hashing.power_sum(50_000, skew), exact, places=6)

    def test_the_allowance_keeps_partitions_even(self) -> None:
        free, limited = (hashing.spread(100_000, 1_000_000, 64, 1, most) for most in (float("inf"), hashing.MOST))
        self.assertGreater(free.hottest(), limited.hottest())
        self.assertAlmostEqual(sum(limited.users), 1_000_000, delta=5000)
        self.assertLess(limited.gathered(4).hottest(), limited.hottest())


@mock.patch.object(report, "CALLS", 100)
class OfThePage(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.figures, self.page = (Path(folder.name) / name for name in ("all.json", "page.md"))
        self.figures.write_text(json.dumps(sample()))
        self.page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")

    def run_it(self, *words: str) -> tuple[int, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = scaling.main([*words, "--figures", str(self.figures), "--page", str(self.page)])
        return code, out.getvalue() + err.getvalue()

    def test_it_is_checked_until_figures_change(self) -> None:
        code, told = self.run_it("--check")
        self.assertEqual(code, 1)
        self.assertIn("--write", told)
        self.assertEqual(self.run_it("--write"), (0, ""))
        self.assertEqual(self.run_it("--check"), (0, ""))
        page = self.page.read_text()
        self.assertTrue(page.startswith("before\n") and page.endswith("\nafter\n") and "\nold\n" not in page)
        told = sample()
        told["rows"][3]["cpu"] *= 3
        self.figures.write_text(json.dumps(told))
        self.assertEqual(self.run_it("--check")[0], 1)

    def test_every_plan_has_a_table(self) -> None:
        code, told = self.run_it()
        self.assertEqual(code, 0)
        for plan in PLANS:
            self.assertIn(f"### {plan.name} users", told)

    def test_a_page_without_a_place_and_figures_that_are_none_are_refused(self) -> None:
        self.page.write_text("nothing")
        self.assertEqual(self.run_it("--write")[0], 1)
        self.figures.write_text("{}")
        code, told = self.run_it()
        self.assertEqual((code, told.count("not a report")), (1, 1))


if __name__ == "__main__":
    unittest.main()
