"""`python -m secaudit` is the command line."""

from secaudit.cli.main import main

main()
