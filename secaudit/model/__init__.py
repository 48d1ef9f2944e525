"""Plain frozen records that every part of secaudit shares; no I/O, no clock, no third-party imports."""
