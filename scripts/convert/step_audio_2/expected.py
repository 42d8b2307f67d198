"""The names and shapes that a checkpoint's sizes imply, and the list of what does not fit them.

An extent is a number where a config file tells it, and a letter where only the tensors do: the first tensor that has it says
what it stands for, the others must agree."""
import dataclasses
import re


class Mismatch(ValueError):
    """Everything that is wrong with a checkpoint, a line each."""

    def __init__(self, lines):
        super().__init__("\n  ".join(["the checkpoint does not fit:", *lines]))
        self.lines = lines


def problems(source, expected, found):
    """A line for each missing, spare and misshaped tensor. `expected` and `found`: name -> shape."""
    extents, lines = {}, []
    for name, shape in expected.items():
        if name not in found:
            lines.append(f"{source}: missing {name}, expected {shown(shape, extents)}")
            continue
        actual = tuple(found[name])
        known = [extents.get(extent, extent) for extent in shape]
        if len(actual) == len(shape) and all(isinstance(extent, str) or extent == size
                                             for extent, size in zip(known, actual)):
            extents.update((extent, size) for extent, size in zip(shape, actual) if isinstance(extent, str))
        else:
            lines.append(f"{source}: misshaped {name}, expected {shown(shape, extents)}, found {list(actual)}")
    lines += [f"{source}: spare {name} {list(shape)}" for name, shape in found.items() if name not in expected]
    return lines


def shown(shape, extents):
    return "[" + ", ".join(str(extents.get(extent, extent)) for extent in shape) + "]"


def pair(name, out, *more):
    return {f"{name}.weight": (out, *more), f"{name}.bias": (out,)}


def count(names, pattern):
    """How many numbers, from 0 on, the names have where the pattern has its group."""
    numbers = {int(match[1]) for match in map(re.compile(pattern).match, names) if match}
    return max(numbers, default=-1) + 1


# ---- the language model, its ear and what joins them (model.safetensors)

ADAPTER_KERNEL = 3  # where config.json does not say


@dataclasses.dataclass
class ModelSizes:
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    mels: int
    positions: int
    ear_width: int
    ear_heads: int
    ear_layers: int
    adapter_kernel: int

    @staticmethod
    def of(config, source="config.json"):
        """`config`: config.json with text_config and audio_encoder_config, or with the text's fields at the top."""
        text = config.get("text_config", config)
        ear = config.get("audio_encoder_config")
        if not isinstance(ear, dict):
            raise ValueError(f"{source} has no audio_encoder_config; expected the config.json of a Step-Audio 2 model")

        def number(section, fields, *names):
            for name in names:
                if section.get(name) is not None:
                    value = section[name]
                    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                        raise ValueError(f"{source}: {fields}{names[0]} should be a whole number, but is {value!r}")
                    return value
            raise ValueError(f"{source} does not say {fields}{names[0]}")

        def in_text(*names):
            return number(text, "text_config." if "text_config" in config else "", *names)

        def in_ear(*names):
            return number(ear, "audio_encoder_config.", *names)

        heads, hidden = in_text("num_attention_heads"), in_text("hidden_size")
        sizes = ModelSizes(
            hidden=hidden, intermediate=in_text("intermediate_size"), layers=in_text("num_hidden_layers"), heads=heads,
            kv_heads=in_text("num_key_value_heads", "num_attention_groups"),
            head=text["head_dim"] if isinstance(text.get("head_dim"), int) else hidden // heads,
            vocabulary=in_text("vocab_size"), mels=in_ear("n_mels"), positions=in_ear("n_audio_ctx"),
            ear_width=in_ear("n_audio_state"), ear_heads=in_ear("n_audio_head"), ear_layers=in_ear("n_audio_layer"),
            adapter_kernel=in_ear("kernel_size") if "kernel_size" in ear else ADAPTER_KERNEL)
        for what, whole, part in (("num_attention_heads", heads, sizes.kv_heads),
                                  ("audio_encoder_config.n_audio_state", sizes.ear_width, sizes.ear_heads)):
            if whole % part:
                raise ValueError(f"{source}: {what} is {whole}, which is no multiple of {part}")
        groups = text.get("num_attention_groups")
        if groups is not None and groups != sizes.kv_heads:
            raise ValueError(f"{source}: num_attention_groups is {groups}, but num_key_value_heads {sizes.kv_heads}; the "
                             "checkpoints of the family have the same number for both")
        if ear.get("llm_dim", hidden) != hidden:
            raise ValueError(f"{source}: audio_encoder_config.llm_dim is {ear['llm_dim']}, but the language model's "
                             f"hidden_size {hidden}")
        return sizes


def model(sizes):
    return language_model(sizes) | encoder(sizes) | adapter(sizes)


def language_model(sizes):
    s = sizes
    queries, keys = s.heads * s.head, s.kv_heads * s.head
    names = {"model.embed_tokens.weight": (s.vocabulary, s.hidden)}
    for layer in range(s.layers):
        at = f"model.layers.{layer}."
        names |= {f"{at}input_layernorm.weight": (s.hidden,),
                  **pair(f"{at}self_attn.q_proj", queries, s.hidden), **pair(f"{at}self_attn.k_proj", keys, s.hidden),
                  **pair(f"{at}self_attn.v_proj", keys, s.hidden),
                  f"{at}self_attn.o_proj.weight": (s.hidden, queries),
                  f"{at}post_attention_layernorm.weight": (s.hidden,),
                  f"{at}mlp.gate_proj.weight": (s.intermediate, s.hidden),
                  f"{at}mlp.up_proj.weight": (s.intermediate, s.hidden),
                  f"{at}mlp.down_proj.weight": (s.hidden, s.intermediate)}
    return names | {"model.norm.weight": (s.hidden,), "lm_head.weight": (s.vocabulary, s.hidden)}


def encoder(sizes):
    width, inner = sizes.ear_width, "the encoder's inner width"
    names = {**pair("encoder.conv1", width, sizes.mels, 3), **pair("encoder.conv2", width, width, 3),
             "encoder.positional_embedding.weight": (sizes.positions, width)}
    for layer in range(sizes.ear_layers):
        at = f"encoder.blocks.{layer}."
        names |= {**pair(f"{at}attn.query", width, width), f"{at}attn.key.weight": (width, width),
                  **pair(f"{at}attn.value", width, width), **pair(f"{at}attn.out", width, width),
                  **pair(f"{at}attn_ln", width), **pair(f"{at}mlp.0", inner, width), **pair(f"{at}mlp.2", width, inner),
                  **pair(f"{at}mlp_ln", width)}
    return names | pair("encoder.after_norm", width)


def adapter(sizes):
    inner = "the adapter's inner width"
    return {**pair("adapter.conv", sizes.ear_width, sizes.ear_width, sizes.adapter_kernel),
            **pair("adapter.linear1", inner, sizes.ear_width), **pair("adapter.linear2", sizes.hidden, inner)}


# ---- token2wav/flow.pt


def flow(config):
    """`config`: what flow_yaml.read answers."""
    c = config["flow"]
    e, decoder = c["encoder"], c["decoder"]["estimator"]
    width, mels, hidden = e["output_size"], c["output_size"], decoder["hidden_size"]
    names = {"input_embedding.weight": (c["vocab_size"], c["input_size"]),
             **pair("spk_embed_affine_layer", mels, c["spk_embed_dim"]),
             **pair("encoder.embed.out.0", width, e["input_size"]), **pair("encoder.embed.out.1", width),
             **pair("encoder.pre_lookahead_layer.conv1", width, width, e["pre_lookahead_len"] + 1),
             **pair("encoder.pre_lookahead_layer.conv2", width, width, 3)}
    for group, layers in (("encoders", e["num_blocks"]), ("up_encoders", e["num_up_blocks"])):
        for layer in range(layers):
            names |= conformer_layer(f"encoder.{group}.{layer}.", e)
    names |= {**pair("encoder.up_layer.conv", width, width, 2 * e["up_stride"] + 1),
              **pair("encoder.up_embed.out.0", width, width), **pair("encoder.up_embed.out.1", width),
              **pair("encoder.after_norm", width), **pair("encoder_proj", mels, width)}
    at = "decoder.estimator."
    names |= {**pair(f"{at}t_embedder.mlp.0", hidden, "twice the time embedding's frequencies"),
              **pair(f"{at}t_embedder.mlp.2", hidden, hidden), **pair(f"{at}in_proj", hidden, decoder["in_channels"])}
    for block in range(decoder["depth"]):
        names |= dit_block(f"{at}blocks.{block}.", decoder)
    return names | {**pair(f"{at}final_layer.adaLN_modulation.1", 2 * hidden, hidden),
                    **pair(f"{at}final_layer.linear", decoder["out_channels"], hidden)}


def conformer_layer(at, e):
    width, heads = e["output_size"], e["attention_heads"]
    key = pair(f"{at}self_attn.linear_k", width, width)
    if not e["key_bias"]:
        del key[f"{at}self_attn.linear_k.bias"]
    return {f"{at}self_attn.pos_bias_u": (heads, width // heads), f"{at}self_attn.pos_bias_v": (heads, width // heads),
            **pair(f"{at}self_attn.linear_q", width, width), **key, **pair(f"{at}self_attn.linear_v", width, width),
            **pair(f"{at}self_attn.linear_out", width, width), f"{at}self_attn.linear_pos.weight": (width, width),
            **pair(f"{at}feed_forward.w_1", e["linear_units"], width),
            **pair(f"{at}feed_forward.w_2", width, e["linear_units"]), **pair(f"{at}norm_ff", width),
            **pair(f"{at}norm_mha", width)}


def dit_block(at, d):
    hidden, inner = d["hidden_size"], d["num_heads"] * d["head_dim"]
    wide = int(hidden * d["mlp_ratio"])
    return {**pair(f"{at}attn.to_q", inner, hidden), **pair(f"{at}attn.to_k", inner, hidden),
            **pair(f"{at}attn.to_v", inner, hidden), **pair(f"{at}attn.q_norm", d["head_dim"]),
            **pair(f"{at}attn.k_norm", d["head_dim"]), **pair(f"{at}attn.proj", hidden, inner),
            **pair(f"{at}mlp.fc1", wide, hidden), **pair(f"{at}mlp.fc2", hidden, wide),
            **pair(f"{at}conv.block.1", hidden, hidden, 3), **pair(f"{at}conv.block.3", hidden),
            **pair(f"{at}conv.block.6", hidden, hidden, 3), **pair(f"{at}adaLN_modulation.1", 9 * hidden, hidden)}


# ---- token2wav/hift.pt, weight norm folded


def vocoder(found):
    """The structure's counts come from the names, its extents from the shapes of `found`."""
    ups = count(found, r"ups\.(\d+)\.") or 3
    kernels = count(found, r"resblocks\.(\d+)\.") // ups or 3
    dilations = count(found, r"resblocks\.\d+\.convs1\.(\d+)\.") or 3
    base = found.get("conv_pre.weight", ("the vocoder's width",))[0]
    narrowing = isinstance(base, int)
    predicted = count(found, r"f0_predictor\.condnet\.(\d+)\.") or 9
    names = {**pair("conv_pre", base, "mels", "kernel of conv_pre"),
             "m_source.l_linear.weight": (1, "harmonics"), "m_source.l_linear.bias": (1,)}
    width = base
    for up in range(ups):
        before, width = width, width // 2 if narrowing else f"the vocoder's width after ups.{up}"
        names |= {f"ups.{up}.weight": (before, width, f"kernel of ups.{up}"), f"ups.{up}.bias": (width,),
                  **pair(f"source_downs.{up}", width, "bins of the source", f"kernel of source_downs.{up}"),
                  **residual_block(f"source_resblocks.{up}", width, dilations, f"kernel of source_resblocks.{up}")}
        for kernel in range(kernels):
            block = up * kernels + kernel
            names |= residual_block(f"resblocks.{block}", width, dilations, f"kernel {kernel} of resblocks")
    names |= pair("conv_post", "bins of the source", width, "kernel of conv_post")
    inside = "mels"
    for layer in range(0, predicted, 2):
        names |= pair(f"f0_predictor.condnet.{layer}", "the F0 predictor's width", inside, "kernel of the F0 predictor")
        inside = "the F0 predictor's width"
    return names | pair("f0_predictor.classifier", 1, inside)


def residual_block(at, width, dilations, kernel):
    names = {}
    for dilation in range(dilations):
        for half in (1, 2):
            names |= {**pair(f"{at}.convs{half}.{dilation}", width, width, kernel),
                      f"{at}.activations{half}.{dilation}.alpha": (width,)}
    return names


def is_weight_normed(name):
    """Whether hift.pt keeps this convolution's weight as a direction and a length."""
    plain = ("source_downs.", "m_source.", "f0_predictor.classifier.")
    return name.endswith(".weight") and not name.startswith(plain)


# ---- token2wav/speech_tokenizer_v2_25hz.onnx


def speech_tokenizer(found):
    width, inner = found.get("encoder.conv1.weight", ("the tokenizer's width",))[0], "the tokenizer's inner width"
    names = {**pair("encoder.conv1", width, "mels", "kernel of conv1"),
             **pair("encoder.conv2", width, width, "kernel of conv2")}
    for block in range(count(found, r"encoder\.blocks\.(\d+)\.")):
        at = f"encoder.blocks.{block}."
        names |= {**pair(f"{at}attn.query", width, width), f"{at}attn.key.weight": (width, width),
                  **pair(f"{at}attn.value", width, width), **pair(f"{at}attn.out", width, width),
                  f"{at}attn.fsmn_block.weight": (width, 1, "kernel of the memory"), **pair(f"{at}attn_ln", width),
                  **pair(f"{at}mlp.0", inner, width), **pair(f"{at}mlp.2", width, inner), **pair(f"{at}mlp_ln", width)}
    return names | pair("quantizer._codebook.project_down", "digits of a token", width)


# ---- token2wav/campplus.onnx, batch norms folded into the convolutions before them


def speaker_network(found):
    def extent(name, axis, letter):
        return found[name][axis] if name in found and len(found[name]) > axis else letter

    head = extent("head.conv1.weight", 0, "the head's width")
    names = pair("head.conv1", head, 1, 3, 3)
    for layer in (1, 2):
        for block in (0, 1):
            at = f"head.layer{layer}.{block}"
            names |= {**pair(f"{at}.conv1", head, head, 3, 3), **pair(f"{at}.conv2", head, head, 3, 3)}
            if block == 0:
                names |= pair(f"{at}.shortcut.0", head, head, 1, 1)
    names |= pair("head.conv2", head, head, 3, 3)
    width = extent("xvector.tdnn.linear.weight", 0, "the first width")
    names |= pair("xvector.tdnn.linear", width, "the head's output", "kernel of tdnn")
    local = "xvector.block1.tdnnd1.cam_layer.linear_local.weight"
    growth, narrow, half = extent(local, 0, "growth"), extent(local, 1, "bottleneck"), "half of the bottleneck"
    for block in (1, 2, 3):
        for layer in range(1, count(found, rf"xvector\.block{block}\.tdnnd(\d+)\.")):
            at = f"xvector.block{block}.tdnnd{layer}."
            names |= {f"{at}nonlinear1.scale": (width,), f"{at}nonlinear1.shift": (width,),
                      **pair(f"{at}linear1", narrow, width, 1),
                      f"{at}cam_layer.linear_local.weight": (growth, narrow, "kernel of linear_local"),
                      **pair(f"{at}cam_layer.linear1", half, narrow, 1), **pair(f"{at}cam_layer.linear2", growth, half, 1)}
            width = width + growth if isinstance(width, int) and isinstance(growth, int) else f"{at}output"
        at = f"xvector.transit{block}."
        after = extent(f"{at}linear.weight", 0, f"{at}output")
        names |= {f"{at}nonlinear.scale": (width,), f"{at}nonlinear.shift": (width,),
                  f"{at}linear.weight": (after, width, 1)}
        width = after
    names |= {"xvector.transit3.linear.bias": (width,)}
    pooled = 2 * width if isinstance(width, int) else "pooled width"
    return names | pair("xvector.dense", "embedding", pooled, 1)
