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

JUMP = """\
# inbetween
[shot]
name = "jump"
rate = "24"
[[key]]
frame = 1
image = "keys/jump.0001.png"     # RGBA or RGB; `line = "..."` may give the line layer apart
[[key]]
frame = 9
image = "keys/jump.0009.png"
ease = "out"                     # optional timing of the way to this key
"""

CUP = """\
# layerpack
[shot]
name = "cup"
rate = "24"
[[key]]
frame = 1
layers = { BG = "BG.png", A = "A.0001.png", B = "B.0001.png" }   # bottom to top; or psd = "cup.0001.psd"
[[key]]
frame = 24
layers = { BG = "BG.png", A = "A.0024.png", B = "B.0024.png" }
"""

DIVE = """\
# postkey
[shot]
name = "dive"
rate = "24"
frames = "1-61"
prompt = "a boy dives, a dolphin circles him"
[[reference]]
frame = 1
image = "dive.0001.png"
[[sketch]]
frame = 31
image = "sketch.0031.png"
region = "free.0031.png"         # optional: white = left to the engine
[[sketch]]
frame = 61
image = "sketch.0061.png"
[engine]
name = "cel"
preset = "final"
"""

TEXTS = {
    "walk": ("colorize-long", FLAT),
    "cut012": ("colorize-long", LAYERED),
    "jump": ("inbetween", JUMP),
    "cup": ("layerpack", CUP),
    "dive": ("postkey", DIVE),
}
"""The shot files of the design page with their commands."""
