"""Whose things are shown: everybody's, a customer's, or a host's. The scope follows from screen to screen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """`host` is set only together with `customer`; `name` is how people call the customer."""

    customer: str | None = None
    host: str | None = None
    name: str = ""

    def of_customer(self, customer: str, name: str = "") -> Scope:
        """One customer."""
        return Scope(customer, None, name or customer)

    def of_host(self, customer: str, host: str, name: str = "") -> Scope:
        """One host."""
        return Scope(customer, host, name or customer)

    @property
    def up(self) -> Scope:
        """One level wider; everything is its own upper level."""
        return Scope(self.customer, None, self.name) if self.host is not None else Scope()

    @property
    def trail(self) -> tuple[str, ...]:
        """The levels from the widest, for the breadcrumb."""
        levels = ("all customers", self.name or self.customer, self.host)
        return tuple(level for level in levels if level)
