"""Fixtures of the port suites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chain_net import Net
from tests.chain_process import KEYS, STRANGER, start_chain


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    process = start_chain(tmp_path_factory.mktemp("chain"))
    deployment = process.deploy()
    clients = [process.client(deployment, key) for key in (*KEYS, STRANGER)]
    yield Net(process, deployment, clients[:-1], clients[-1])
    assert process.stop() == 0
