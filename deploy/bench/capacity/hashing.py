"""Users on partitions, of whom few do much.

A partition is what nats-server makes of `partition(n, token)`: FNV-1a of 32 bits, modulo n. Activity falls with the rank of a
user (Zipf); nobody does more than the allowance lets them. The busiest users are placed one by one; of all others each
partition gets its mean and a deviation from it, as large as it is for so many independent users.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from functools import cache

# How fast activity falls with the rank. Not measured.
SKEW = 0.8
# Messages of the most active to the mean: 1,000 in six hours to 10 a day.
MOST = 400
# Users who are placed one by one.
PLACED = 20_000


def fnv1a(text: str) -> int:
    """32 bits, <http://www.isthe.com/chongo/tech/comp/fnv/>."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def partition(token: str, partitions: int) -> int:
    return fnv1a(token) % partitions


@cache
def hashes(seed: int) -> list[int]:
    """Of users who signed up at any time of a year."""
    rng = random.Random(seed)
    now = 1_767_225_600_000
    return [fnv1a(uuid7(now - rng.randrange(365 * 86_400_000), rng)) for _ in range(PLACED)]


def uuid7(milliseconds: int, rng: random.Random) -> str:
    """As services make ids: the time first, then chance."""
    value = milliseconds << 80 | 0x7 << 76 | rng.getrandbits(12) << 64 | 0b10 << 62 | rng.getrandbits(62)
    return str(uuid.UUID(int=value))


@dataclass(frozen=True)
class Spread:
    """Over partitions."""

    # Part of all activity that each has.
    load: list[float]
    # Users of each.
    users: list[float]

    def hottest(self) -> float:
        """The busiest partition to the mean."""
        return max(self.load) * len(self.load) / sum(self.load)

    def largest(self) -> float:
        return max(self.users) * len(self.users) / sum(self.users)

    def gathered(self, places: int) -> Spread:
        """The same when neighbouring partitions share a place, each place having as many as any other, or one more."""
        load, users = [0.0] * places, [0.0] * places
        for index, (busy, count) in enumerate(zip(self.load, self.users)):
            place = index * places // len(self.load)
            load[place] += busy
            users[place] += count
        return Spread(load, users)


def spread(active: int, users: int, partitions: int, seed: int, most: float = MOST) -> Spread:
    """Of `active` among `users`, nobody of whom does more than `most` times the mean."""
    rng = random.Random(seed)
    total = power_sum(active, SKEW)
    limit = most * total / active
    load, count = [0.0] * partitions, [0.0] * partitions
    placed = min(active, PLACED)
    for rank, hashed in enumerate(hashes(seed)[:placed], 1):
        where = hashed % partitions
        load[where] += min(limit, rank**-SKEW)
        count[where] += 1
    rest, squares = (power_sum(active, skew) - power_sum(placed, skew) for skew in (SKEW, 2 * SKEW))
    others = users - placed
    for where in range(partitions):
        load[where] += max(0.0, rng.gauss(rest / partitions, (squares / partitions) ** 0.5))
        count[where] += max(0.0, rng.gauss(others / partitions, (others / partitions * (1 - 1 / partitions)) ** 0.5))
    return Spread(load, count)


def power_sum(last: int, skew: float) -> float:
    """Of rank^-skew from 1 to `last`: the first thousand one by one, then the Euler-Maclaurin formula."""
    exact = min(last, 1000)
    total = sum(rank**-skew for rank in range(1, exact + 1))
    if last > exact:
        total += (last ** (1 - skew) - exact ** (1 - skew)) / (1 - skew) + (last**-skew - exact**-skew) / 2
    return total
