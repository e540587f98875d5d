"""The command line: parse arguments, call the controller, draw the answer."""
