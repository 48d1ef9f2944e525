"""Family `firewall`."""

from secaudit.api import load_family

FAMILY = load_family(
    __name__,
    title="Firewall",
    modules=(
        "collect",
        "review_facts",
        "routes",
        "saved_files",
        "checks",
        "review",
        "conventions",
        "report",
        "strays",
        "spoofing",
        "drift",
        "hook_order",
        "order",
    ),
)
