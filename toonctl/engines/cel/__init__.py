"""The built-in engine's parts: views of drawings, matchers, memory, whole-shot order, doubts.

May import: core, regions, models, torch, cv2. Never comes in: spec, formats, stages, pipelines.
"""
