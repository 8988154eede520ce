"""Names in the published files of ToonComposer and Wan 2.1 against those of diffusers and transformers.

Sources: `tooncomposer.ckpt` (adapter), `diffusion_pytorch_model-*.safetensors` (base), `Wan2.1_VAE.pth`,
`models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth`, `models_t5_umt5-xxl-enc-bf16.pth`.
"""

from toonctl.models.keymaps.rules import KeyMap, Rule

_ADAPTER = "blocks.{n}.attn1.processor.adapter"

TRANSFORMER = KeyMap(
    "Wan 2.1 transformer with ToonComposer adapter",
    (
        Rule("text_embedding.0.{w}", "condition_embedder.text_embedder.linear_1.{w}"),
        Rule("text_embedding.2.{w}", "condition_embedder.text_embedder.linear_2.{w}"),
        Rule("time_embedding.0.{w}", "condition_embedder.time_embedder.linear_1.{w}"),
        Rule("time_embedding.2.{w}", "condition_embedder.time_embedder.linear_2.{w}"),
        Rule("time_projection.1.{w}", "condition_embedder.time_proj.{w}"),
        Rule("img_emb.proj.0.{w}", "condition_embedder.image_embedder.norm1.{w}"),
        Rule("img_emb.proj.1.{w}", "condition_embedder.image_embedder.ff.net.0.proj.{w}"),
        Rule("img_emb.proj.3.{w}", "condition_embedder.image_embedder.ff.net.2.{w}"),
        Rule("img_emb.proj.4.{w}", "condition_embedder.image_embedder.norm2.{w}"),
        Rule("blocks.{n}.self_attn.{p:q|k|v}.{w}", "blocks.{n}.attn1.to_{p}.{w}"),
        Rule("blocks.{n}.self_attn.o.{w}", "blocks.{n}.attn1.to_out.0.{w}"),
        Rule("blocks.{n}.self_attn.norm_{p:q|k}.weight", "blocks.{n}.attn1.norm_{p}.weight"),
        Rule("blocks.{n}.cross_attn.{p:q|k|v}.{w}", "blocks.{n}.attn2.to_{p}.{w}"),
        Rule("blocks.{n}.cross_attn.o.{w}", "blocks.{n}.attn2.to_out.0.{w}"),
        Rule("blocks.{n}.cross_attn.norm_{p:q|k}.weight", "blocks.{n}.attn2.norm_{p}.weight"),
        Rule("blocks.{n}.cross_attn.{p:k|v}_img.{w}", "blocks.{n}.attn2.add_{p}_proj.{w}"),
        Rule("blocks.{n}.cross_attn.norm_k_img.weight", "blocks.{n}.attn2.norm_added_k.weight"),
        # The norm before cross-attention: Wan counts it third, diffusers second.
        Rule("blocks.{n}.norm3.{w}", "blocks.{n}.norm2.{w}"),
        Rule("blocks.{n}.ffn.0.{w}", "blocks.{n}.ffn.net.0.proj.{w}"),
        Rule("blocks.{n}.ffn.2.{w}", "blocks.{n}.ffn.net.2.{w}"),
        Rule("blocks.{n}.modulation", "blocks.{n}.scale_shift_table"),
        Rule("head.modulation", "scale_shift_table"),
        Rule("head.head.{w}", "proj_out.{w}"),
        Rule("blocks.{n}.dera.spatial_{p:down|up}_proj.weight", f"{_ADAPTER}.{{p}}.weight"),
        *(
            Rule(f"blocks.{{n}}.dera.spatial_attn.{part}.{{w}}", f"{_ADAPTER}.{name}.{{w}}")
            for part, name in (("q", "query"), ("k", "key"), ("v", "value"), ("o", "out"))
        ),
        Rule("sequence_cond_patch_embedding.{w}", "sketch_embedding.{w}"),
        Rule("sequence_cond_identifier", "sketch_identifier"),
        Rule("sequence_cond_residual_proj.weight", "sketch_residual.weight"),
    ),
)
"""Base and adapter alike: their keys do not meet."""

_RESIDUAL = (
    ("residual.0.gamma", "norm1.gamma"),
    ("residual.2.{w}", "conv1.{w}"),
    ("residual.3.gamma", "norm2.gamma"),
    ("residual.6.{w}", "conv2.{w}"),
    ("shortcut.{w}", "conv_shortcut.{w}"),
)
_SIDE = "{side:encoder|decoder}"

VAE = KeyMap(
    "Wan 2.1 VAE",
    (
        Rule("conv1.{w}", "quant_conv.{w}"),
        Rule("conv2.{w}", "post_quant_conv.{w}"),
        Rule(f"{_SIDE}.conv1.{{w}}", "{side}.conv_in.{w}"),
        Rule(f"{_SIDE}.head.0.gamma", "{side}.norm_out.gamma"),
        Rule(f"{_SIDE}.head.2.{{w}}", "{side}.conv_out.{w}"),
        *(
            Rule(f"{_SIDE}.middle.{2 * place}.{published}", f"{{side}}.mid_block.resnets.{place}.{ours}")
            for place in (0, 1)
            for published, ours in _RESIDUAL
        ),
        Rule(f"{_SIDE}.middle.1.{{rest:.+}}", "{side}.mid_block.attentions.0.{rest}"),
        *(
            Rule(f"encoder.downsamples.{{n}}.{published}", f"encoder.down_blocks.{{n}}.{ours}")
            for published, ours in _RESIDUAL
        ),
        Rule(
            "encoder.downsamples.{n}.{rest:resample.+|time_conv.+}",
            "encoder.down_blocks.{n}.{rest}",
        ),
        # The decoder's layers stand in one list: three residual blocks and an upsampler, four times over.
        *(
            Rule(
                f"decoder.upsamples.{4 * level + place}.{published}",
                f"decoder.up_blocks.{level}.resnets.{place}.{ours}",
            )
            for level in range(4)
            for place in range(3)
            for published, ours in _RESIDUAL
        ),
        *(
            Rule(
                f"decoder.upsamples.{4 * level + 3}.{{rest:resample.+|time_conv.+}}",
                f"decoder.up_blocks.{level}.upsamplers.0.{{rest}}",
            )
            for level in range(3)
        ),
    ),
)

_LAYER = "visual.transformer.{n}"

CLIP_VISION = KeyMap(
    "CLIP ViT-H/14 image tower of Wan 2.1",
    (
        Rule("visual.patch_embedding.weight", "embeddings.patch_embedding.weight"),
        Rule("visual.cls_embedding", "embeddings.class_embedding", layout="1 1 d -> d"),
        Rule("visual.pos_embedding", "embeddings.position_embedding.weight", layout="1 n d -> n d"),
        Rule("visual.pre_norm.{w}", "pre_layrnorm.{w}"),
        Rule("visual.post_norm.{w}", "post_layernorm.{w}"),
        Rule(f"{_LAYER}.norm{{p:1|2}}.{{w}}", "encoder.layers.{n}.layer_norm{p}.{w}"),
        Rule(
            f"{_LAYER}.attn.to_qkv.{{w}}",
            tuple(f"encoder.layers.{{n}}.self_attn.{part}_proj.{{w}}" for part in "qkv"),
        ),
        Rule(f"{_LAYER}.attn.proj.{{w}}", "encoder.layers.{n}.self_attn.out_proj.{w}"),
        Rule(f"{_LAYER}.mlp.0.{{w}}", "encoder.layers.{n}.mlp.fc1.{w}"),
        Rule(f"{_LAYER}.mlp.2.{{w}}", "encoder.layers.{n}.mlp.fc2.{w}"),
        Rule("vision_model.{rest:.+}", "{rest}"),
    ),
    dropped=(
        "log_scale",
        "visual.head",
        "textual.{rest:.+}",
        "visual_projection.weight",
        "vision_model.embeddings.position_ids",
    ),
)
"""Names of transformers 5, which leaves out the `vision_model.` of its earlier files; the text tower and the
projection head are not used."""

_T5 = "encoder.block.{n}.layer"

UMT5 = KeyMap(
    "UMT5-XXL encoder of Wan 2.1",
    (
        Rule("token_embedding.weight", "shared.weight"),
        Rule("blocks.{n}.attn.{p:q|k|v|o}.weight", f"{_T5}.0.SelfAttention.{{p}}.weight"),
        Rule(
            "blocks.{n}.pos_embedding.embedding.weight",
            f"{_T5}.0.SelfAttention.relative_attention_bias.weight",
        ),
        Rule("blocks.{n}.norm1.weight", f"{_T5}.0.layer_norm.weight"),
        Rule("blocks.{n}.norm2.weight", f"{_T5}.1.layer_norm.weight"),
        Rule("blocks.{n}.ffn.gate.0.weight", f"{_T5}.1.DenseReluDense.wi_0.weight"),
        Rule("blocks.{n}.ffn.fc1.weight", f"{_T5}.1.DenseReluDense.wi_1.weight"),
        Rule("blocks.{n}.ffn.fc2.weight", f"{_T5}.1.DenseReluDense.wo.weight"),
        Rule("norm.weight", "encoder.final_layer_norm.weight"),
    ),
    dropped=("encoder.embed_tokens.weight",),
)
"""A transformers folder may hold the shared embedding a second time, under the name dropped here."""
