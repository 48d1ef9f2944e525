"""Clauses of standards that speak about backups; identifiers only."""

from __future__ import annotations

BACKUP_FRESHNESS = {
    "cis-v8": ["11.2"],
    "csf-2.0": ["PR.DS-11", "RC.RP-03"],
    "iso-27001": ["A.8.13"],
    "bsi": ["CON.3"],
    "nis2": ["21(2)(c)"],
    "nist-800-53": ["CP-9"],
}
