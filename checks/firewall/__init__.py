"""Packet filters: whether they stand, what they let through, and which of their rules do nothing."""

from secaudit.api import load_family

FAMILY = load_family(
    __name__,
    title="Firewall",
    modules=(
        "collect",
        "review_facts",
        "routes",
        "saved.files",
        "checks.posture",
        "checks.anomalies",
        "checks.services",
        "checks.flows",
        "checks.conventions",
        "checks.strays",
        "checks.spoofing",
        "checks.drift",
        "checks.hook_order",
        "report",
    ),
)
