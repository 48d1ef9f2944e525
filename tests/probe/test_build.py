"""Patched packets against those that scapy builds whole, and the numbers that come back in answers."""

from __future__ import annotations

import random
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from secaudit.probe.build import COOKIE, build, number_in, number_reset
from secaudit.probe.protocol import TRACKED, Wording


def words(chance: random.Random, version: int, protocol: int, **more: Any) -> Wording:
    ends = [chance.getrandbits(32 if version == 4 else 128).to_bytes(4 if version == 4 else 16, "big") for _ in "sd"]
    ports = chance.randrange(65536), chance.randrange(65536)
    types = chance.randrange(256), chance.randrange(256)
    wording = Wording(ends[0].hex(), ends[1].hex(), protocol, *ports, *types, chance.randrange(64), TRACKED, False)
    return wording._replace(**more)


def whole(wording: Wording, number: int) -> Any:
    """The same packet by scapy alone, checksums too."""
    if len(wording.source) == 8:
        source, destination = (str(IPv4Address(bytes.fromhex(end))) for end in (wording.source, wording.destination))
        network: Any = IP(src=source, dst=destination, id=wording.identity, proto=wording.protocol)
    else:
        source, destination = (str(IPv6Address(bytes.fromhex(end))) for end in (wording.source, wording.destination))
        network = IPv6(src=source, dst=destination, fl=wording.identity, nh=wording.protocol)
    tail = Raw(COOKIE + number.to_bytes(4, "big"))
    if wording.protocol == 6:
        return (
            network
            / TCP(
                sport=wording.source_port,
                dport=wording.destination_port,
                seq=4 * number,
                ack=4 * number,
                flags=wording.tcp_flags,
            )
            / tail
        )
    if wording.protocol == 17:
        return network / UDP(sport=wording.source_port, dport=wording.destination_port) / tail
    return network / ICMP(type=wording.icmp_type, code=wording.icmp_code, chksum=None) / tail


@pytest.mark.parametrize(("version", "protocol"), [(4, 6), (4, 17), (6, 6), (6, 17)])
def test_patched_packets_are_those_that_scapy_builds(version: int, protocol: int) -> None:
    chance = random.Random(protocol)
    for number in (0, 1, 65535, 65536, (1 << 30) - 1, *(chance.randrange(1 << 30) for _ in range(200))):
        wording = words(chance, version, protocol)
        assert bytes(build(wording, number)) == bytes(whole(wording, number))


def test_icmp_packets_are_those_that_scapy_builds() -> None:
    chance = random.Random(1)
    for kind, code in ((8, 0), (0, 0), (3, 13), (11, 0)):
        wording = words(chance, 4, 1, icmp_type=kind, icmp_code=code)
        expected = whole(wording, 77)
        assert bytes(build(wording, 77)) == bytes(expected)


def test_a_broken_packet_differs_in_its_checksum_only() -> None:
    chance = random.Random(2)
    for protocol, offset in ((6, 36), (17, 26), (1, 22)):
        right = words(chance, 4, protocol)
        good, bad = build(right, 5), build(right._replace(broken=True), 5)
        assert good[offset : offset + 2] != bad[offset : offset + 2]
        assert bad[offset : offset + 2] != b"\0\0"
        assert good[:offset] + good[offset + 2 :] == bad[:offset] + bad[offset + 2 :]


@pytest.mark.parametrize("protocol", [6, 17, 1, 47, 132])
@pytest.mark.parametrize("version", [4, 6])
def test_the_number_is_read_from_the_end_whatever_stands_before(version: int, protocol: int) -> None:
    packet = build(words(random.Random(3), version, protocol), 123456)
    assert number_in(packet) == 123456
    assert number_in(b"header and quotation" + packet) == 123456
    assert number_in(packet[:-1]) is None


@pytest.mark.parametrize("flags", [2, 0, 1, 3, 16, 18, 41])
@pytest.mark.parametrize("version", [4, 6])
def test_the_number_is_read_from_a_reset(version: int, flags: int) -> None:
    """RFC 9293, section 3.10.7.1: what a closed port answers."""
    number = 987654
    length = 8 + bool(flags & 2) + bool(flags & 1)
    answer = TCP(flags="R", seq=4 * number) if flags & 16 else TCP(flags="RA", seq=0, ack=4 * number + length)
    network = IP(src="192.0.2.1", dst="192.0.2.2") if version == 4 else IPv6(src="2001:db8::1", dst="2001:db8::2")
    data = bytes(40) + bytes(network / answer)
    assert number_in(data) is None
    assert number_reset(data) == number
    assert number_reset(bytes(40) + bytes(network / TCP(flags="SA", ack=4 * number + length))) is None
    assert number_reset(bytes(40) + bytes(network / UDP() / Raw(bytes(20)))) is None


@pytest.mark.parametrize(
    "wrong", [{"source": "0a"}, {"source": "zz"}, {"source_port": 65536}, {"tcp_flags": 256}, {"identity": 1 << 16}]
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, struct.error)):
        build(words(random.Random(4), 4, 6, **wrong), 1)
