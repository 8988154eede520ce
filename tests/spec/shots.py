"""Shot files for the tests of `spec` and `cli`."""

FLAT = """\
# colorize-long, flat sequence
[shot]
name = "walk"
rate = "24"                      # fraction or studio spelling; see production.md 3
[art]
line = "line/walk.####.png"      # black on white, or transparent; gray, RGB or RGBA
[[reference]]
frame = 1
image = "color/walk.0001.png"
"""

LAYERED = """\
# colorize-long, cels from a PSD with an exposure sheet
[shot]
name = "cut012"
rate = "24"
[art]
psd = "cut012_keys.psd"          # animation-folder form; drawings by number
sheet = "cut012.xdts"            # or .csv, or exposure = { A = "1x6 2x6" }
[[reference]]
psd = "cut012_0001.psd"          # still form: roles by layer name
drawings = { A = "1", B = "2" }
[output]
movies = ["prores4444"]
psd = true
"""
