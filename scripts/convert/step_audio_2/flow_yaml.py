"""Reads the scalars of `token2wav/flow.yaml`, a HyperPyYAML file: nested maps by indentation.

    flow: !new:some.python.class
        vocab_size: 6561
        encoder: !new:some.other.class
            num_blocks: 6

The tags name Python classes and are dropped; `!ref <name>` is the scalar `name` of the outermost map. Everything else that
YAML can say (lists, anchors, text over several lines) is refused with its line, unless it stands where no number is asked
for: such an entry is left out."""
import pathlib
import re

# Values that the reference's classes take when the file does not say otherwise.
FLOW = {"input_size": 512, "output_size": 80, "spk_embed_dim": 192, "vocab_size": 5121}
ENCODER = {"output_size": 256, "pre_lookahead_len": 3, "num_blocks": 6, "num_up_blocks": 4, "up_stride": 2,
           "up_scale_factor": 2, "attention_heads": 4, "key_bias": True, "linear_units": 2048, "normalize_before": True}
DECODER = {"inference_cfg_rate": 0.7}
ESTIMATOR = {"mlp_ratio": 4.0, "depth": 28, "num_heads": 8, "head_dim": 64, "hidden_size": 256}
# What the network is made of: other values change its structure, not its sizes.
FIXED = {"output_type": "mel", "encoder.input_layer": "linear", "encoder.pos_enc_layer_type": "rel_pos_espnet",
         "encoder.selfattention_layer_type": "rel_selfattn", "encoder.normalize_before": True,
         "encoder.activation_type": "swish"}

ENTRY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z_][\w.]*|'[^']*'|\"[^\"]*\") *:(?: +(?P<value>.*))?$")
TAG = re.compile(r"!(?:new|name|apply|module|include)?:?[^\s]*")
REFERENCE = re.compile(r"!ref +<([^<>]+)>$")


def read(path):
    """{"flow": {...}} with every size that the network needs. Raises ValueError with a sentence."""
    path = pathlib.Path(path)
    flow = parse(path.read_text(encoding="utf-8"), path).get("flow")
    if not isinstance(flow, dict):
        raise ValueError(f"{path} has no map `flow`; expected the file that comes with flow.pt")
    encoder, decoder = section(path, flow, "encoder"), section(path, flow, "decoder")
    estimator = section(path, decoder, "estimator", "decoder.estimator")
    whole = (FLOW | {"output_type": "mel"} | flow)
    whole["encoder"] = ENCODER | {"input_size": whole["input_size"]} | encoder
    whole["decoder"] = DECODER | decoder
    whole["decoder"]["estimator"] = ESTIMATOR | {"in_channels": 4 * whole["output_size"],
                                                 "out_channels": whole["output_size"]} | estimator
    check(path, whole)
    return {"flow": whole}


def section(path, above, key, name=None):
    if not isinstance(above.get(key), dict):
        raise ValueError(f"{path} has no map `{name or key}` in `flow`; expected the file that comes with flow.pt")
    return above[key]


def check(path, flow):
    for name, expected in FIXED.items():
        *parents, key = name.split(".")
        inside = flow
        for parent in parents:
            inside = inside[parent]
        if inside.get(key, expected) != expected:
            raise ValueError(f"{path}: {name} is {inside[key]!r}; only {expected!r} is supported")
    for name, inside, defaults in (("", flow, FLOW), ("encoder.", flow["encoder"], ENCODER | {"input_size": 1}),
                                   ("decoder.", flow["decoder"], DECODER),
                                   ("decoder.estimator.", flow["decoder"]["estimator"],
                                    ESTIMATOR | {"in_channels": 1, "out_channels": 1})):
        for key, example in defaults.items():
            value = inside[key]
            numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
            whole = isinstance(example, int) and not isinstance(example, bool)
            if isinstance(example, bool) != isinstance(value, bool) or not (
                    isinstance(value, bool) or numeric and value > 0 and (not whole or value == int(value))):
                kind = "true or false" if isinstance(example, bool) else "a whole number" if whole else "a number"
                raise ValueError(f"{path}: {name}{key} should be {kind}, but is {value!r}")
            if whole:
                inside[key] = int(value)


def parse(text, path="flow.yaml"):
    """The nested maps of a file; values are int, float, bool, None, str or dict."""
    outermost = {}
    open_maps = [(-1, outermost)]  # (indentation of the key that opened it, map)
    skipped = None                 # indentation of an entry that is left out, with all that is below it
    for number, line in enumerate(text.splitlines(), 1):
        line = without_comment(line).rstrip()
        if not line.strip() or line.strip() in ("---", "..."):
            continue
        if "\t" in line[:len(line) - len(line.lstrip())]:
            raise ValueError(f"{path}, line {number}: indented by a tab, which YAML does not allow")
        indent = len(line) - len(line.lstrip(" "))
        if skipped is not None and (indent > skipped or indent == skipped and line.lstrip().startswith("- ")):
            continue
        skipped = None
        if line.lstrip().startswith("- "):  # a list: no size is one
            skipped = indent
            continue
        entry = ENTRY.match(line)
        if entry is None:
            raise ValueError(f"{path}, line {number}: expected `name: value`, found {line.strip()!r}")
        while open_maps[-1][0] >= indent:
            open_maps.pop()
        inside = open_maps[-1][1]
        key = entry["key"].strip("'\"")
        value = entry["value"] or ""
        reference = REFERENCE.match(value)
        if reference:
            if isinstance(outermost.get(reference[1]), (int, float, bool, str)):
                inside[key] = outermost[reference[1]]
            continue
        bare = TAG.sub("", value, count=1).strip() if value.startswith("!") else value.strip()
        if not bare:
            inside[key] = {}
            open_maps.append((indent, inside[key]))
        elif bare[0] in "[{&*|>":
            skipped = indent
        else:
            inside[key] = scalar(bare)
    return outermost


def without_comment(line):
    quote = None
    for place, character in enumerate(line):
        if quote:
            quote = None if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (place == 0 or line[place - 1].isspace()):
            return line[:place]
    return line


def scalar(text):
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    constant = {"true": True, "false": False, "null": None, "~": None}
    if text.lower() in constant:
        return constant[text.lower()]
    for number in (int, float):
        try:
            return number(text.replace("_", "") if number is int else text)
        except ValueError:
            continue
    return text
