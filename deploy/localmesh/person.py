"""Somebody who talks and buys, for rehearsals."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable

from .settings import MeshError

SETTLE_PATIENCE = 20


class Person:
    """A guest, with a token that stays good as long as the keys do."""

    def __init__(self, url: str) -> None:
        self.url, self.token = url, ""
        self.token = self.ask("POST", "/v1/auth/initiate")["accessToken"]
        counselor = self.ask("GET", "/v1/counselors")["counselors"][0]["id"]
        counsel = self.ask("POST", f"/v1/counselors/{counselor}/counsels", {})["counsel"]["id"]
        self.messages = f"/v1/counselors/{counselor}/counsels/{counsel}/messages"

    def ask(self, method: str, path: str, body: dict | None = None, key: str | None = None) -> dict:
        request = urllib.request.Request(path if path.startswith("http") else self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        if key:
            request.add_header("Idempotency-Key", key)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def say(self, text: str) -> None:
        self.ask("POST", self.messages, {"message": text})

    def heard(self) -> list[str]:
        return [said["message"] for said in self.ask("GET", self.messages)["counselMessages"]]

    def tokens(self) -> dict:
        return self.ask("GET", "/v1/users/me/tokens")["tokens"]

    def buy(self) -> str:
        products = self.ask("GET", "/v1/products")["products"]
        pack = next(product["id"] for product in products if product["tokens"] == 100)
        made = self.ask("POST", "/v1/payments/orders", {"productId": pack, "currency": "KRW"}, key="rehearsal")
        with urllib.request.urlopen(made["checkout"]["url"], data=b"card=4242424242424242", timeout=30) as paid:
            key = json.load(paid)["paymentKey"]
        order = f"/v1/payments/orders/{made['order']['id']}"
        self.ask("POST", f"{order}/confirm", {"paymentKey": key})
        return order


def settle(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + SETTLE_PATIENCE
    while not condition():
        require(time.monotonic() < deadline, complaint)
        time.sleep(0.1)


def require(condition: bool, complaint: str) -> None:
    if not condition:
        raise MeshError(complaint)
