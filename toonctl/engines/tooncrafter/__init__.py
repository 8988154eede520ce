"""ToonCrafter's parts: planned windows, canvas and tiles, networks on the card, mattes, latents watched.

May import: core, models, engines/diffusion, torch, cv2. Never comes in: spec, formats, stages, pipelines.
"""
