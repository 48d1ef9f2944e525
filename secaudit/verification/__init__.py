"""What the kernel of this machine does with packets under a ruleset, asked in throw-away network namespaces."""
