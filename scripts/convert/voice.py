"""Converts the English voice of the Python package `hibari-tts` 0.2.1 (Apache-2.0) into the folder `voice/` of a bundle.

    model.safetensors           the network: int8 matrices [out, in] with one float scale each, the rest float32
    pronunciation.safetensors   lexicons, tagger and tokenizer tables as sorted strings to search in place; the net for
                                unknown words; what the phonemizer needs of Unicode
    pronunciation.json          the small tables: abbreviations, units, titles, alphabets
    config.json                 sizes of the network, symbols, synthesis constants, timbres

Needs numpy, onnx and safetensors only. `source_dir` is the package's folder, the one that holds `assets/`.
"""
import gzip
import json
import pathlib
import unicodedata

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
FIELD = "\x1f"  # between the parts of one table value
FILES = ("hibari.onnx", "oov.onnx", "oov.json", "vocab.json", "normalize.json", "tokenizer_exceptions.json",
         "tagger.json.gz", "lexicon_us_gold.json.gz", "lexicon_us_silver.json.gz")

# Facts about the network that its graph does not spell out as a tensor's shape.
NETWORK = {
    "attention_heads": 2,
    "prosody_text_passes": 6,  # the one attention block of each text encoder is applied this many times
    "decoder_text_passes": 4,
    "frames_per_step": 2,      # one step of the prosody net is two frames of the decoder
    "prosody_dilations": [1, 2, 4, 8, 1, 2],
    "f0_scale": 100.0,         # the net's F0 output times this is Hz
    "decoder_f0_divisor": 5.0, # the decoder reads log(1 + F0) / 5
}
SYNTHESIS = {"sample_rate": 24000, "n_fft": 1200, "hop": 300, "voiced_hz": 40.0, "highest_harmonic_hz": 11000.0,
             "largest_log_magnitude": 7.0}


def convert(source_dir, out_dir, progress=lambda sentence: None):
    """Writes the four files into out_dir; answers their total size in bytes."""
    assets = find_assets(pathlib.Path(source_dir))
    out_dir = pathlib.Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)

    progress("voice: network")
    network = network_tensors(onnx.load(str(assets / "hibari.onnx")).graph)
    save_file(network, str(out_dir / "model.safetensors"))

    progress("voice: pronunciation tables")
    tables, small = pronunciation_tables(assets)
    save_file(tables, str(out_dir / "pronunciation.safetensors"))
    write_json(out_dir / "pronunciation.json", small)

    config = {"architecture": "hibari", "symbols": read_json(assets / "vocab.json"), "network": network_sizes(network),
              "synthesis": SYNTHESIS, "f0_center_hz": 190.0,  # the voice's geometric mean over a few sentences
             
              "voices": read_json(HERE / "voice_timbres.json")["voices"]}
    write_json(out_dir / "config.json", config)
    return sum(path.stat().st_size for path in out_dir.iterdir())


def find_assets(source_dir):
    for folder in (source_dir / "assets", source_dir / "hibari" / "assets", source_dir):
        if (folder / "hibari.onnx").is_file():
            missing = [name for name in FILES if not (folder / name).is_file()]
            if missing:
                raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; unpack hibari-tts 0.2.1 again")
            return folder
    raise FileNotFoundError(f"no hibari.onnx under {source_dir}; expected the unpacked package hibari-tts 0.2.1")


# ---- the network


def network_tensors(graph):
    """The graph's tensors under their own names; those that quantisation or export renamed get theirs back."""
    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    named = {name: array for name, array in initializers.items()
             if name.startswith(("m.", "pn.")) and array.dtype == np.float32}
    for name, weight, scale in quantized_weights(graph, initializers):
        named[name] = np.ascontiguousarray(weight.T)  # [out, in]
        named[name + "_scale"] = np.asarray([scale], np.float32)
    return named


def quantized_weights(graph, initializers):
    """(name, int8 [in, out], scale) of each matrix of a dynamically quantised product. The name is that of the bias
    which is added to the product: `x.bias` belongs to `x.weight`."""
    readers = readers_of(graph)
    seen = set()
    for node in graph.node:
        if node.op_type != "MatMulInteger":
            continue
        stored = node.input[1]
        if stored in seen:
            continue
        seen.add(stored)
        zero = initializers[node.input[3]]
        if np.any(zero != 0):
            raise ValueError(f"{stored}: expected symmetric weights, its zero point is {zero}")
        weight = initializers[stored]
        if weight.dtype == np.uint8:
            raise ValueError(f"{stored}: expected int8 weights")
        scale = initializers[stored.replace("_quantized", "_scale")]
        yield weight_name(bias_after(readers, initializers, node.output[0])), weight, float(scale)


def readers_of(graph):
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def bias_after(readers, initializers, value):
    """Follows casts and scalings from a product to the addition of its bias."""
    for _ in range(6):
        node = readers[value][0]
        if node.op_type == "Add":
            for name in node.input:
                if name in initializers:
                    return name
        value = node.output[0]
    raise ValueError(f"no bias follows the product {value}")


def weight_name(bias):
    return bias[:-len("bias")] + "weight"


def network_sizes(tensors):
    def count(prefix):
        return len({name[len(prefix):].split(".")[0] for name in tensors if name.startswith(prefix)})

    sizes = dict(NETWORK)
    sizes["symbols"], sizes["prosody_text_width"] = tensors["pn.text.emb.weight"].shape
    sizes["decoder_text_width"] = tensors["m.text.emb.weight"].shape[1]
    sizes["decoder_width"] = tensors["m.dec_in.weight"].shape[0]
    sizes["text_blocks"] = count("m.text.convs.")
    sizes["prosody_blocks"] = count("pn.pro.")
    sizes["decoder_blocks"] = count("m.dec.")
    sizes["text_kernel"] = tensors["m.text.convs.0.dw.weight"].shape[2]
    sizes["kernel"] = tensors["m.dec.0.dw.weight"].shape[2]
    sizes["bins"] = tensors["m.head.bias"].shape[0] // 5
    return sizes


# ---- pronunciation


def pronunciation_tables(assets):
    normalize = read_json(assets / "normalize.json")
    tagger = read_json(assets / "tagger.json.gz")
    alphabet = read_json(assets / "oov.json")
    tables = {}
    for grade in ("gold", "silver"):
        entries = read_json(assets / f"lexicon_us_{grade}.json.gz")
        add_string_table(tables, f"lexicon.{grade}", {word: reading(value) for word, value in entries.items()})
    exceptions = read_json(assets / "tokenizer_exceptions.json")
    add_string_table(tables, "exceptions", {text: FIELD.join(pieces) for text, pieces in exceptions.items()})
    add_tagger(tables, tagger)
    add_unicode(tables)
    add_unknown_word_net(tables, onnx.load(str(assets / "oov.onnx")).graph)
    small = {"normalize": normalize, "tags": tagger["tags"],
             "unknown_words": {"letters": "".join(alphabet["in"]), "phonemes": "".join(alphabet["out"]),
                               "slots": alphabet["slots"], "longest": alphabet["maxlen"], "heads": 4}}
    return tables, small


def reading(value):
    """A plain reading as it is; one that depends on the part of speech as FIELD-led parts `TAG=phonemes`, without
    `=` where that tag has no reading."""
    if not isinstance(value, dict):
        return value or ""
    return "".join(FIELD + (tag if phonemes is None else f"{tag}={phonemes}") for tag, phonemes in value.items())


def add_strings(tables, name, strings):
    encoded = [text.encode() for text in strings]
    tables[f"{name}.bytes"] = np.frombuffer(b"".join(encoded) or b"\0", np.uint8)
    tables[f"{name}.ends"] = np.cumsum([len(text) for text in encoded], dtype=np.uint32)


def add_string_table(tables, name, entries):
    """Keys sorted by their UTF-8 bytes, with a value string each."""
    keys = sorted(entries, key=str.encode)
    add_strings(tables, f"{name}.keys", keys)
    add_strings(tables, f"{name}.values", [entries[key] for key in keys])


def add_tagger(tables, tagger):
    number = {tag: index for index, tag in enumerate(tagger["tags"])}
    words = sorted(tagger["tagdict"], key=str.encode)
    add_strings(tables, "tagger.words.keys", words)
    tables["tagger.words.tags"] = np.asarray([number[tagger["tagdict"][word]] for word in words], np.uint8)
    add_strings(tables, "tagger.frequent.keys", sorted(tagger["vocab"], key=str.encode))

    weights = tagger["weights"]
    features = sorted(weights, key=str.encode)
    add_strings(tables, "tagger.features.keys", features)
    rows = [[(number[tag], round(weight * 10)) for tag, weight in weights[feature].items()] for feature in features]
    tables["tagger.features.ends"] = np.cumsum([len(row) for row in rows], dtype=np.uint32)
    tables["tagger.features.tags"] = np.asarray([tag for row in rows for tag, _ in row], np.uint8)
    # weights are given to one decimal: tenths keep the sums exact
    tables["tagger.features.tenths"] = np.asarray([tenths for row in rows for _, tenths in row], np.int16)


def add_unknown_word_net(tables, graph):
    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers = readers_of(graph)
    for name, array in initializers.items():
        if name.startswith("m."):
            tables["unknown_words." + name[2:]] = array.astype(np.float32)
        elif name.startswith("onnx::MatMul"):
            bias = bias_after(readers, initializers, readers[name][0].output[0])
            tables["unknown_words." + weight_name(bias)[2:]] = array.astype(np.float32)  # [in, out]


# What a code point is, as bits of `unicode.classes`.
ALPHA, DECIMAL, DIGIT, ALNUM, LOWER, UPPER, SPACE = (1 << bit for bit in range(7))


def add_unicode(tables):
    """Classes, case, digits and compatibility forms of the basic multilingual plane."""
    points = [chr(code) for code in range(0x10000)]
    classes = np.zeros(0x10000, np.uint8)
    for bit, test in ((ALPHA, str.isalpha), (DECIMAL, str.isdecimal), (DIGIT, str.isdigit), (ALNUM, str.isalnum),
                      (LOWER, str.islower), (UPPER, str.isupper), (SPACE, str.isspace)):
        classes |= np.asarray([bit if test(point) else 0 for point in points], np.uint8)
    tables["unicode.classes"] = classes
    for name, change in (("lower", str.lower), ("upper", str.upper)):
        pairs = [(ord(point), ord(change(point))) for point in points
                 if len(change(point)) == 1 and change(point) != point]
        tables[f"unicode.{name}"] = np.asarray(pairs, np.uint32)
    tables["unicode.digits"] = np.asarray([(ord(p), int(unicodedata.numeric(p))) for p in points
                                           if p.isdigit() and not p.isascii() and unicodedata.numeric(p) % 1 == 0],
                                          np.uint32)
    plain = [p for p in points if not 0xD800 <= ord(p) <= 0xDFFF and not 0xAC00 <= ord(p) <= 0xD7A3]
    forms = [(p, unicodedata.normalize("NFKD", p)) for p in plain if unicodedata.normalize("NFKD", p) != p]
    tables["unicode.decomposed.points"] = np.asarray([ord(p) for p, _ in forms], np.uint32)
    tables["unicode.decomposed.ends"] = np.cumsum([len(form) for _, form in forms], dtype=np.uint32)
    tables["unicode.decomposed.text"] = np.asarray([ord(c) for _, form in forms for c in form], np.uint32)
    composed = [(ord(d[0]), ord(d[1]), ord(p)) for p in plain if (d := canonical_pair(p))]
    tables["unicode.composed"] = np.asarray(sorted(composed), np.uint32)


def canonical_pair(point):
    """The two code points that compose into this one, where normalisation does so."""
    parts = unicodedata.decomposition(point).split()
    if len(parts) != 2 or parts[0].startswith("<"):
        return None
    pair = "".join(chr(int(part, 16)) for part in parts)
    return pair if unicodedata.normalize("NFC", pair) == point else None


def read_json(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    import sys

    print(convert(sys.argv[1], sys.argv[2], print), "bytes")
