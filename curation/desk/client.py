"""Argilla's REST API (2.8), as far as the desk needs it: about a dozen routes by httpx.

Argilla's own client is not used: it loses the ranks of rankings, and takes four seconds to import.

Lost connections, time-outs and 502, 503, 504, 429 are tried again with growing pauses, where doing a thing twice does
what doing it once does. Everything else is said at once: 401, 403, 404, 422 with what the server objects to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from curation.desk.server.reach import Reach
from data.errors import UserError

CHUNK = 500  # records in one request; what Argilla's own client sends
PAUSES = (0.5, 1, 2, 4)  # seconds before each further try
TIMEOUT = httpx.Timeout(60, connect=10)
AGAIN = (429, 502, 503, 504)

Json = dict[str, Any]


class NotThere(UserError):
    """The server has nothing by that name or id (404)."""


class Client:
    """One server, one API key. Use it in a `with` block."""

    def __init__(
        self, reach: Reach, *, pauses: Sequence[float] = PAUSES, timeout: httpx.Timeout = TIMEOUT
    ) -> None:
        self.url = reach.url
        self._pauses = pauses
        self._http = httpx.Client(
            base_url=f"{reach.url}/api/v1",
            headers={"X-Argilla-Api-Key": reach.api_key},
            timeout=timeout,
            # No proxy is asked for a server on this machine.
            trust_env=urlsplit(reach.url).hostname not in ("127.0.0.1", "localhost", "::1"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    # ---------------------------------------------------------------- datasets

    def me(self) -> Json:
        """The user whose key it is."""
        return self._json("GET", "/me")

    def workspace(self, name: str) -> str:
        """The id of a workspace, made where it does not exist and the user may make it."""
        found = self._json("GET", "/me/workspaces")["items"]
        for one in found:
            if one["name"] == name:
                return str(one["id"])
        return str(self._json("POST", "/workspaces", json={"name": name})["id"])

    def workspace_users(self, workspace_id: str) -> list[Json]:
        """Its users: id, username, role."""
        return list(self._json("GET", f"/workspaces/{workspace_id}/users")["items"])

    def datasets(self, workspace_id: str) -> list[Json]:
        """The datasets of a workspace."""
        found = self._json("GET", "/me/datasets", params={"workspace_id": workspace_id})["items"]
        return [one for one in found if one["workspace_id"] == workspace_id]

    def create_dataset(
        self, settings: Json, fields: list[Json], questions: list[Json], metadata: list[Json]
    ) -> Json:
        """Make a dataset and publish it. If a part of it fails, the unfinished dataset goes again."""
        dataset = self._json("POST", "/datasets", json=settings)
        where = f"/datasets/{dataset['id']}"
        try:
            for route, parts in (
                ("fields", fields),
                ("questions", questions),
                ("metadata-properties", metadata),
            ):
                for part in parts:
                    self._json("POST", f"{where}/{route}", json=part)
            return self._json("PUT", f"{where}/publish")
        except BaseException:
            self._send("DELETE", where)
            raise

    def update_dataset(self, dataset_id: str, changes: Json) -> Json:
        """Change guidelines or distribution."""
        return self._json("PATCH", f"/datasets/{dataset_id}", json=changes)

    def questions(self, dataset_id: str) -> list[Json]:
        """Its questions, each with `id` and `name`."""
        return list(self._json("GET", f"/datasets/{dataset_id}/questions")["items"])

    def progress(self, dataset_id: str) -> Json:
        """Records: total, completed, pending."""
        return self._json("GET", f"/datasets/{dataset_id}/progress")

    def users_progress(self, dataset_id: str) -> list[Json]:
        """By user: username, and answers submitted, draft and discarded to completed and to pending records."""
        return list(self._json("GET", f"/datasets/{dataset_id}/users/progress")["users"])

    # ---------------------------------------------------------------- records

    def records(self, dataset_id: str, *, page: int = CHUNK) -> Iterator[Json]:
        """All records with responses and suggestions, as the server has them (ranks of rankings too)."""
        offset = 0
        while True:
            params = {"offset": offset, "limit": page, "include": ["responses", "suggestions"]}
            items = self._json("GET", f"/datasets/{dataset_id}/records", params=params)["items"]
            yield from items
            if len(items) < page:
                return
            offset += page

    def upsert_records(self, dataset_id: str, records: Sequence[Json]) -> Iterator[int]:
        """Write records, CHUNK at a time; yields how many each request wrote.

        A request is one transaction of the server's, and upserts by id or external id: after an interruption the same
        call goes on, and writes nothing twice.
        """
        for start in range(0, len(records), CHUNK):
            part = records[start : start + CHUNK]
            self._json("PUT", f"/datasets/{dataset_id}/records/bulk", json={"items": part})
            yield len(part)

    def delete_suggestions(self, record_id: str, suggestion_ids: Sequence[str]) -> None:
        """Take suggestions away from a record."""
        self._send("DELETE", f"/records/{record_id}/suggestions", params={"ids": ",".join(suggestion_ids)})

    # ---------------------------------------------------------------- annotators

    def queue(
        self, dataset_id: str, *, limit: int = 50, text: str = "", status: str = "pending"
    ) -> list[Json]:
        """What this user is to answer next: the route that the web page uses."""
        asked = {"entity": "response", "property": "status"}
        terms = {"type": "terms", "scope": asked, "values": [status]}
        query: Json = {"filters": {"type": "and", "and": [terms]}}
        if text:
            query["query"] = {"text": {"q": text}}
        params = {"offset": 0, "limit": limit, "include": ["responses", "suggestions"]}
        found = self._json(
            "POST", f"/me/datasets/{dataset_id}/records/search", json=query, params=params, twice=True
        )
        return [one["record"] for one in found["items"]]

    def answer(self, record_id: str, values: Json, status: str = "submitted") -> Json:
        """Answer a record as this user; a second answer takes the place of the first."""
        item = {
            "record_id": record_id,
            "status": status,
            "values": {k: {"value": v} for k, v in values.items()},
        }
        done: Json = self._json("POST", "/me/responses/bulk", json={"items": [item]}, twice=True)["items"][0]
        if done.get("error"):
            raise UserError(f"the server refused an answer: {done['error']['detail']}")
        answered: Json = done["item"]
        return answered

    def delete_answer(self, response_id: str) -> None:
        """Take an answer of this user back."""
        self._send("DELETE", f"/responses/{response_id}")

    # ---------------------------------------------------------------- requests

    def _json(self, method: str, route: str, *, twice: bool = False, **rest: Any) -> Json:
        answer = self._send(method, route, twice=twice, **rest)
        try:
            found: Json = answer.json()
        except ValueError:
            raise UserError(
                f"what answers at {self.url} is no Argilla server, or a page before it: {route} is no JSON",
                "desk.url is the address under which its page opens, for instance https://argilla.example.org",
            ) from None
        return found

    def _send(self, method: str, route: str, *, twice: bool = False, **rest: Any) -> httpx.Response:
        """The response, if it is a good one; else UserError. `twice`: a POST that may be repeated."""
        repeatable = twice or method in ("GET", "PUT", "DELETE", "PATCH")
        problem = ""
        for pause in (*self._pauses, None):
            try:
                response = self._http.request(method, route, **rest)
            except httpx.HTTPError as error:
                problem = _lost(error)
                # A connection that never came about did nothing.
                if not repeatable and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    break
            else:
                if response.is_success:
                    return response
                if response.status_code not in AGAIN or not repeatable:
                    raise self._refused(method, route, response)
                problem = f"it answers {response.status_code}"
            if pause is not None:
                time.sleep(pause)
        raise UserError(
            f"the labelling server {self.url} cannot be reached: {problem}",
            "is it up? python -m curation.desk status",
            "what was written before is kept: the same command goes on from there",
        )

    def _refused(self, method: str, route: str, response: httpx.Response) -> UserError:
        said = _detail(response)
        match response.status_code:
            case 401:
                return UserError(
                    f"the labelling server {self.url} does not know this API key (401)",
                    "its key: TUNEPROOF_DESK_KEY, or for our own server the file credentials.json in desk.home",
                )
            case 403:
                return UserError(
                    f"the labelling server {self.url} forbids this user to {method} {route} (403)",
                    "use the API key of an owner, or of an admin of the workspace: desk.workspace=NAME",
                )
            case 404:
                return NotThere(f"the labelling server {self.url} has no {route} (404): {said}")
            case 422:
                return UserError(
                    f"the labelling server {self.url} cannot take this (422): {said}",
                    "nothing of this request was written",
                )
            case code:
                return UserError(
                    f"the labelling server {self.url} answers {code} to {method} {route}: {said}",
                    "its log says more: server.log in desk.home",
                )


def _lost(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def _detail(response: httpx.Response) -> str:
    """What the server objects to: its message, or where in the request something is wrong; never a text of a record."""
    try:
        detail = response.json().get("detail")
    except (ValueError, AttributeError):
        return response.reason_phrase
    if isinstance(detail, dict):
        detail = detail.get("params", {}).get("errors") or detail.get("params") or detail.get("code")
    if isinstance(detail, list):
        parts = [
            f"{'.'.join(map(str, one.get('loc', ())))}: {one.get('msg', '')}"
            if isinstance(one, dict)
            else str(one)
            for one in detail[:3]
        ]
        return "; ".join(parts)
    if isinstance(detail, dict):
        return ", ".join(f"{key} {value}" for key, value in list(detail.items())[:3] if key != "input")
    return str(detail or response.reason_phrase)[:300]
