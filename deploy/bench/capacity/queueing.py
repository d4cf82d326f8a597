"""Calls that wait for processors: first a gateway's, then a service's.

Whoever balances in front of the gateways picks any; a gateway picks a service's process by power of two choices over calls in
flight, as the mesh does. A process takes calls in the order they come, as many at once as it has processors. Calls come at
random (Poisson), and each takes its kind's time, exponentially distributed. The same seed gives the same result.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass
from math import cos, exp, pi


@dataclass(frozen=True)
class Kind:
    """Of calls: its part of all, and seconds at the gateway and at a service."""

    part: float
    gateway: float
    service: float


@dataclass(frozen=True)
class Window:
    """A time with one rate. Processes that are lost at its beginning are back at its end."""

    rate: float
    seconds: float
    # Of the gateways, and of the services' processes.
    lost: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Outcome:
    """Of the calls that came in a window, its first fifth excepted."""

    # Seconds in both queues together, sorted.
    waits: list[float]
    # Calls that had to begin again, because their process was lost.
    again: int

    def quantile(self, part: float) -> float:
        return self.waits[min(len(self.waits) - 1, int(part * len(self.waits)))] if self.waits else 0.0


@dataclass(eq=False)
class Call:
    arrived: float
    window: int
    times: tuple[float, float]
    stage: int = 0
    attempt: int = 0
    queued: float = 0.0
    waited: float = 0.0


class Process:
    """One, with its queue."""

    def __init__(self, cores: int) -> None:
        self.free = cores
        self.cores = cores
        self.running: list[Call] = []
        self.waiting: deque[Call] = deque()

    def in_flight(self) -> int:
        return len(self.running) + len(self.waiting)


ARRIVAL, END, BEGIN = range(3)


class Simulation:
    """Of `processes` (gateways, services) with `cores` each."""

    def __init__(self, processes: tuple[int, int], cores: int, kinds: list[Kind], seed: int) -> None:
        self.random = random.Random(seed)
        self.kinds = kinds
        self.parts = [kind.part for kind in kinds]
        self.all = [[Process(cores) for _ in range(count)] for count in processes]
        self.alive = [list(stage) for stage in self.all]
        self.events: list[tuple] = []
        self.number = 0

    def run(self, windows: list[Window]) -> list[Outcome]:
        """Lets the windows pass one after the other, and then what is left end."""
        waits: list[list[float]] = [[] for _ in windows]
        again = [0] * len(windows)
        begin, begins = 0.0, []
        for index, window in enumerate(windows):
            begins.append(begin)
            self.at(begin, BEGIN, index)
            begin += window.seconds
        while self.events:
            now, _, what, about = heapq.heappop(self.events)
            if what == BEGIN:
                again[about] = self.change(now, windows[about])
                self.at(now + self.random.expovariate(windows[about].rate), ARRIVAL, about)
            elif what == ARRIVAL:
                window = windows[about]
                if now < begins[about] + window.seconds:
                    self.dispatch(now, self.call(now, about))
                    self.at(now + self.random.expovariate(window.rate), ARRIVAL, about)
            elif self.ended(now, *about):
                call = about[0]
                if call.arrived >= begins[call.window] + windows[call.window].seconds / 5:
                    waits[call.window].append(call.waited)
        return [Outcome(sorted(waited), times) for waited, times in zip(waits, again)]

    def at(self, when: float, what: int, about: object) -> None:
        # The number keeps apart what happens at one time.
        self.number += 1
        heapq.heappush(self.events, (when, self.number, what, about))

    def call(self, now: float, window: int) -> Call:
        kind = self.random.choices(self.kinds, self.parts)[0]
        gateway, service = (self.random.expovariate(1 / mean) if mean else 0.0 for mean in (kind.gateway, kind.service))
        return Call(now, window, (gateway, service))

    def change(self, now: float, window: Window) -> int:
        """Loses processes; their calls begin again elsewhere. Returns how many did."""
        moved: list[Call] = []
        for stage, lost in enumerate(window.lost):
            gone = self.all[stage][:lost]
            self.alive[stage] = self.all[stage][lost:]
            for process in gone:
                moved += [*process.running, *process.waiting]
                process.running, process.free = [], process.cores
                process.waiting.clear()
        for call in moved:
            call.attempt += 1
            self.dispatch(now, call)
        return len(moved)

    def dispatch(self, now: float, call: Call) -> None:
        alive = self.alive[call.stage]
        process = self.random.choice(alive)
        if call.stage:
            process = min(process, self.random.choice(alive), key=Process.in_flight)
        call.queued = now
        if process.free:
            self.begin(now, process, call)
        else:
            process.waiting.append(call)

    def begin(self, now: float, process: Process, call: Call) -> None:
        process.free -= 1
        process.running.append(call)
        call.waited += now - call.queued
        self.at(now + call.times[call.stage], END, (call, process, call.attempt))

    def ended(self, now: float, call: Call, process: Process, attempt: int) -> bool:
        """Whether that was all of the call."""
        if attempt != call.attempt:
            return False
        process.running.remove(call)
        process.free += 1
        if process.waiting:
            self.begin(now, process, process.waiting.popleft())
        if call.stage == 0:
            call.stage = 1
            self.dispatch(now, call)
            return False
        return True


def hours(peak: float) -> list[float]:
    """Rates of the hours of a day to their mean: one hill (the von Mises distribution), whose top is `peak`."""
    def shape(steep: float) -> list[float]:
        values = [exp(steep * (cos(2 * pi * hour / 24) - 1)) for hour in range(24)]
        mean = sum(values) / 24
        return [value / mean for value in values]

    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if max(shape(middle)) < peak else (low, middle)
    # The day begins twelve hours away from its peak.
    day = shape(low)
    return day[12:] + day[:12]
