"""A degraded scan never looks better: every answer of every bundle is taken away in every way, and all is judged again.

`bundles` says what hosts answered, `taken` how an answer is taken away, `judging` what must not come of it.
"""
