"""What is assumed of users, machines and sizes, and how much of everything a plan needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from .figures import Costs

DAY = 86_400
YEAR = 365


@dataclass(frozen=True)
class Habits:
    """What users do. None of it is measured: change it as soon as it is."""

    # Of all users, those who come on a day.
    daily: float = 0.10
    # Of each of them, on that day.
    messages: float = 10
    reads: float = 40
    pages: float = 40
    sign_ins: float = 1
    connections: float = 6
    counsels: float = 1.5
    orders: float = 0.02
    # Of the day's users, those whose feed is open at the peak.
    feeds: float = 0.15
    # The busiest hour to the mean of the day, and a burst to the busiest hour.
    peak: float = 3
    burst: float = 1.5
    # Seconds that a model takes for a reply.
    reply: float = 6


@dataclass(frozen=True)
class Sizes:
    """Bytes with their indexes: rows of SQLite databases that a mesh has filled, and events as a stream keeps them."""

    # In counseling-svc: a message and its reply, with 1,500 bytes of text in place of the 276 that were in the measured rows.
    turn: int = 2 * 559 + 1224
    counsel: int = 887 + 410
    # In user-svc, a reservation.
    reservation: int = 336
    # users, auth_users, message_tokens, user_trackings; in counseling-svc a relationship; in payment-svc a customer.
    user: int = 307 + 273 + 205 + 205
    relationship: int = 444
    # Kept as long as the inbox: for each turn two events and a delivery, and two deliveries in user-svc.
    counsel_events: int = 2 * 719 + 199
    user_events: int = 2 * 171
    # In the stream, headers and subject included.
    event: int = 820


@dataclass(frozen=True)
class Machines:
    """What one of each is taken to carry."""

    # Part of a thing's capacity that is used in the busiest hour.
    target: float = 0.60
    # Of PostgreSQL with a synchronous standby: transactions a second and bytes. Not measured.
    commits: float = 3000
    database: float = 2e12
    # Three copies of a stream to one copy, and streams that one broker's disk writes at once to one stream.
    replicated: float = 0.5
    parallel: float = 4
    broker: float = 2e12
    # UPSTREAM_CONCURRENCY, FEED_EVENTS.
    in_flight: int = 1024
    feed_events: int = 10_000
    # Microseconds at a gateway for an event that it reads, and for a sign of life on a feed. Not measured.
    heard: float = 10
    alive: float = 5


# Writing transactions and statements of their own that a turn takes, in user-svc and in counseling-svc.
COMMITS = {"user-svc": 5, "counseling-svc": 6}
# Of what services take for a turn, user-svc's part.
USER_PART = 1 / 3
# Calls of the gateway for a turn: the key, the reservation, the message. The first two are of one service.
CALLS_OF_TURN = 3
# It was said, and rapport has grown.
EVENTS_OF_TURN = 2
# STREAM_MAX_AGE and RELAY_KEEP, days.
STREAM_DAYS, INBOX_DAYS = 30, 35
KEEP_ALIVE = 15
REFRESH = 2


@dataclass(frozen=True)
class Plan:
    """So many users, the processors of a process and of a node, and FEED_CONNECTIONS of a gateway."""

    name: str
    users: int
    process: int
    node: int
    feed_connections: int = 10_000


PLANS = (
    Plan("10 thousand", 10_000, 1, 4),
    Plan("1 million", 1_000_000, 2, 8),
    Plan("10 million", 10_000_000, 4, 16, 50_000),
    Plan("100 million", 100_000_000, 4, 16, 50_000),
)


@dataclass(frozen=True)
class Operation:
    """A kind of call: how often in the busiest hour, and seconds of processor time."""

    name: str
    rate: float
    gateway: float
    services: dict[str, float]


def operations(plan: Plan, habits: Habits, costs: Costs) -> list[Operation]:
    """All kinds, in the busiest hour."""

    def operation(name: str, a_day: float, cost: float, calls: int, parts: dict[str, float], extra: float = 0) -> Operation:
        gateway = min(cost, costs.gateway * calls)
        services = {service: (cost - gateway) * part / 1e6 for service, part in parts.items()}
        return Operation(name, plan.users * habits.daily * a_day * habits.peak / DAY, (gateway + extra) / 1e6, services)

    # Connections are made by whichever call comes first: as many of them as there are, spread over all.
    calls = habits.reads + habits.pages + habits.messages + habits.sign_ins
    connecting = costs.connection * habits.connections / calls
    return [
        operation("read", habits.reads, costs.read, 1, {"user-svc": 1}, connecting),
        operation("page", habits.pages, costs.page, 1, {"counseling-svc": 1}, connecting),
        operation("message", habits.messages, costs.message, CALLS_OF_TURN,
                  {"user-svc": USER_PART, "counseling-svc": 1 - USER_PART}, connecting),
        operation("sign-in", habits.sign_ins, costs.sign_in, 1, {"user-svc": 1}, connecting),
        # As dear as a message: three calls, each with a transaction, and a provider in place of a model.
        operation("order", habits.orders, costs.message, CALLS_OF_TURN, {"payment-svc": 1}),
    ]


@dataclass(frozen=True)
class Needs:
    """How much of everything."""

    plan: Plan
    day: float
    operations: list[Operation]
    # Processors that are busy in the busiest hour.
    busy: dict[str, float]
    # Processes, one more than have to be there.
    processes: dict[str, int]
    # What decides how many gateways there are: processors, feeds or replies.
    gateways_by: dict[str, int]
    nodes: int
    feeds: float
    replies: float
    events: float
    streams: int
    brokers: int
    brokers_by: dict[str, int]
    commits: dict[str, float]
    bytes: dict[str, float]
    databases_by: dict[str, dict[str, int]]
    databases: dict[str, int]
    # Seconds back that a gateway knows what feeds have missed.
    history: float
    # Messages a second that the broker sends for the registry, and bytes for the feeds of all gateways.
    registry: float
    egress: float


def power_of_two(least: float) -> int:
    return 1 << max(0, ceil(least) - 1).bit_length()


def plan_needs(plan: Plan, habits: Habits, sizes: Sizes, machines: Machines, costs: Costs) -> Needs:
    kinds = operations(plan, habits, costs)
    rate = {kind.name: kind.rate for kind in kinds}
    day, feeds = plan.users * habits.daily, plan.users * habits.daily * habits.feeds
    events = rate["message"] * EVENTS_OF_TURN
    replies = rate["message"] * habits.burst * habits.reply

    services = ("user-svc", "counseling-svc", "payment-svc")
    busy = {service: sum(kind.rate * kind.services.get(service, 0) for kind in kinds) for service in services}
    # Each feed of a user is told by a call to a service; one who talks has one open.
    told = rate["message"] * costs.read / 1e6
    calls = sum(kind.rate * kind.gateway for kind in kinds) + told + feeds / KEEP_ALIVE * machines.alive / 1e6
    # Every gateway reads every event.
    hears = events * machines.heard / 1e6
    gateways_by = {
        "processors": ceil(calls / max(1e-9, plan.process * machines.target - hears)),
        "feeds": ceil(feeds / (plan.feed_connections * machines.target)),
        "replies": ceil(replies / machines.in_flight),
    }
    processes = {"gateway": max(gateways_by.values()) + 1}
    busy = {"gateway": calls + hears * processes["gateway"], **busy}
    for service in services:
        processes[service] = max(1, ceil(busy[service] / (plan.process * machines.target))) + 1
    # One a zone at least, and one that may go.
    nodes = max(3, ceil(sum(processes.values()) * plan.process / plan.node) + 1)

    stream = costs.stream * machines.replicated * machines.target
    streams = power_of_two(events * habits.burst / stream)
    written = events * habits.burst * 3
    a_day = day * habits.messages
    stored = a_day * EVENTS_OF_TURN * sizes.event * STREAM_DAYS * 3
    brokers_by = {
        "events": ceil(written / (stream * machines.parallel)),
        "size": ceil(stored / machines.broker),
    }

    commits = {service: rate["message"] * number for service, number in COMMITS.items()}
    commits["user-svc"] += rate["sign-in"] * 2
    commits["payment-svc"] = rate["order"] * 6
    bytes_of = {
        "user-svc": plan.users * sizes.user + a_day * (sizes.reservation * YEAR + sizes.user_events * INBOX_DAYS),
        "counseling-svc": plan.users * sizes.relationship + day * habits.counsels * sizes.counsel * YEAR
        + a_day * (sizes.turn * YEAR + sizes.counsel_events * INBOX_DAYS),
        # An order with its states, postings and events is about as much as a turn.
        "payment-svc": plan.users * 546 + day * habits.orders * YEAR * (sizes.turn + sizes.counsel_events),
    }
    databases_by = {
        service: {
            "commits": ceil(commits[service] / (machines.commits * machines.target)),
            "size": ceil(bytes_of[service] / machines.database),
        }
        for service in services
    }
    instances = sum(processes[service] for service in services)
    return Needs(
        plan, day, kinds, busy, processes, gateways_by, nodes, feeds, replies, events, streams,
        max(3, *brokers_by.values()), brokers_by, commits, bytes_of, databases_by,
        {service: max(by.values()) for service, by in databases_by.items()},
        machines.feed_events / events,
        instances / REFRESH * (1 + processes["gateway"]),
        events * sizes.event * processes["gateway"],
    )
