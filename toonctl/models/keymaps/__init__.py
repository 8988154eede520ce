"""Names of published weights against ours: one file of rules per published checkpoint, as data.

May import: core, torch, einops. Never comes in: networks, files, spec, formats, stages, engines.
"""
