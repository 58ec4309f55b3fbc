"""Is a port free, does a part answer: short checks against 127.0.0.1, never a wait."""

from __future__ import annotations

import http.client
import socket

from local.stack import HOST
from local.supervisor.part import Part


def is_free(port: int) -> bool:
    """True where a server of ours could bind the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of a past server that lingers in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            # Two sockets may bind one port with SO_REUSEADDR; only one may listen.
            probe.listen(1)
        except OSError:
            return False
    return True


def answers(part: Part, timeout: float = 1.0) -> bool:
    """True where the part is ready by its own declaration; see `Part`."""
    if callable(part.health):
        return part.health()
    if part.port is None:
        return True
    if part.health is None:
        return _accepts(part.port, timeout)
    connection = http.client.HTTPConnection(HOST, part.port, timeout=timeout)
    try:
        connection.request("GET", part.health)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _accepts(port: int, timeout: float) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=timeout):
            return True
    except OSError:
        return False
