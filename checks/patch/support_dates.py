"""Until when distributions support their releases: the table that ships with the family.

The dates are those that the distributions announced; on the day of review they agreed with the sources named below.
"""

from __future__ import annotations

from datetime import date

from .facts import NewestMinor, ReleaseSupport, SupportDates

_ELS = "Red Hat Extended Life Cycle Support"
_PRO = "Ubuntu Pro (ESM)"
_LTS = "Debian LTS"

_RELEASES = (
    ReleaseSupport("debian", "9", date(2020, 7, 18), date(2022, 6, 30), _LTS),
    ReleaseSupport("debian", "10", date(2022, 9, 10), date(2024, 6, 30), _LTS),
    ReleaseSupport("debian", "11", date(2024, 8, 14), date(2026, 8, 31), _LTS),
    ReleaseSupport("debian", "12", date(2026, 7, 11), date(2028, 6, 30), _LTS),
    ReleaseSupport("debian", "13", date(2028, 8, 9), date(2030, 6, 30), _LTS),
    ReleaseSupport("ubuntu", "16.04", date(2021, 4, 30), date(2026, 4, 23), _PRO, subscription=True),
    ReleaseSupport("ubuntu", "18.04", date(2023, 5, 31), date(2028, 4, 26), _PRO, subscription=True),
    ReleaseSupport("ubuntu", "20.04", date(2025, 5, 29), date(2030, 4, 23), _PRO, subscription=True),
    ReleaseSupport("ubuntu", "22.04", date(2027, 6, 1), date(2032, 4, 21), _PRO, subscription=True),
    ReleaseSupport("ubuntu", "24.04", date(2029, 5, 31), date(2034, 4, 25), _PRO, subscription=True),
    ReleaseSupport("ubuntu", "26.04", date(2031, 5, 29), date(2036, 4, 23), _PRO, subscription=True),
    ReleaseSupport("centos", "7", date(2024, 6, 30)),
    ReleaseSupport("centos", "8", date(2024, 5, 31)),
    ReleaseSupport("centos", "9", date(2027, 5, 31)),
    ReleaseSupport("rhel", "7", date(2024, 6, 30), date(2029, 5, 31), _ELS, subscription=True),
    ReleaseSupport("rhel", "8", date(2029, 5, 31), date(2033, 5, 31), _ELS, subscription=True),
    ReleaseSupport("rhel", "9", date(2032, 5, 31), date(2036, 5, 31), _ELS, subscription=True),
    ReleaseSupport("rhel", "10", date(2035, 5, 31), date(2039, 5, 31), _ELS, subscription=True),
    ReleaseSupport("almalinux", "8", date(2029, 5, 31)),
    ReleaseSupport("almalinux", "9", date(2032, 5, 31)),
    ReleaseSupport("almalinux", "10", date(2035, 5, 31)),
    ReleaseSupport("rocky", "8", date(2029, 5, 31)),
    ReleaseSupport("rocky", "9", date(2032, 5, 31)),
    ReleaseSupport("rocky", "10", date(2035, 5, 31)),
    ReleaseSupport("alpine", "3.16", date(2024, 5, 23)),
    ReleaseSupport("alpine", "3.17", date(2024, 11, 22)),
    ReleaseSupport("alpine", "3.18", date(2025, 5, 9)),
    ReleaseSupport("alpine", "3.19", date(2025, 11, 1)),
    ReleaseSupport("alpine", "3.20", date(2026, 4, 1)),
    ReleaseSupport("alpine", "3.21", date(2026, 11, 1)),
    ReleaseSupport("alpine", "3.22", date(2027, 5, 1)),
    ReleaseSupport("alpine", "3.23", date(2027, 11, 1)),
    ReleaseSupport("alpine", "3.24", date(2028, 6, 1)),
)

# Rebuilds of Red Hat's distribution support a minor release until the next one is out; Red Hat itself does for hosts
# without a subscription to extended updates. 8.10 is the last one of its major release.
_NEWEST = {
    ("rhel", "8"): NewestMinor(10, date(2024, 5, 22), final=True),
    ("rhel", "9"): NewestMinor(8, date(2026, 5, 20)),
    ("rhel", "10"): NewestMinor(2, date(2026, 5, 20)),
    ("almalinux", "8"): NewestMinor(10, date(2024, 5, 28), final=True),
    ("almalinux", "9"): NewestMinor(8, date(2026, 5, 26)),
    ("almalinux", "10"): NewestMinor(2, date(2026, 5, 26)),
    ("rocky", "8"): NewestMinor(10, date(2024, 5, 31), final=True),
    ("rocky", "9"): NewestMinor(8, date(2026, 5, 28)),
    ("rocky", "10"): NewestMinor(2, date(2026, 5, 29)),
}

# Extended Update Support; minor releases of odd numbers have none from 8.3 on.
_EXTENDED_MINORS = {
    ("rhel", "8.1"): date(2021, 11, 30),
    ("rhel", "8.2"): date(2022, 4, 30),
    ("rhel", "8.4"): date(2023, 5, 31),
    ("rhel", "8.6"): date(2024, 5, 31),
    ("rhel", "8.8"): date(2025, 5, 31),
    ("rhel", "9.0"): date(2024, 5, 31),
    ("rhel", "9.2"): date(2025, 5, 31),
    ("rhel", "9.4"): date(2026, 4, 30),
    ("rhel", "9.6"): date(2027, 5, 31),
    ("rhel", "10.0"): date(2027, 5, 31),
}

SUPPORT_DATES = SupportDates(
    reviewed=date(2026, 11, 24),
    sources=("distro-info-data 0.58+deb12u7", "endoflife.date of 2026-08-22"),
    releases={(support.distribution, support.release): support for support in _RELEASES},
    newest_on=date(2026, 8, 22),
    newest=_NEWEST,
    extended_minors=_EXTENDED_MINORS,
)
