"""The whole product against real hosts."""
