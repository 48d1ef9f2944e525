"""YAML that people write → model. Every error names file:line:column and what would be right."""
