"""The format of a tracker file: what each key takes."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from secaudit.config.fields import Id, Maybe, SeverityWord, Text
from secaudit.config.inventory_file import Secret
from secaudit.config.validation import FileModel
from secaudit.model.severity import Severity

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _parse_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{text!r} is not the address of a tracker; write for example https://tracker.example")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError(f"{text!r} would send the credentials in the clear; write https://")
    return text.rstrip("/")


def _parse_number(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise ValueError(f"{text!r} is not an id; names change, so write the number that the tracker gives it")
    return text


Number = Annotated[str, Field(min_length=1), AfterValidator(_parse_number)]


class WorkflowFile(FileModel):
    """Ids of the tracker's own workflow; names are only taken where the tracker has labels."""

    close: Maybe[Number] = None
    """Jira: the transition that closes; Redmine and Roundup: the status of a closed issue."""
    reopen: Maybe[Number] = None
    """Jira: the transition that reopens; Redmine and Roundup: the status of an open issue."""
    closed: list[Text] = Field(default_factory=list)
    """Jira, Redmine and Roundup: further statuses that count as closed."""
    wont_fix: list[Text] = Field(default_factory=list)
    """Jira: resolutions, Redmine and Roundup: statuses, GitLab and GitHub: labels that say "nothing will be done"."""
    acknowledged: list[Text] = Field(default_factory=list)
    """Jira, Redmine and Roundup: statuses, GitLab and GitHub: labels by which somebody takes an issue."""


class PrioritiesFile(FileModel):
    """The priority of each severity: the id of a priority; for GitLab and GitHub a label."""

    critical: Maybe[Text] = None
    """For critical findings."""
    high: Maybe[Text] = None
    """For high findings."""
    medium: Maybe[Text] = None
    """For medium findings."""
    low: Maybe[Text] = None
    """For low findings."""
    info: Maybe[Text] = None
    """For findings that only inform."""


class TrackerFile(FileModel):
    """The tracker of a customer, and how findings become issues there."""

    customer: Id
    """The customer's id in the inventory."""
    tracker: Literal["jira", "gitlab", "github", "redmine", "roundup"]
    """What it is."""
    name: Maybe[Id] = None
    """A name for it, kept with every issue; the kind of tracker unless given. Changing it loses sight of the issues."""
    url: Annotated[str, AfterValidator(_parse_url)]
    """Its address; https, except on this machine. GitHub's is https://api.github.com."""
    api: Literal[2, 3] = 2
    """Jira: version of its REST interface, 3 for the Cloud."""
    project: Text
    """Jira: key, GitLab: path or number, GitHub: owner/name, Redmine: identifier, Roundup: any word."""
    user: Maybe[Text] = None
    """Who logs in with a password or token (Jira Cloud, Roundup); left out, the secret is a token of its own."""
    secret: Secret
    """Where the token or password comes from."""
    minimum: SeverityWord = Severity.HIGH
    """The least severity that gets an issue."""
    group: Literal["finding", "control", "host"] = "finding"
    """One issue for each finding; or `control`: for a control and its subject (a package …) on all hosts; or `host`:
    for a control on one host with all its subjects (all updates of a machine)."""
    evidence: bool = True
    """Whether issues show (redacted) excerpts of what hosts answered; everybody who may read the issue sees them."""
    markup: Literal["textile", "markdown"] = "textile"
    """Redmine: how it formats texts, see its settings."""
    issue_type: Maybe[Text] = None
    """Jira: issue type (Bug unless given); Redmine: tracker id."""
    labels: Annotated[list[Text], Field(min_length=1)] = Field(default_factory=lambda: ["secaudit"])
    """Labels of created issues; the first one finds them again."""
    assignee: Maybe[Text] = None
    """Who gets created issues, as the tracker's interface names people."""
    priorities: PrioritiesFile = Field(default_factory=PrioritiesFile)
    """Priorities by severity."""
    close_after: Annotated[int, Field(ge=1, le=100)] = 2
    """After how many complete scans without the finding its issue is closed."""
    workflow: WorkflowFile = Field(default_factory=WorkflowFile)
    """Ids of the workflow."""
    ca_file: Maybe[Text] = None
    """Certificates that the tracker's is verified against, instead of the system's."""
    timeout: Annotated[int, Field(ge=1, le=300)] = 30
    """Seconds for each step of a request."""

    @model_validator(mode="after")
    def _complete(self) -> TrackerFile:
        if self.tracker in ("jira", "redmine", "roundup") and not (self.workflow.close and self.workflow.reopen):
            raise ValueError(f"{self.tracker} needs workflow.close and workflow.reopen: ids of its own workflow")
        if self.tracker == "github" and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.project, re.ASCII):
            raise ValueError(f"the project {self.project!r} is not written owner/name")
        if self.tracker == "roundup" and not self.user:
            raise ValueError("roundup needs the user who logs in")
        if self.tracker != "jira" and "api" in self.model_fields_set:
            raise ValueError("only Jira has versions to choose by api")
        if self.tracker != "redmine" and "markup" in self.model_fields_set:
            raise ValueError("only Redmine has a markup to choose")
        return self
