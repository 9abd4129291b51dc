"""The command line: one small file per verb, which parses, calls a step and prints. Nothing else imports click."""
