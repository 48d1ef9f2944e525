"""Rulesets of nftables: the JSON of libnftables, and the text that `nft list ruleset` prints and `nft -f` reads."""
