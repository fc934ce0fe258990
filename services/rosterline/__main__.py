"""`python -m rosterline`: the command."""

from rosterline.launch.cli import main

main()
