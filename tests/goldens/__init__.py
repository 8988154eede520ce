"""Adapters of the golden runner: how each published engine computes a case of its golden set.

One file per engine, named as `engine` in `cases.json`. It holds:

    compute(name, settings, stored, cases) -> dict[str, Tensor]
        every stored tensor of case `name` that is not an input, by its stored name, computed with the
        engine's own classes at the size of `settings`; `stored` holds the case's tensors, of which only
        inputs may be used; `cases` the settings of all cases
    allowance(name, settings, tensor_name, expected) -> Tensor
        the |a - b| allowed by the README of the set: a scalar, or one value per element; 0 for integers
    RELATIVE: bool
        True where the README states errors relative to the tensor's largest magnitude
    stitch(settings) -> Mapping[str, Any]
        only where the set has `stitching.json`: the whole row that belongs to `{"input_frames": n}`

May import: all of toonctl, torch, diffusers, transformers. Never comes in: code of a published system.
"""
