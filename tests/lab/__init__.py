"""The lab: real hosts in network namespaces, for tests, benchmarks and play (see docs/lab.md)."""
