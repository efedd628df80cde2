"""The agent's way to its control plane: the fake in memory, and HTTP to a real one."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from busway.agent.credential import Credential
from busway.agent.link import AgentLink, HttpLink
from busway.control.placement.place import place_round
from busway.domain.documents import Desired
from busway.domain.ids import ImageId, ServerId
from busway.testing.link import FakeLink
from busway.testing.link_contract import HOST, LinkContract
from busway.testing.stage import IMAGE, ONE, desired_server
from tests.api.serving import ApiServer, as_agent
from tests.api.test_servers import SERVERS, create


class TestFake(LinkContract):
    @pytest.fixture
    def link(self) -> AgentLink:
        link = FakeLink()
        link.images[ImageId("img")] = IMAGE
        link.desired = Desired(HOST, 1, (replace(desired_server(ONE), upload=ImageId("snapshot")),))
        return link

    @pytest.fixture
    def unreachable(self, link: FakeLink) -> AgentLink:
        link.away = True
        return link

    @pytest.fixture
    def server(self) -> ServerId:
        return ONE

    @pytest.fixture
    def image(self) -> bytes:
        return IMAGE


class TestHttp(LinkContract):
    @pytest.fixture
    def server(self, api_server: ApiServer) -> ServerId:
        host, client = api_server.host(HOST), api_server.client()
        made = ServerId(create(client, api_server.image()).json()["server"]["id"])
        place_round(api_server.control)
        host.report([made])
        client.post(f"{SERVERS}/{made}/action", json={"createImage": {"name": "snapshot"}}).raise_for_status()
        return made

    @pytest.fixture
    def link(self, api_server: ApiServer, server: ServerId) -> Iterator[AgentLink]:
        token = as_agent(api_server, HOST, rotate=True)["Authorization"].removeprefix("Bearer ")
        link = HttpLink(Credential(url=api_server.url, host=HOST, token=token))
        yield link
        link.close()

    @pytest.fixture
    def unreachable(self) -> Iterator[AgentLink]:
        link = HttpLink(Credential(url="http://127.0.0.1:9", host=HOST, token="nobody-listens"))
        yield link
        link.close()

    @pytest.fixture
    def image(self) -> bytes:
        return b"data of new1"
