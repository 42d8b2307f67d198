"""The two PyTorch files of speech synthesis: flow.pt with flow.yaml, and hift.pt."""
import numpy as np

FLOW = {"input_size": 64, "output_size": 80, "spk_embed_dim": 192, "vocab_size": 6561}
ENCODER = {"input_size": 64, "output_size": 64, "pre_lookahead_len": 3, "num_blocks": 2, "num_up_blocks": 2, "up_stride": 2,
           "up_scale_factor": 2, "attention_heads": 2, "key_bias": True, "linear_units": 160}
ESTIMATOR = {"in_channels": 320, "out_channels": 80, "mlp_ratio": 2.0, "depth": 2, "num_heads": 2, "head_dim": 16,
             "hidden_size": 32}
FREQUENCIES = 256
CLASSES = {"flow": "cosyvoice2.flow.flow.CausalMaskedDiffWithXvec",
           "encoder": "cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2",
           "decoder": "cosyvoice2.flow.flow_matching.CausalConditionalCFM", "estimator": "cosyvoice2.flow.decoder_dit.DiT"}

VOCODER_WIDTH, F0_WIDTH, HARMONICS, SOURCE_BINS, MELS = 32, 24, 9, 18, 80
UPS = ((16, 30), (11, 6), (7, 1))  # kernels: of the transposed convolution, of the source's convolution
RESIDUAL_KERNELS, SOURCE_KERNELS, DILATIONS = (3, 7, 11), (7, 7, 11), 3


def flow_yaml():
    lines = [f"flow: !new:{CLASSES['flow']}"]
    lines += entries(FLOW, 1) + ["    output_type: 'mel'", f"    encoder: !new:{CLASSES['encoder']}"]
    lines += entries(ENCODER, 2) + ["        input_layer: 'linear'", "        pos_enc_layer_type: 'rel_pos_espnet'",
                                    "        selfattention_layer_type: 'rel_selfattn'", "        dropout_rate: 0.1",
                                    "        positional_dropout_rate: 0.1", "        attention_dropout_rate: 0.1",
                                    "        normalize_before: True", f"    decoder: !new:{CLASSES['decoder']}",
                                    "        inference_cfg_rate: 0.7", f"        estimator: !new:{CLASSES['estimator']}"]
    return "\n".join(lines + entries(ESTIMATOR, 3)) + "\n"


def entries(values, depth):
    return [f"{'    ' * depth}{key}: {value}" for key, value in values.items()]


def flow_tensors(draw, shapes):
    """adaLN is drawn small but not zero, as a freshly made network would have it: its output would be zero."""
    shapes = {name: tuple(FREQUENCIES if isinstance(extent, str) else extent for extent in shape)
              for name, shape in shapes.items()}
    made = draw.tensors(shapes, gains=(("adaLN_modulation", 0.4), ("encoder_proj", 1.5), ("final_layer.linear", 0.7)))
    made["encoder_proj.bias"] -= 4.0  # log-mels are mostly below zero
    return made


def vocoder_tensors(draw):
    """Weight norm as torch keeps it, the keys below `generator.` as the published file has some."""
    made, width = {}, VOCODER_WIDTH
    normed(made, draw, "conv_pre", (width, MELS, 7), gain=0.3)
    for up, (kernel, source_kernel) in enumerate(UPS):
        before, width = width, width // 2
        normed(made, draw, f"ups.{up}", (before, width, kernel), gain=1.5, outputs=width)
        plain(made, draw, f"source_downs.{up}", (width, SOURCE_BINS, source_kernel))
        residual_block(made, draw, f"source_resblocks.{up}", width, SOURCE_KERNELS[up])
        for place, residual_kernel in enumerate(RESIDUAL_KERNELS):
            residual_block(made, draw, f"resblocks.{up * len(RESIDUAL_KERNELS) + place}", width, residual_kernel)
    normed(made, draw, "conv_post", (SOURCE_BINS, width, 7), gain=0.4)
    made["conv_post.bias"][:SOURCE_BINS // 2] -= 1.2  # magnitudes are exponentials: keeps the sound quiet
    plain(made, draw, "m_source.l_linear", (1, HARMONICS))
    inside = MELS
    for layer in range(0, 10, 2):
        normed(made, draw, f"f0_predictor.condnet.{layer}", (F0_WIDTH, inside, 3), gain=0.3 if layer == 0 else 1.5)
        inside = F0_WIDTH
    # Low, and sometimes unvoiced: the phase of a high F0 has few digits left in float32.
    made["f0_predictor.classifier.weight"] = draw.normal((1, F0_WIDTH), 10.0 / np.sqrt(F0_WIDTH))
    made["f0_predictor.classifier.bias"] = np.asarray([20.0], np.float32)
    return {f"generator.{name}": array for name, array in made.items()}


def residual_block(made, draw, at, width, kernel):
    for dilation in range(DILATIONS):
        for half in (1, 2):
            normed(made, draw, f"{at}.convs{half}.{dilation}", (width, width, kernel), gain=0.5)
            made[f"{at}.activations{half}.{dilation}.alpha"] = draw.uniform((width,), 0.5, 1.5)


def plain(made, draw, at, shape):
    made[f"{at}.weight"] = draw.normal(shape, 1 / np.sqrt(np.prod(shape[1:])))
    made[f"{at}.bias"] = draw.normal(shape[:1], 0.05)


def normed(made, draw, at, shape, gain, outputs=None):
    """original0 holds the lengths, original1 the directions, whose own lengths do not matter."""
    directions = draw.normal(shape, 1.0)
    lengths = gain * draw.uniform((shape[0], 1, 1), 0.8, 1.2)
    if outputs is not None:  # transposed: a row is what one input channel adds to all outputs
        lengths *= np.sqrt(outputs / shape[0] * shape[2] / 2).astype(np.float32)
    made[f"{at}.parametrizations.weight.original0"] = lengths.astype(np.float32)
    made[f"{at}.parametrizations.weight.original1"] = directions
    made[f"{at}.bias"] = draw.normal((outputs or shape[0],), 0.05)
