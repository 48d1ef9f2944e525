"""secaudit: agentless audits of maintained hosts, from transcripts to verdicts."""

__version__ = "0.1.0.dev0"
