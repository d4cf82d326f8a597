"""The tables, and docs/scaling.md."""

from __future__ import annotations

from math import ceil

from .figures import Costs, Figures
from .hashing import MOST, Spread, spread
from .plans import COMMITS, PLANS, Habits, Machines, Needs, Sizes, plan_needs
from .queueing import Kind, Outcome, Simulation, Window, hours

BEGIN, END = "<!-- deploy/just scaling --write: begin -->", "<!-- end -->"
SEED = 20_261_127
# Virtual shards, and partitions of subjects, which streams share.
SHARDS, PARTITIONS = 1024, 64
# Calls of the busiest hour that are simulated.
CALLS = 6000
# Processes of services in a pool.
POOLS = (2, 4, 8, 16)
HABITS, SIZES, MACHINES = Habits(), Sizes(), Machines()


def text(figures: Figures) -> str:
    """All tables."""
    costs = Costs.of(figures, sum(COMMITS.values()))
    needs = [plan_needs(plan, HABITS, SIZES, MACHINES, costs) for plan in PLANS]
    source = f"Figures of {figures.commit}, {figures.date[:10]}, {figures.cores} processors."
    tables = [source, carried(costs)]
    tables += [f"### {need.plan.name} users\n\n{plan_table(need, costs)}" for need in needs]
    tables += ["### A pool that is full", full(needs[-1]), "### When it is not average", stress(needs)]
    return "\n\n".join(tables)


def replaced(page: str, tables: str) -> str:
    """The page with these tables between its markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no place for the tables: {BEGIN} and {END} in lines of their own")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Three figures at most, with a unit where it is long."""
    if 0 < value < 0.01:
        return "< 0.01"
    for unit, name in ((1e9, " bn"), (1e6, " m")):
        if value >= unit:
            return f"{value / unit:.3g}{name}" if value < 1000 * unit else f"{value / unit:,.0f}{name}"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def size(count: float) -> str:
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}" if count < 1000 * unit else f"{count / unit:,.0f} {name}"
    return f"{count:.0f} B"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def carried(costs: Costs) -> str:
    target = MACHINES.target
    rows = [
        [name, f"{cost:,.0f} us", f"{target * 1e6 / cost:,.0f}/s"]
        for name, cost in (
            ("a small read", costs.read), ("the gateway's part of it", costs.gateway), ("a page of 50 messages", costs.page),
            ("a message, its reply and what follows", costs.message), ("a sign-in", costs.sign_in),
            ("an event, from the outbox to its effect", costs.event),
        ) if cost
    ]
    rows += [
        ["a connection to the gateway, on top of its first call", f"{costs.connection:,.0f} us", ""],
        ["an open feed", size(costs.feed_bytes), ""],
        ["a stream, one copy", "", f"{costs.stream * target:,.0f} events/s"],
        ["a SQLite file", "", f"{costs.sqlite * target:,.0f} transactions/s"],
    ]
    return table(["what", "takes", f"a processor, or one of them, carries at {target:.0%}"], rows)


def plan_table(need: Needs, costs: Costs) -> str:
    target, plan = MACHINES.target, need.plan
    rate = {kind.name: kind.rate for kind in need.operations}

    def by(counts: dict[str, int]) -> str:
        return max(counts, key=counts.__getitem__)

    rows = [
        ["users of a day", number(need.day), "", ""],
        ["calls", f"{number(sum(rate.values()))}/s, {number(rate['message'])} of them messages", "", ""],
    ]
    for name, count in need.processes.items():
        load = f"{number(need.busy[name])} processors"
        one = f"{plan.process * target:.2g}"
        if name == "gateway":
            load += f", {number(need.feeds)} feeds, {number(need.replies)} replies under way in a burst"
            feeds = plan.feed_connections * target
            one += f", {feeds:,.0f} ({size(feeds * costs.feed_bytes)}), {MACHINES.in_flight:,}"
            rows.append([name, load, one, f"{count} (by {by(need.gateways_by)})"])
        else:
            rows.append([name, load, one, f"{count}"])
    processes = sum(need.processes.values())
    rows.append([f"nodes of {plan.node} processors", f"{processes} processes of {plan.process}",
                 f"{plan.node // plan.process}", f"{need.nodes}"])
    for name, databases in need.databases.items():
        load = f"{number(need.commits[name])} commits/s, {size(need.bytes[name])} after a year"
        one = f"{MACHINES.commits * target:,.0f}, {size(MACHINES.database)}"
        rows.append([f"primaries of {name}", load, one, f"{databases} (by {by(need.databases_by[name])})"])
    stream = costs.stream * MACHINES.replicated * target
    rows += [
        ["streams in place of `COUNSELS`", f"{number(need.events * HABITS.burst)} events/s in a burst", f"{number(stream)}",
         f"{need.streams}"],
        ["brokers", f"{number(need.events * HABITS.burst * 3)} writes/s in a burst", f"{number(stream * MACHINES.parallel)}",
         f"{need.brokers}"],
        ["what a gateway knows for feeds that resume", f"{number(need.events)} events/s", f"{MACHINES.feed_events:,} events",
         f"{number(min(need.history, 600))} s back"],
        ["sent for the registry, and to all gateways' feeds", f"{number(need.registry)}/s, {size(need.egress)}/s", "", ""],
    ]
    return table(["what", "in the busiest hour", "one carries", "planned"], rows)


def pool(need: Needs) -> tuple[float, list[Kind]]:
    """Calls a second in the busiest hour, and their kinds. What feeds take of a gateway is spread over the calls."""
    rate = sum(kind.rate for kind in need.operations)
    longer = need.busy["gateway"] / sum(kind.rate * kind.gateway for kind in need.operations)
    kinds = [Kind(kind.rate / rate, kind.gateway * longer, sum(kind.services.values())) for kind in need.operations]
    return rate, kinds


def p99(outcomes: list[Outcome]) -> str:
    return milliseconds(Outcome(sorted(wait for of in outcomes for wait in of.waits), 0).quantile(0.99))


def full(need: Needs) -> str:
    """Services' processes that are used to the target in the busiest hour, with the calls of a plan."""
    _, kinds = pool(need)
    cores, target = need.plan.process, MACHINES.target
    gateway = sum(kind.part * kind.gateway for kind in kinds)
    service = sum(kind.part * kind.service for kind in kinds)
    columns = []
    for count in POOLS:
        rate = count * cores * target / service
        gateways = max(2, ceil(rate * gateway / (cores * target)))
        seconds = CALLS / rate

        def run(services: int, windows: list[Window]) -> list[Outcome]:
            return Simulation((gateways, services), cores, kinds, SEED).run(windows)

        def after(services: int, lost: int) -> str:
            if count * target >= services - lost:
                return "does not hold"
            return p99(run(services, [Window(rate, seconds / 2), Window(rate, seconds, (0, lost))])[1:])

        zone = ceil((count + 1) / 3)
        columns.append([
            f"{rate:,.0f}/s",
            p99(run(count, [Window(rate * part / HABITS.peak, seconds) for part in hours(HABITS.peak)])),
            *(p99([of]) for of in run(count, [Window(rate, seconds), Window(rate * HABITS.burst, seconds)])),
            after(count, 1),
            after(count + 1, 1),
            after(count + 1, zone),
        ])
    return by_column(
        ["processes of services", *(str(count) for count in POOLS)],
        ["calls in the busiest hour", "wait, p99: all day", "in the busiest hour", f"in a burst of {HABITS.burst} times that",
         "in the busiest hour without one of them", "the same, with one to spare", "a zone of three lost, with one to spare"],
        columns,
    )


def by_column(head: list[str], names: list[str], columns: list[list[str]]) -> str:
    return table(head, [[name, *(column[index] for column in columns)] for index, name in enumerate(names)])


def stress(needs: list[Needs]) -> str:
    return by_column(
        ["", *(need.plan.name for need in needs)],
        ["processors used in the busiest hour: gateways, services", "one node lost then: used", "wait, p99",
         "calls that begin again", "a zone of three lost then: used", "wait, p99", "calls that begin again",
         f"hottest of {SHARDS:,} virtual shards to the mean", "the same, were there no allowance",
         "hottest stream in place of `COUNSELS`", "hottest primary of counseling-svc", "largest primary of counseling-svc"],
        [[*losses(need), *heat(need)] for need in needs],
    )


def losses(need: Needs) -> list[str]:
    rate, kinds = pool(need)
    gateways = need.processes["gateway"]
    services = sum(need.processes.values()) - gateways
    busy = need.busy["gateway"], sum(need.busy.values()) - need.busy["gateway"]

    def used(lost: tuple[int, int]) -> str:
        parts = [load / (need.plan.process * (count - gone)) for load, count, gone in zip(busy, (gateways, services), lost)]
        return ", ".join(f"{part:.0%}" for part in parts)

    told = [used((0, 0))]
    for part in (need.nodes, 3):
        lost = ceil(gateways / part), ceil(services / part)
        windows = [Window(rate, CALLS / rate / 2), Window(rate, CALLS / rate, lost)]
        after = Simulation((gateways, services), need.plan.process, kinds, SEED).run(windows)[1]
        told += [used(lost), p99([after]), str(after.again)]
    return told


def heat(need: Needs) -> list[str]:
    def over(partitions: int, most: float = MOST) -> Spread:
        return spread(ceil(need.day), need.plan.users, partitions, SEED, most)

    virtual = over(SHARDS)
    primaries = virtual.gathered(need.databases["counseling-svc"])
    told = (virtual.hottest(), over(SHARDS, float("inf")).hottest(), over(PARTITIONS).gathered(need.streams).hottest(), primaries.hottest(),
            primaries.largest())
    return [f"{part:.2f}" for part in told]
