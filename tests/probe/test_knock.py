"""What the probe makes of packets that come back from a real host."""

from __future__ import annotations

import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply, IPv6
from scapy.packet import Packet

from secaudit.probe import knock
from secaudit.probe.protocol import Wording

HERE, THERE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "198.51.100.1"
HERE6, THERE6 = "2001:db8::1", "2001:db8::2"


def octets(address: str) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address).hex()


def read(packet: Packet, version: int = 4) -> object:
    ends = (octets(HERE), octets(THERE)) if version == 4 else (octets(HERE6), octets(THERE6))
    return knock._read(bytes(packet), version, ends)


def error(code: int, quoted: Packet, by: str = THERE) -> Packet:
    return IP(src=by, dst=HERE) / ICMP(type=3, code=code) / quoted


SENT = IP(src=HERE, dst=THERE) / TCP(sport=4000, dport=22, flags="S")
SENT_UDP = IP(src=HERE, dst=THERE) / UDP(sport=4000, dport=53)


@pytest.mark.parametrize(
    ("packet", "key", "word", "by"),
    [
        (IP(src=THERE, dst=HERE) / TCP(sport=22, dport=4000, flags="SA"), (6, 4000, 22), "answer", THERE),
        (IP(src=THERE, dst=HERE) / TCP(sport=22, dport=4000, flags="RA"), (6, 4000, 22), "reset", THERE),
        (IP(src=THERE, dst=HERE) / UDP(sport=53, dport=4000), (17, 4000, 53), "answer", THERE),
        (IP(src=THERE, dst=HERE) / ICMP(type=0, id=7), (1, 7, 0), "answer", THERE),
        (error(13, SENT), (6, 4000, 22), "icmp-admin-prohibited", THERE),
        (error(3, SENT_UDP), (17, 4000, 53), "icmp-unreachable", THERE),
        (error(10, SENT, ELSEWHERE), (6, 4000, 22), "icmp-admin-prohibited", ELSEWHERE),
        (error(1, IP(src=HERE, dst=THERE) / ICMP(type=8, id=7)), (1, 7, 0), "icmp-unreachable", THERE),
    ],
)
def test_answers_belong_to_what_was_sent(packet: Packet, key: tuple[int, ...], word: str, by: str) -> None:
    assert read(packet) == (key, word, octets(by))


def test_answers_over_ipv6() -> None:
    reply = IPv6(src=THERE6, dst=HERE6) / ICMPv6EchoReply(id=3)
    assert read(reply, 6) == ((58, 3, 0), "answer", octets(THERE6))
    quoted = IPv6(src=HERE6, dst=THERE6) / TCP(sport=4000, dport=22, flags="S")
    refused = IPv6(src=THERE6, dst=HERE6) / ICMPv6DestUnreach(code=1) / quoted
    assert read(refused, 6) == ((6, 4000, 22), "icmp-admin-prohibited", octets(THERE6))


@pytest.mark.parametrize(
    "packet",
    [
        IP(src=ELSEWHERE, dst=HERE) / TCP(sport=22, dport=4000, flags="SA"),
        IP(src=THERE, dst=ELSEWHERE) / TCP(sport=22, dport=4000, flags="SA"),
        error(13, IP(src=HERE, dst=ELSEWHERE) / TCP(sport=4000, dport=22)),
        IP(src=THERE, dst=HERE) / ICMP(type=11) / SENT,
    ],
)
def test_what_others_say_is_no_answer(packet: Packet) -> None:
    assert read(packet) is None


def test_packets_that_would_have_one_answer_are_refused() -> None:
    twice = [Wording(octets(HERE), octets(THERE), 6, 4000, 22, 0, 0, 2, 0, False)] * 2
    with pytest.raises(ValueError, match="the same answer"):
        knock.knock(twice, 10, 0.1)
