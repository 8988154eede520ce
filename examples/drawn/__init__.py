"""The art of the examples as code: a drawing sheet (`pencil`), the figures and their motion.

May import: numpy, cv2, PIL, psd_tools. Never comes in: toonctl (the examples are what it is tried on).
"""
