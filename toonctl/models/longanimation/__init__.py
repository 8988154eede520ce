"""Networks of LongAnimation: control, base with injection, memory fusion, video understanding, lines.

Around them: the sampling loop, the film's memory, and how a film falls into segments. Paper arXiv 2507.01945.

May import: core, torch, einops, diffusers, transformers. Never comes in: files, spec, formats, engines.
"""
