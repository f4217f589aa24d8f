"""What holds for every test: nothing reaches the network, and nothing but an explicit seed is random."""

import ipaddress
import os
import socket

os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"})


def refused_unless_loopback(connect):
    """Wrap `socket.connect` so that it fails for every address but this machine's own."""

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise PermissionError(f"a test tried to reach {host}; tests run without the network")
        return connect(self, address)

    return guarded


def refused_lookup(host, *arguments, **options):
    """Look up this machine's own names only."""
    if host not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0", b"localhost", socket.gethostname()):
        raise PermissionError(f"a test tried to look up {host}; tests run without the network")
    return lookup(host, *arguments, **options)


lookup = socket.getaddrinfo
socket.getaddrinfo = refused_lookup
socket.socket.connect = refused_unless_loopback(socket.socket.connect)
socket.socket.connect_ex = refused_unless_loopback(socket.socket.connect_ex)
