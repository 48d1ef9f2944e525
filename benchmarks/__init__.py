"""Measurements that anyone can repeat: `make bench`. Ratios against peers and floors in one run, never timed tests."""
