"""Converts a Whisper model of any size into the folder `ear/` of a bundle.

    config.json         the fields of the official config.json that the engine reads
    model.safetensors   tensors by their official names, in the type they came in (float16 or float32)
    tokenizer.json      Hugging Face's
    generation.json     what decoding needs besides: ids of the special tokens, of the languages, and of the tokens that
                        are never to be chosen (suppress_tokens), or not as the first (begin_suppress_tokens)

The source is an official folder (config.json, *.safetensors, tokenizer.json, generation_config.json), a CTranslate2
folder (model.bin, config.json, tokenizer.json), or a folder above the pieces model.bin.part1, model.bin.part2, ...; which
of them it is, is found out. Needs numpy.

    python scripts/convert/whisper.py SOURCE OUT
"""
import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ctranslate2_checkpoint  # noqa: E402
import tensor_file  # noqa: E402

CONFIG_FIELDS = ("architectures", "model_type", "d_model", "num_mel_bins", "vocab_size", "max_source_positions",
                 "max_target_positions", "encoder_layers", "decoder_layers", "encoder_attention_heads",
                 "decoder_attention_heads", "encoder_ffn_dim", "decoder_ffn_dim")
UNSUPPORTED = {"activation_function": "gelu", "scale_embedding": False}  # other values change the network
DTYPES = ("F32", "F16", "BF16")


def convert(source_dir, out_dir, progress=lambda sentence: None):
    """Writes the four files into out_dir; answers their total size in bytes. Raises ValueError with a sentence."""
    source, out_dir = pathlib.Path(source_dir), pathlib.Path(out_dir)
    checkpoint = open_checkpoint(source)
    out_dir.mkdir(parents=True, exist_ok=True)
    config, tensors, tokenizer = checkpoint.config(), checkpoint.tensors(), checkpoint.tokenizer()
    tensors.pop("proj_out.weight", None)  # tied to the embedding in every Whisper model
    check(tensors, expected_shapes(config), source)

    progress("tokenizer")
    write_json(out_dir / "tokenizer.json", tokenizer)
    write_json(out_dir / "generation.json", generation(tokenizer, *checkpoint.suppressed()), indent=1)
    tensor_file.write(out_dir / "model.safetensors", tensors, progress)
    write_json(out_dir / "config.json", config, indent=2)
    return sum(path.stat().st_size for path in out_dir.iterdir())


def open_checkpoint(source):
    if not source.is_dir():
        raise ValueError(f"{source} is not a folder; expected a Whisper model's")
    pieces = ctranslate2_checkpoint.pieces(source)
    if pieces:
        return CTranslate2Folder(pieces)
    if (source / "config.json").is_file():
        return OfficialFolder(source)
    raise ValueError(f"{source} holds neither config.json with *.safetensors nor CTranslate2's model.bin")


class OfficialFolder:
    """config.json, safetensors, tokenizer and generation settings as OpenAI publishes them on Hugging Face."""

    def __init__(self, folder):
        self.folder = folder
        self.source = read_json(folder / "config.json")
        if self.source.get("model_type") != "whisper":
            raise ValueError(f"{folder}/config.json describes a model of the type {self.source.get('model_type')!r}; "
                             "'whisper' can be converted")
        for field, expected in UNSUPPORTED.items():
            if self.source.get(field, expected) != expected:
                raise ValueError(f"{folder}/config.json: {field} is {self.source[field]!r}; only {expected!r} is supported")

    def config(self):
        missing = [field for field in CONFIG_FIELDS if field not in self.source]
        if missing:
            raise ValueError(f"{self.folder}/config.json lacks {', '.join(missing)}")
        return {field: self.source[field] for field in CONFIG_FIELDS}

    def tensors(self):
        index = self.folder / "model.safetensors.index.json"
        files = ([self.folder / name for name in sorted(set(read_json(index)["weight_map"].values()))]
                 if index.is_file() else sorted(self.folder.glob("*.safetensors")))
        if not files:
            raise ValueError(f"{self.folder} holds no .safetensors file")
        tensors = {}
        for file in files:
            tensors.update(tensor_file.read(file))
        return tensors

    def tokenizer(self):
        return read_json(self.folder / "tokenizer.json")

    def suppressed(self):
        path = self.folder / "generation_config.json"
        settings = read_json(path) if path.is_file() else self.source  # older folders keep the lists in config.json
        return settings.get("suppress_tokens") or [], settings.get("begin_suppress_tokens") or []


class CTranslate2Folder:
    """CTranslate2's model.bin with the tokenizer beside it."""

    def __init__(self, pieces):
        self.folder = pieces[0].parent
        self.checkpoint = ctranslate2_checkpoint.CTranslate2Checkpoint(pieces)

    def config(self):
        return self.checkpoint.config()

    def tensors(self):
        return self.checkpoint.tensors()

    def tokenizer(self):
        return read_json(self.folder / "tokenizer.json")

    def suppressed(self):
        settings = read_json(self.folder / "config.json")
        return settings.get("suppress_ids") or [], settings.get("suppress_ids_begin") or []


def generation(tokenizer, suppress_tokens, begin_suppress_tokens):
    """The special tokens by what they mean. English-only models have no languages and no tasks."""
    ids = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}

    def find(*names):
        for name in names:
            if name in ids:
                return ids[name]
        raise ValueError(f"tokenizer.json has no token {' or '.join(names)}: it is not a Whisper tokenizer")

    start, translate = find("<|startoftranscript|>"), ids.get("<|translate|>")
    # The languages stand between the two in all Whisper vocabularies.
    languages = {name[2:-2]: id for name, id in ids.items() if translate is not None and start < id < translate}
    result = {"start_of_transcript": start, "end_of_text": find("<|endoftext|>"),
              "no_timestamps": find("<|notimestamps|>"), "no_speech": find("<|nospeech|>", "<|nocaptions|>"),
              "suppress_tokens": sorted(set(suppress_tokens)), "begin_suppress_tokens": sorted(set(begin_suppress_tokens)),
              "languages": languages}
    if languages:
        result["transcribe"] = find("<|transcribe|>")
    return result


def expected_shapes(config):
    """Name and shape of every tensor of a Whisper model."""
    width, shapes = config["d_model"], {}

    def linear(name, out, into, bias=True):
        shapes[f"{name}.weight"] = (out, into)
        if bias:
            shapes[f"{name}.bias"] = (out,)

    def norm(name):
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)

    for conv, inputs in (("conv1", config["num_mel_bins"]), ("conv2", width)):
        shapes[f"model.encoder.{conv}.weight"] = (width, inputs, 3)
        shapes[f"model.encoder.{conv}.bias"] = (width,)
    shapes["model.encoder.embed_positions.weight"] = (config["max_source_positions"], width)
    shapes["model.decoder.embed_positions.weight"] = (config["max_target_positions"], width)
    shapes["model.decoder.embed_tokens.weight"] = (config["vocab_size"], width)
    for side, attentions in (("encoder", ("self_attn",)), ("decoder", ("self_attn", "encoder_attn"))):
        norm(f"model.{side}.layer_norm")
        for index in range(config[f"{side}_layers"]):
            layer = f"model.{side}.layers.{index}"
            for attention in attentions:
                for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    linear(f"{layer}.{attention}.{projection}", width, width, bias=projection != "k_proj")
                norm(f"{layer}.{attention}_layer_norm")
            linear(f"{layer}.fc1", config[f"{side}_ffn_dim"], width)
            linear(f"{layer}.fc2", width, config[f"{side}_ffn_dim"])
            norm(f"{layer}.final_layer_norm")
    return shapes


def check(tensors, expected, source):
    """All that is wrong in one sentence, with at most a dozen names of each kind."""
    problems = []

    def report(title, lines):
        if lines:
            problems.append(f"{title} ({len(lines)}): " + ", ".join(lines[:12]) + (", ..." if len(lines) > 12 else ""))

    report("missing", [f"{name} {list(shape)}" for name, shape in expected.items() if name not in tensors])
    report("of another shape", [f"{name}: expected {list(expected[name])}, found {list(tensor.shape)}"
                                for name, tensor in tensors.items()
                                if name in expected and tuple(tensor.shape) != expected[name]])
    report("not floating point", [f"{name}: {tensor.dtype}" for name, tensor in tensors.items()
                                  if name in expected and tensor.dtype not in DTYPES])
    report("unknown", [f"{name} {list(tensor.shape)}" for name, tensor in tensors.items() if name not in expected])
    if problems:
        raise ValueError(f"the tensors in {source} are not those of a Whisper model: " + "; ".join(problems))


def read_json(path):
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def write_json(path, value, indent=None):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("out")
    arguments = parser.parse_args()
    try:
        size = convert(arguments.source, arguments.out, lambda sentence: print(sentence, file=sys.stderr))
    except ValueError as error:
        sys.exit(f"error: {error}")
    print(f"{size / 1e6:.1f} MB in {arguments.out}")


if __name__ == "__main__":
    main()
