"""The command line; each command is a file, imported when it is called."""
