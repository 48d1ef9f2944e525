"""The state of IPv6 that tests of this family hand to the checks."""

from __future__ import annotations

from secaudit.checks.firewall.facts import Ipv6Stack

from secaudit.api import Evidence

ON = Ipv6Stack(True, "interfaces have IPv6 addresses", Evidence("cat /proc/net/if_inet6", 0, None, ""))
OFF = Ipv6Stack(False, "the kernel has no IPv6", Evidence("ls -1 /proc/net/", 0, None, ""))
