"""The services that pages, API and command line share: reading, commands, principals."""
