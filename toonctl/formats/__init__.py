"""One file per file format, reader and writer together: pictures, layered documents, sheets, movies.

May import: core; PIL, psd_tools, cv2, imageio_ffmpeg.
Never comes in: spec (options come as arguments), stages, engines, torch, typer, rich.
"""
