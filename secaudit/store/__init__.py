"""The store: every run, transcript, result and finding, in SQLite or PostgreSQL.

The only package that imports SQLAlchemy; whoever needs a store imports this package when it needs it.
"""

from secaudit.store.chain import Breach, ChainHead, ChainVerdict
from secaudit.store.connect import default_url
from secaudit.store.customer_view import CustomerView
from secaudit.store.errors import StoreError
from secaudit.store.lifecycle import Finding
from secaudit.store.records import (
    CustomerOverview,
    FindingFilter,
    FindingState,
    HostName,
    HostOverview,
    Occurrence,
    RunOverview,
    Tally,
)
from secaudit.store.store import Store, open_store

__all__ = [
    "Breach",
    "ChainHead",
    "ChainVerdict",
    "CustomerOverview",
    "CustomerView",
    "Finding",
    "FindingFilter",
    "FindingState",
    "HostName",
    "HostOverview",
    "Occurrence",
    "RunOverview",
    "Store",
    "StoreError",
    "Tally",
    "default_url",
    "open_store",
]
