"""Readers for what other filters than the kernel's own tables write down, and for the sets that rules refer to."""
