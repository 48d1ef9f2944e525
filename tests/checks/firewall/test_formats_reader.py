"""Each format is recognised by its beginning and read as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from secaudit.checks.firewall.readers.loading import RulesetFormat, load

from tests.checks.firewall.reading import SHARED, sample

BEGINNINGS = {
    "aws": '{\n "SecurityGroups": [\n  {"GroupId": "sg-1", "IpPermissions": [], "IpPermissionsEgress": []}\n ]\n}\n',
    "fortigate": '#config-version=FG100F-7.2.5\nconfig system global\n    set hostname "fw"\nend\n',
    "nft": "#!/usr/sbin/nft -f\n\nflush ruleset\n\ntable inet aws {\n}\n",
    "opnsense": '<?xml version="1.0"?>\n<opnsense>\n<filter/>\n</opnsense>\n',
    "pfsense": '<?xml version="1.0"?>\n<pfsense>\n<filter/>\n</pfsense>\n',
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_file_is_recognised_by_its_beginning(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(BEGINNINGS[name])
    labels = [table.name for table in load([path]).ruleset.tables]
    assert labels == ["aws" if name == "nft" else name]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("aws_SecurityGroups.json", RulesetFormat.AWS),
        ("flatshare_nft-ruleset.nft", RulesetFormat.NFT),
        ("fortios_firewall_policy.conf", RulesetFormat.FORTIGATE),
        ("nft_nat_addr_port_dump.nft", RulesetFormat.NFT),
        ("pfsense_config.xml", RulesetFormat.PFSENSE),
    ],
)
def test_samples_are_recognised_and_read_alike(name: str, format: RulesetFormat) -> None:
    sample(name)
    assert load([SHARED / name]) == load([SHARED / name], format)
