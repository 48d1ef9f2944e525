"""What exact analysis finds in the packet filter of a host."""

from __future__ import annotations

from dataclasses import dataclass

from secaudit.api import Answers, Unproven, UnprovenKind, collector

from .analysis.anomalies import Anomalies, find_anomalies
from .analysis.published import Published, published
from .analysis.reach import Reachability
from .facts import Firewall
from .rules.matches import PacketFamily
from .sets.expansion import TooManyPlacesError
from .sets.regions import TooManyRegionsError


@dataclass(frozen=True, slots=True)
class Review:
    """Rules that do nothing or contradict each other."""

    anomalies: Anomalies


@dataclass(frozen=True, slots=True)
class Exposure:
    """Who reaches which service, by family; each answers for any port."""

    reachability: tuple[tuple[PacketFamily, Reachability], ...]


@dataclass(frozen=True, slots=True)
class Translations:
    """Services that address translation publishes."""

    published: tuple[Published, ...]


@collector(Review, (), uses=(Firewall,))
def review(answers: Answers) -> Review:
    """The anomalies of the running ruleset."""
    return Review(find_anomalies(answers.facts[Firewall].ruleset))


@collector(Exposure, (), uses=(Firewall,))
def exposure(answers: Answers) -> Exposure:
    """The packet sets that the input hook accepts. Raises `Unproven` when there would be too many."""
    ruleset = answers.facts[Firewall].ruleset
    try:
        return Exposure(tuple((family, Reachability(ruleset, family)) for family in PacketFamily))
    except (TooManyPlacesError, TooManyRegionsError) as error:
        reason = "the chains lead to each other too often to be followed"
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, ()) from error


@collector(Translations, (), uses=(Firewall,))
def translations(answers: Answers) -> Translations:
    """The rules that translate destinations, with a packet for each. Raises `Unproven` when there are too many."""
    ruleset = answers.facts[Firewall].ruleset
    try:
        return Translations(tuple(found for family in PacketFamily for found in published(ruleset, family)))
    except TooManyPlacesError as error:
        reason = "the chains that translate lead to each other too often to be followed"
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, ()) from error
