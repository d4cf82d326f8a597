"""Calls of the gateway, and tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

# Never through a proxy.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PATIENCE = 15


class ApiError(Exception):
    """What the gateway answered instead, and what to do next."""


@dataclass(frozen=True)
class Api:
    """The gateway, on behalf of whose token it is."""

    url: str
    token: str = ""

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body; no body when it is not JSON."""
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with _OPENER.open(request, timeout=_PATIENCE) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        except OSError as error:
            raise ApiError(f"{self.url} does not answer ({error}): start a mesh with `deploy/just up`") from None
        try:
            return status, json.loads(text)
        except ValueError:
            return status, None

    def data(self, method: str, path: str, body: Any = None) -> Any:
        """The data of a success."""
        status, answer = self.call(method, path, body)
        if not 200 <= status < 300:
            raise ApiError(f"{method} {path} was answered with {status}: {json.dumps(answer)[:300]}")
        return answer["data"]

    def document(self) -> dict[str, Any]:
        status, document = self.call("GET", "/v3/api-docs")
        if status != 200 or not document:
            raise ApiError(f"{self.url}/v3/api-docs was answered with {status}, without a document")
        return document

    def guest(self) -> Api:
        """A new guest."""
        return Api(self.url, self.data("POST", "/v1/auth/initiate")["accessToken"])

    def user_id(self) -> str:
        return self.data("GET", "/v1/users/me")["user"]["id"]

    def admin(self, session_key: str) -> Api:
        """A new user with a token that says admin, signed as the gateway signs them: whoever has its key may."""
        user_id = self.guest().user_id()
        now = int(time.time())
        claims = {"id": user_id, "auth_channel": "AUTH_CHANNEL_UNLINKED", "authority": "AUTHORITY_ADMIN",
                  "typ": "access", "jti": secrets.token_hex(16), "iat": now, "exp": now + 3600}
        admin = Api(self.url, sign(claims, session_key))
        status, _ = admin.call("GET", f"/v1/admin/users/{user_id}")
        if status == 401:
            raise ApiError("the gateway does not take an admin's token signed with this session key: "
                           "name the file that holds its SESSION_KEY with --session-key")
        return admin


def sign(claims: dict[str, Any], key: str) -> str:
    """A JWT by HS256. Source: RFC 7515, section 3.1, and RFC 7518, section 3.2."""
    head = {"alg": "HS256", "typ": "JWT"}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    return f"{signed}.{_base64(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
