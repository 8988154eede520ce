"""Steps shared by the commands, one file each: plain functions, record in, record out.

May import: core, spec, formats, regions. Never comes in: torch, engines, models, pipelines, typer, rich.
"""
