"""The command line: the only place that puts the parts together; a file per command group, imported when called."""
