"""The terminal dashboard; reads the store's query API and nothing else."""
