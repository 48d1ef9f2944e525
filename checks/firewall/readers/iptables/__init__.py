"""Rulesets of iptables and ip6tables, as iptables-save prints them."""
