"""Plays a recorded story: the requests that a tool sends, one after the other, against the API and hosts that obey."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer
from tests.clients.told import look_up, unread
from tests.control.clouds import Host

FOLDER = Path(__file__).with_name("stories")
TRIES = 6
_NAME = re.compile(r"\{(\w+)\}")


@dataclass
class Player:
    """One story in one cloud; `known` are the values that its requests may name in braces, such as `{server}`."""

    api: ApiServer
    hosts: list[Host]
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._http = self.api.client()
        for name in ("X-Auth-Token", "OpenStack-API-Version"):  # a story says itself what it sends
            del self._http.headers[name]

    def play(self, story: dict[str, Any]) -> None:
        """All steps in their order; raises `AssertionError` that names the step and what was wrong in its answer."""
        token = self.known["token"]
        for number, step in enumerate(story["steps"], 1):
            answer = self._do(step, token)
            told = f"step {number}: {step['send']} -> {answer.status_code}\n{answer.text[:3000]}"
            assert answer.status_code == step["status"], told
            body = answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else None
            assert not (wrong := unread(body, step.get("reads", {}))), f"{wrong}\n{told}"
            for path, value in step.get("is", {}).items():
                assert look_up(body, path) == self._filled(value), f"{path} is {look_up(body, path)!r}\n{told}"
            for name, path in step.get("keep", {}).items():
                self.known[name] = self._kept(answer, body, path)
            token = self.known["token"]

    def _do(self, step: dict[str, Any], token: str) -> httpx.Response:
        """The answer of a step; one with `until` is sent again, as tools poll, each time after the cloud did its work."""
        for _ in range(TRIES if "until" in step or step.get("gone") else 1):
            if "until" in step or step.get("gone"):
                place_round(self.api.control)
                for host in self.hosts:
                    host.obey()
            answer = self._send(step, token)
            if step.get("gone") and answer.status_code == 404:
                break
            if "until" in step and answer.status_code == step["status"]:
                body = answer.json()
                if all(look_up(body, path) == value for path, value in step["until"].items()):
                    break
        else:
            assert "until" not in step, f"{step['send']} never told {step['until']}: {answer.text[:3000]}"
        return answer

    def _send(self, step: dict[str, Any], token: str) -> httpx.Response:
        method, _, path = self._filled(step["send"]).partition(" ")
        headers = {"Accept": "application/json", **self._filled(step.get("headers", {}))}
        if not step.get("anonymous"):
            headers["X-Auth-Token"] = token
        more: dict[str, Any] = {"content": step["data"].encode()} if "data" in step else {}
        if "body" in step:
            more = {"json": self._filled(step["body"])}
        if "content-type" in {name.lower() for name in headers} and "json" in more:
            more = {"content": httpx.Request("POST", "http://x", json=more["json"]).content}
        url = path if path.startswith("http") else self.api.url + path
        return self._http.request(method, url, headers=headers, **more)

    def _filled(self, value: Any) -> Any:
        """`value` with each name in braces replaced by what is known of it."""
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        return _NAME.sub(lambda found: self.known[found[1]], value) if isinstance(value, str) else value

    def _kept(self, answer: httpx.Response, body: Any, path: str) -> str:
        if path.startswith("header "):
            return answer.headers[path.removeprefix("header ")]
        value = look_up(body, path)
        assert isinstance(value, str), f"{path} is {value!r}"
        return value


def read_story(name: str) -> dict[str, Any]:
    """The story of that name, as it is written."""
    story: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return story
