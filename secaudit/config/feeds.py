"""Feed sources from YAML. See `docs/feeds.md`."""

from __future__ import annotations

from pathlib import Path

from secaudit.config.feeds_file import FeedsFile
from secaudit.config.source import Located, read_yaml
from secaudit.config.validation import validate
from secaudit.model.feed import FeedSource, FeedSources


def load_feed_sources(path: Path) -> FeedSources:
    """Read the file that names the addresses. Raises ConfigError with every problem of it."""
    file = validate(FeedsFile, Located.of(read_yaml(path).root))
    feeds = tuple(FeedSource(feed.url, feed.name, feed.expires, feed.sha256) for feed in file.feeds)
    return FeedSources(feeds, file.mirror)
