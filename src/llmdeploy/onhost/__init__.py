"""What runs on the hosts beside an engine, under systemd: `python -I -m llmdeploy.onhost.<module>`.

`ready` and `drain` need nothing but the standard library, for they run at every start and stop.
"""
