"""Networks only: tensors in, tensors out; strict loading of checkpoints.

May import: core, torch, einops, diffusers, peft, safetensors. Never comes in: spec, formats, stages, engines.
"""
