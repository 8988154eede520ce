"""Training recipes, one file each, read top to bottom, and the drawings they learn from.

May import: core, spec, formats, regions, models, metrics. Never comes in: engines, stages, pipelines, cli.
"""
