"""Exact sets of packets: regions, boxes, what conditions mean as sets, and chains as places that packets meet."""
