"""toonctl: a 2D animation studio's command-line tool for coloring, inbetweening and layered delivery."""

__version__ = "0.1.0"
