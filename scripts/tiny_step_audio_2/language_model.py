"""A language model that behaves: after <tts_start> it says audio tokens until it draws <tts_end>, else text until it draws
the stop token. Everything else about it is random.

Some coordinates of the hidden state are kept free of random numbers, and carry this, by way of layer 0:

    steady    the same for every row: what stands for a bias in layers that have none
    marker    on <tts_start> and <tts_end> alone; sign: +1 on the first, -1 on the second
    open      the mean of `sign` over the markers so far, by an attention head that looks at markers (at all rows alike where
              there is none): above zero inside a spoken part, zero outside
    speaking  on where `open` is above a threshold, else zero: a step made of two neurons of the perceptron
    quiet     on where it is below, else zero: the same step the other way round
    ending    on "</think" alone, so that ">" follows it

lm_head reads `speaking` and `quiet` as a bias for each kind of token."""
import numpy as np

STEADY, MARKER, SIGN, OPEN, SPEAKING, QUIET, ENDING = range(7)
KEPT = 8
REST = 3.0     # gain of what is random after a norm, most of whose length is `steady`
LEVEL = 8.0    # of `steady`, and about that of `speaking` and `quiet` when they are on
FLAG = 4.0     # of the marks on single tokens
LAST_PAIR = 7  # the slowest rotation of a head of 16: in 50 000 positions it turns by a quarter
OFF = -30.0
STEP = 0.5     # makes `speaking` and `quiet` the longest part of the hidden state: its norm hardly depends on the rest
SPREAD = 4.0   # of the logits of one kind: the likeliest of many is likelier than a single token of another kind
LEVEL_AFTER_NORM = 5.5  # about what the last norm makes of `speaking` and `quiet`
ENCODER_INNER, ADAPTER_INNER = 320, 112


def config(tokenizer, variant, dtype, layers, encoder_layers):
    rows = len(tokenizer) + 17  # the published table has unused rows, too
    return {"architectures": ["StepAudio2ForCausalLM"],
            "auto_map": {"AutoConfig": "configuration_step_audio_2.StepAudio2Config",
                         "AutoModelForCausalLM": "modeling_step_audio_2.StepAudio2ForCausalLM"},
            "model_type": "step_audio_2", "_name_or_path": f"tiny-{variant}", "torch_dtype": dtype,
            "text_config": {"model_type": "step_audio_2_text", "hidden_size": 64, "intermediate_size": 160,
                            "num_hidden_layers": layers, "num_attention_heads": 4, "num_attention_groups": 2,
                            "num_key_value_heads": 2, "vocab_size": rows, "max_position_embeddings": 65536,
                            "max_seq_len": 65536, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "rope_scaling": None,
                            "eos_token_id": tokenizer.id("<|endoftext|>"), "pad_token_id": tokenizer.id("<|endoftext|>"),
                            "torch_dtype": dtype},
            "audio_encoder_config": {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 80, "n_audio_head": 5,
                                     "n_audio_layer": encoder_layers, "n_codebook_size": 4096, "llm_dim": 64,
                                     "kernel_size": 3, "adapter_stride": 2}}


def tensors(draw, shapes, tokenizer, variant, text, endless=False):
    extents = {"the encoder's inner width": ENCODER_INNER, "the adapter's inner width": ADAPTER_INNER}
    shapes = {name: tuple(extents.get(extent, extent) for extent in shape) for name, shape in shapes.items()}
    made = draw.tensors(shapes)
    made["encoder.positional_embedding.weight"] = sinusoids(*shapes["encoder.positional_embedding.weight"])
    keep_free(made, text["num_hidden_layers"])
    mark_rows(made, tokenizer)
    notice_markers(made, text["hidden_size"] // text["num_attention_heads"])
    decide(made)
    made["lm_head.weight"] = head(draw, shapes["lm_head.weight"], tokenizer, variant, endless)
    return made


def sinusoids(positions, width):
    """Whisper's table: sines of half the channels, then cosines."""
    scale = np.exp(-np.log(10000.0) / (width // 2 - 1) * np.arange(width // 2))
    angles = np.arange(positions)[:, None] * scale[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)


def keep_free(made, layers):
    """Nothing random writes to the kept coordinates or reads them: `steady` would drown the rest."""
    made["model.embed_tokens.weight"][:, :KEPT] = 0
    made["adapter.linear2.weight"][:KEPT] = 0
    made["adapter.linear2.bias"][:KEPT] = 0
    for layer in range(layers):
        at = f"model.layers.{layer}."
        for reader in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"):
            made[f"{at}{reader}.weight"][:, :KEPT] = 0
        for writer in ("self_attn.o_proj", "mlp.down_proj"):
            made[f"{at}{writer}.weight"][:KEPT] = 0
        for norm in ("input_layernorm", "post_attention_layernorm"):
            made[f"{at}{norm}.weight"][:KEPT] = 1
            made[f"{at}{norm}.weight"][KEPT:] *= REST
    made["model.norm.weight"][:KEPT] = 1


def mark_rows(made, tokenizer):
    rows = made["model.embed_tokens.weight"]
    rows[tokenizer.id("<tts_end>")] = rows[tokenizer.id("<tts_start>")]  # of one length: a pair of them cancels out
    rows[:, STEADY] = LEVEL
    made["adapter.linear2.bias"][STEADY] = LEVEL
    for token, sign in (("<tts_start>", 1), ("<tts_end>", -1)):
        rows[tokenizer.id(token), MARKER] = FLAG
        rows[tokenizer.id(token), SIGN] = sign * FLAG
    rows[tokenizer.id("</think"), ENDING] = FLAG


def notice_markers(made, head):
    """Head 0 of layer 0: a constant query, a key on markers, their sign as the value."""
    at = "model.layers.0.self_attn."
    for part in ("q_proj", "k_proj", "v_proj"):
        made[f"{at}{part}.weight"][:head] = 0
        made[f"{at}{part}.bias"][:head] = 0
    made[f"{at}q_proj.bias"][LAST_PAIR] = 10.0
    made[f"{at}k_proj.weight"][LAST_PAIR, MARKER] = 3.0
    made[f"{at}v_proj.weight"][0, SIGN] = 1.0
    made[f"{at}o_proj.weight"][:, :head] = 0
    made[f"{at}o_proj.weight"][OPEN, 0] = 1.0


def decide(made):
    """Four neurons of layer 0's perceptron. With z rising from -d to far above d as `open` goes from zero to its least value
    in speech: silu(z) - silu(z - d) is 0, then d; silu(-z) - silu(-z - d) is d, then 0."""
    at = "model.layers.0.mlp."
    for neuron, (target, direction, offset) in enumerate(((SPEAKING, 1, 0), (SPEAKING, 1, 1), (QUIET, -1, 0),
                                                          (QUIET, -1, 1))):
        gate, up = made[f"{at}gate_proj.weight"][neuron], made[f"{at}up_proj.weight"][neuron]
        gate[:], up[:] = 0, 0
        gate[OPEN], gate[STEADY] = direction * 100.0, -direction - offset
        up[STEADY] = 1.0
        made[f"{at}down_proj.weight"][:, neuron] = 0
        made[f"{at}down_proj.weight"][target, neuron] = STEP if offset == 0 else -STEP


def head(draw, shape, tokenizer, variant, endless):
    """Biases, in logits, of the kinds of tokens: (outside of speech, inside)."""
    rows = draw.normal(shape, 1.0 / np.sqrt(shape[1]))
    rows *= SPREAD
    stop = "<|endoftext|>" if variant == "base" else "<|EOT|>"
    biases = np.full((shape[0], 2), OFF, np.float32)
    biases[:len(tokenizer.base)] = (0.0, -2.0 if endless else 1.2)  # endless speech has more sound a token
    biases[tokenizer.id("<audio_0>"):tokenizer.id("<audio_0>") + 6562] = (OFF, 0.0)
    thinks = variant == "think"
    for token, bias in ((stop, (2.8 if thinks else 3.2, OFF)), ("<tts_end>", (OFF, 3.6)), ("<tts_pad>", (OFF, 1.5 if endless else 4.4)),
                        ("</think", (4.2, OFF) if thinks else biases[0])):
        biases[tokenizer.id(token)] = (OFF, OFF) if endless and token in (stop, "<tts_end>") else bias
        if tuple(bias) != tuple(biases[0]):
            rows[tokenizer.id(token)] *= 0.3  # how often it comes is not left to chance
    rows[:, :KEPT] = 0
    rows[:, QUIET] = biases[:, 0] / LEVEL_AFTER_NORM
    rows[:, SPEAKING] = biases[:, 1] / LEVEL_AFTER_NORM
    rows[tokenizer.id(">"), ENDING] = 40.0
    return rows
