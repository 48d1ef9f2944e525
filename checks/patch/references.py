"""Clauses of standards that speak about the patch level; identifiers only."""

from __future__ import annotations

PATCH_LEVEL = {
    "cis-v8": ["7.3", "7.4"],
    "csf-2.0": ["PR.PS-02", "ID.RA-01"],
    "iso-27001": ["A.8.8", "A.8.19"],
    "bsi": ["OPS.1.1.3"],
    "nis2": ["21(2)(e)"],
    "pci-4.0": ["6.3.3"],
    "nist-800-53": ["SI-2"],
}
SOURCES = {**PATCH_LEVEL, "nis2": ["21(2)(d)", "21(2)(e)"], "nist-800-53": ["SI-2", "SI-7"]}
END_OF_LIFE = {**PATCH_LEVEL, "cis-v8": ["2.2"]}
