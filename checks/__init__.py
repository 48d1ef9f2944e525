"""The families of checks that ship with secaudit; each folder is a complete plugin."""
