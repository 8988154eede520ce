"""How LongAnimation paints a film: its pictures, its networks one stage at a time, its segments.

May import: core, models, the shared room of diffusion engines. Never comes in: spec, formats, stages.
"""
