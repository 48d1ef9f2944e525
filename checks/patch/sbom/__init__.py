"""Bills of materials: what is installed on a host, for other tools."""
