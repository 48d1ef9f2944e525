"""One parser for the packets of the dashboard and of the command line."""

from __future__ import annotations

from secaudit.checks.firewall.rules.packet import read_packet


def test_the_short_form_is_a_packet_everywhere() -> None:
    assert read_packet("10.0.0.1 tcp/5432") == read_packet("tcp 10.0.0.1 -> any:5432 new")
    assert read_packet(" 10.0.0.1  udp/53 iif eth0") == read_packet("udp 10.0.0.1 -> any:53 iif eth0")
