"""What the user wrote, checked: shot file, presets, site file; the only home of default values.

May import: core, pydantic, platformdirs. Never comes in: formats, torch, typer, rich.
"""
