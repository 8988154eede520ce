"""How good pictures are: one file per family of measures, every one fed frame by frame.

May import: core, models; numpy, cv2, torch. Never comes in: spec, formats, regions, engines, files.
"""
