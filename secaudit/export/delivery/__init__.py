"""Telling people outside: digests of changes, and the ways by which messages leave."""
