"""The format of a contract file: what each key takes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from secaudit.config.contract_availability import AvailabilityFile
from secaudit.config.contract_calendar import parse_country, parse_rrule, refuse_unknown_subdivision
from secaudit.config.contract_fields import (
    Balance,
    Day,
    Hours,
    Minute,
    Money,
    OpenDay,
    Openings,
    Promise,
    SomeHours,
    SomeTime,
    Span,
    Timezone,
    Weekdays,
    target_of,
    weekdays_of,
)
from secaudit.config.fields import Id, Maybe, SeverityWord, Text, Texts
from secaudit.config.validation import FileModel

SCHEMA = "secaudit.contract/1"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_MAIL = re.compile(r"[^@\x00-\x20\x7f<>,;]+@[^@\x00-\x20\x7f<>,;]+")


def _matching(pattern: re.Pattern[str], what: str) -> tuple[AfterValidator, WithJsonSchema]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not {what}")
        return text

    return AfterValidator(parse), WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$"})


def _readable(colour: str) -> str:
    """Refuse a colour in which text on white could not be read: contrast by WCAG 2.2, success criterion 1.4.3."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    contrast = 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    if contrast < LEAST_CONTRAST:
        raise ValueError(
            f"{colour!r} has a contrast of {contrast:.2f} to white; it needs {LEAST_CONTRAST}, so take a darker one"
        )
    return colour


LEAST_CONTRAST = 4.5
Colour = Annotated[str, *_matching(_COLOUR, 'a colour; write for example "#1d4ed8"'), AfterValidator(_readable)]
Currency = Annotated[str, *_matching(_CURRENCY, "a currency of ISO 4217; write for example EUR")]
Mail = Annotated[str, *_matching(_MAIL, "a mail address")]
Count = Annotated[int, Field(ge=0, le=100_000)]


class CustomerFile(FileModel):
    """Whose contract it is."""

    id: Id
    """The customer's id in the inventory."""
    name: Text
    """The name as reports show it."""
    number: Text = "-"
    """The contract's number."""


class ValidFile(FileModel):
    """When the contract is in force."""

    since: Day = Field(alias="from")
    """The first day."""
    until: Maybe[Day] = None
    """The last day; left out, it goes on."""
    notice_days: Count = 0
    """Days of notice before the end."""

    @model_validator(mode="after")
    def _forwards(self) -> ValidFile:
        if self.until is not None and self.until < self.since:
            raise ValueError(f"the contract ends on {self.until}, before it begins on {self.since}")
        return self


class ExtraDayFile(FileModel):
    """A day with hours of its own."""

    date: Day
    """Which day."""
    hours: Openings = Field(default_factory=list)
    """When business is open; closed unless given."""


class HolidaysFile(FileModel):
    """Days on which business is closed or shorter."""

    country: Maybe[Annotated[str, AfterValidator(parse_country)]] = None
    """ISO 3166-1 code of the country whose public holidays are closed, for example DE."""
    subdivision: Maybe[Text] = None
    """The region whose holidays count too, for example BY."""
    extra: list[Day | ExtraDayFile] = Field(default_factory=list)
    """Further closed days, or days with `hours` of their own; they outrank weekday and holiday."""
    ics: Texts = Field(default_factory=list)
    """iCalendar files (.ics) whose all-day events are closed days, relative to this file; `extra` outranks them."""

    @model_validator(mode="after")
    def _known(self) -> HolidaysFile:
        refuse_unknown_subdivision(self.country, self.subdivision)
        return self


class WindowFile(FileModel):
    """A planned maintenance window that comes back."""

    rrule: Annotated[str, AfterValidator(parse_rrule)]
    """The rule of RFC 5545 that chooses the days, for example FREQ=MONTHLY;BYDAY=1SU."""
    start: Minute
    """When it begins on such a day."""
    minutes: Annotated[int, Field(ge=1, le=7 * 1440)]
    """How long it lasts."""
    announce_days: Count = 0
    """How many days before the customer is told."""


class CalendarFile(FileModel):
    """When business hours are."""

    timezone: Timezone
    """The IANA time zone of all days and times in this contract."""
    hours: Annotated[dict[Weekdays, OpenDay], Field(min_length=1)]
    """Openings by weekday or range of weekdays."""
    holidays: HolidaysFile = Field(default_factory=HolidaysFile)
    """Days that are closed or shorter."""
    maintenance_windows: list[WindowFile] = Field(default_factory=list)
    """Planned windows."""
    maintenance_ics: Texts = Field(default_factory=list)
    """iCalendar files (.ics) whose events are planned windows, relative to this file."""

    @model_validator(mode="after")
    def _once(self) -> CalendarFile:
        seen: dict[int, str] = {}
        for text, openings in self.hours.items():
            for weekday in weekdays_of(text):
                if weekday in seen:
                    raise ValueError(f"hours: {text!r} and {seen[weekday]!r} name the same weekday")
                seen[weekday] = text
            if not openings:
                raise ValueError(f"hours: {text!r} has no opening; leave closed days out")
        return self


class TargetFile(FileModel):
    """A promised time."""

    time: Promise
    """`30m`, `4h`, `30d`, or `5bd` for business days."""
    clock: Maybe[Literal["real", "business", "calendar"]] = None
    """real (always), business (in business hours) or calendar (whole days). By default real for minutes and hours,
    calendar for days, business for business days."""

    @model_validator(mode="after")
    def _fitting(self) -> TargetFile:
        target_of(self.time, self.clock)
        return self


class PriorityFile(FileModel):
    """A class of findings and what is promised for it."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["response"]}, {"required": ["remediation"]}]})

    severities: Annotated[list[SeverityWord], Field(min_length=1)] = Field(alias="from")
    """The severities of the findings that belong to it."""
    response: Maybe[TargetFile] = None
    """Until somebody acknowledges a finding."""
    remediation: Maybe[TargetFile] = None
    """Until a complete scan proves that it is gone."""

    @model_validator(mode="after")
    def _promises(self) -> PriorityFile:
        if self.response is None and self.remediation is None:
            raise ValueError("a priority needs response, remediation or both")
        return self


class SlaFile(FileModel):
    """How clocks are judged."""

    warn_at: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """The share of the time after which a clock warns."""
    grace: Maybe[Span] = None
    """What passes after the deadline before it counts as broken."""
    enforce_from: Maybe[Day] = None
    """Findings from before this day are not measured; the contract's first day unless given."""
    reopen: Literal["restart", "continue"] = "restart"
    """What a finding that comes back does to its clocks."""
    pause_reasons: list[Id] = Field(default_factory=list)
    """The reasons for which a clock may be paused."""
    max_pause: Maybe[Span] = None
    """How long a finding may be paused at most, all its pauses together; 30d unless given."""


class WaiversFile(FileModel):
    """Rules for waivers."""

    max_days: Annotated[int, Field(ge=1, le=365)] = 365
    """How long a waiver may last."""
    require: list[Literal["owner", "reason", "expires", "approver", "compensation", "start"]] = Field(
        default_factory=list
    )
    """What a waiver must name beside owner, reason and expires, which it always must."""


class BackupRuleFile(FileModel):
    """The least numbers of copies, media, copies elsewhere, immutable copies, and errors allowed."""

    copies: Count = 3
    """Copies, the original included."""
    media: Count = 2
    """Different media."""
    offsite: Count = 1
    """Copies at another place."""
    immutable: Count = 1
    """Copies that nobody can change."""
    errors: Count = 0
    """Errors allowed when restores are tested."""


class CopyFile(FileModel):
    """One copy of a dataset."""

    tool: Id
    """What makes it: restic, borg, pgbackrest …"""
    place: Id
    """Where it lies: onsite, offsite, cloud …"""
    immutable: bool = False
    """Whether nobody can change it before its time."""
    stanza: Maybe[Text] = None
    """The stanza of pgbackrest."""
    repo_ref: Maybe[Text] = None
    """The repository's name in the baselines."""
    job: Maybe[Text] = None
    """The job's name in the tool."""
    host: Maybe[Id] = None
    """The host on which it is looked at, for a copy that another host than the dataset's sees."""


class RestoreTestFile(FileModel):
    """Proof that a restore works."""

    every: SomeTime
    """How often it is tested."""
    evidence: Text
    """Files that record the tests, relative to this file; may hold wildcards."""


class DatasetFile(FileModel):
    """Data under backup."""

    name: Id
    """Its name; unique in this contract."""
    host: Id
    """The host that it lives on; only scans of it prove its copies."""
    match: dict[Id, Text] = Field(default_factory=dict)
    """What finds its backups in a tool."""
    rpo: Span
    """How much work may be lost."""
    rto: Maybe[Span] = None
    """How long a restore may take."""
    retention: dict[Literal["hourly", "daily", "weekly", "monthly", "yearly"], Count] = Field(default_factory=dict)
    """How many backups of each kind are kept."""
    copies: list[CopyFile] = Field(default_factory=list)
    """The copies that are promised."""
    restore_test: Maybe[RestoreTestFile] = None
    """Proof that a restore works."""


class BackupFile(FileModel):
    """Promised backups."""

    rule: BackupRuleFile = Field(default_factory=BackupRuleFile)
    """The 3-2-1-1-0 rule."""
    datasets: list[DatasetFile] = Field(default_factory=list)
    """What is under backup."""


class CarryFile(FileModel):
    """What becomes of unused hours."""

    cap: Maybe[Hours] = None
    """The most hours that are carried; no limit unless given."""
    expires_months: Annotated[int, Field(ge=1, le=120)]
    """How many months they stay after their own."""


class ConvertFile(FileModel):
    """Unused hours that become time for development."""

    to: Literal["development"] = "development"
    """What they become."""
    factor: Annotated[float, Field(gt=0, le=10)] = 1.0
    """They are multiplied with this."""
    after_months: Annotated[int, Field(ge=0, le=120)] = 1
    """How many months after their own, at the month's end."""
    round: SomeHours = 15
    """The outcome is rounded down to steps of these hours."""
    expires_months: Maybe[Annotated[int, Field(ge=1, le=120)]] = None
    """How many months they last; until the contract's end unless given."""


class ResourcesFile(FileModel):
    """Hours of work that are included."""

    unit: Literal["hours"] = "hours"
    """What the numbers count."""
    included: Hours
    """How much each period includes."""
    period: Literal["month"] = "month"
    """The period."""
    carry: Maybe[CarryFile] = None
    """What becomes of unused hours; without it they are lost at the month's end."""
    convert: Maybe[ConvertFile] = None
    """Unused hours become time for development."""
    opening: Maybe[Balance] = None
    """What the contract before left over, there from the first day on; none unless given."""
    ledger: Text
    """The CSV file with the work that was done, relative to this file."""


class CostFile(FileModel):
    """The price of a service."""

    service: Id
    """The name of the service."""
    title: Maybe[Text] = None
    """What the customer reads instead of the name."""
    per: Literal["month", "quarter", "year", "hour"]
    """What the price is for."""
    amount: Money
    """The price, in quotes."""
    currency: Currency
    """ISO 4217 code."""


class ReportFile(FileModel):
    """The customer's report."""

    language: Literal["de", "en"] = "en"
    """The language."""
    formats: Maybe[Annotated[list[Literal["html", "pdf"]], Field(min_length=1)]] = None
    """What is written; html unless given."""
    recipients: list[Mail] = Field(default_factory=list)
    """Who gets it."""
    day: Annotated[int, Field(ge=1, le=31)] = 1
    """The day of the following month on which it is due; in a shorter month its last day."""
    sign: Maybe[Literal["ed25519"]] = None
    """That it is signed: without a key no monthly report is written."""
    logo: Maybe[Text] = None
    """The customer's logo: a PNG, relative to this file."""
    colour: Maybe[Colour] = None
    """The customer's colour."""


class ContractFile(FileModel):
    """The contract of one customer."""

    schema_: Literal["secaudit.contract/1"] = Field(alias="schema")
    """The version of this format."""
    customer: CustomerFile
    """Whose contract it is."""
    valid: ValidFile
    """When it is in force."""
    calendar: CalendarFile
    """When business hours are."""
    priorities: Annotated[dict[Text, PriorityFile], Field(min_length=1)]
    """Classes of findings, the most urgent first."""
    sla: SlaFile = Field(default_factory=SlaFile)
    """How clocks are judged."""
    waivers: WaiversFile = Field(default_factory=WaiversFile)
    """Rules for waivers."""
    availability: list[AvailabilityFile] = Field(default_factory=list)
    """Promised availability."""
    backup: Maybe[BackupFile] = None
    """Promised backups."""
    resources: Maybe[ResourcesFile] = None
    """Hours of work that are included."""
    costs: list[CostFile] = Field(default_factory=list)
    """Prices of services."""
    report: ReportFile = Field(default_factory=ReportFile)
    """The customer's report."""
