"""Ports of servers that end and come back."""

import socket

from tests.free_port import LOWEST, beginning_of_the_systems_own, free_port


def test_no_connection_is_given_it_while_its_server_is_away() -> None:
    ports = [free_port() for _ in range(200)]
    end = beginning_of_the_systems_own()
    assert end <= LOWEST or all(LOWEST <= port < end for port in ports)
    assert len(set(ports)) > 150, "two runs side by side hardly ever choose the same"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", ports[0]))
