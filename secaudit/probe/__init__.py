"""The probe: a program of its own that builds, sends and recognises packets.

It speaks JSON lines over stdin and stdout (`protocol`), and imports the standard library and scapy only: scapy is
GPL-2.0-only and must not share a process with what the rest of secaudit imports.
"""
