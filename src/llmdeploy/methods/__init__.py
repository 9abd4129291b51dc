"""Every way to meet a need, compared: cloud, on-premises, edge, hybrid, smaller models, rules, classical learning.

Pure arithmetic over the catalogue. One file is one method; `decide` puts their rows in order.
"""
