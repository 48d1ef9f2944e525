"""The analysis held against the kernel: what is predicted for packets, and what was observed."""
