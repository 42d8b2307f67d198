"""A Step-Audio 2 bundle whose language model has the official widths but few layers: large enough for the memory that loading
it takes to be told from the program's own. The rest of it is the tiny bundle's. Standard library alone, like all of the bench:
the weights are a block of small random bfloat16 numbers, over and over."""
import json
import pathlib
import random
import shutil
import sys
from collections.abc import Callable

from .figures import Skipped
from .processes import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTHS = {"hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28, "num_attention_groups": 4,
          "num_key_value_heads": 4, "num_hidden_layers": 4}
ROWS = 150_000  # of the vocabulary; with the official count the tokenizer would have to be the official one
HEAD_WIDTH = 128
BLOCK_NUMBERS = 1 << 22
SMALL_POSITIVE, SIGN = 0x3B, 0x80  # upper byte of a bfloat16 of 0.002 .. 0.008; its sign
ONE = b"\x80\x3f"


def make(folder: pathlib.Path, say: Callable[[str], None]) -> pathlib.Path:
    """The bundle under `folder`, kept for the next time. It takes 4 GB."""
    bundle, tiny = folder / "wide" / "bundle", folder / "wide.part"
    if bundle.is_dir():
        return bundle
    maker, python = ROOT / "scripts" / "make_tiny_bundle.py", ROOT / ".deps" / "venv" / "bin" / "python"
    if not python.is_file():
        raise Skipped(f"{python} is not there; ./scripts/setup makes it")
    needed = 2 * sum(numbers for *_, numbers in language_model())
    if shutil.disk_usage(folder).free < 1.1 * needed:
        raise Skipped(f"{folder} has no room for a bundle of {needed / 2**30:.1f} GiB")
    say(f"making a bundle of {needed / 2**30:.1f} GiB in {folder}, once")
    shutil.rmtree(tiny, ignore_errors=True)
    run([python, "-B", maker, tiny], 120)
    widen(tiny / "bundle" / "model")
    tiny.rename(folder / "wide")
    return bundle


def language_model() -> list[tuple[str, tuple[int, ...], int]]:
    """(name, shape, how many numbers) of every tensor, norms first in each layer."""
    width, inner = WIDTHS["hidden_size"], WIDTHS["intermediate_size"]
    keys = WIDTHS["num_key_value_heads"] * HEAD_WIDTH
    shapes = {"model.embed_tokens.weight": (ROWS, width), "model.norm.weight": (width,), "lm_head.weight": (ROWS, width)}
    for layer in range(WIDTHS["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        for name, shape in {
                "input_layernorm.weight": (width,), "post_attention_layernorm.weight": (width,),
                "self_attn.q_proj.weight": (width, width), "self_attn.q_proj.bias": (width,),
                "self_attn.k_proj.weight": (keys, width), "self_attn.k_proj.bias": (keys,),
                "self_attn.v_proj.weight": (keys, width), "self_attn.v_proj.bias": (keys,),
                "self_attn.o_proj.weight": (width, width), "mlp.gate_proj.weight": (inner, width),
                "mlp.up_proj.weight": (inner, width), "mlp.down_proj.weight": (width, inner)}.items():
            shapes[at + name] = shape
    return [(name, shape, shape[0] * (shape[1] if len(shape) == 2 else 1)) for name, shape in shapes.items()]


def widen(model: pathlib.Path) -> None:
    """Writes the model's folder anew: the encoder and the adaptor as they are, but for the adaptor's last layer."""
    config = json.loads((model / "config.json").read_text())
    config["text_config"] |= WIDTHS | {"vocab_size": ROWS, "torch_dtype": "bfloat16"}
    config["audio_encoder_config"]["llm_dim"] = WIDTHS["hidden_size"]
    (model / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shards = sorted(model.glob("*.safetensors"))
    kept = {name: tensor for shard in shards for name, tensor in tensors_of(shard) if name.startswith(("encoder.", "adapter."))}
    for name in ("adapter.linear2.weight", "adapter.linear2.bias"):
        dtype, shape, data = kept[name]
        wide = [WIDTHS["hidden_size"], *shape[1:]]
        kept[name] = dtype, wide, bytes(len(data) // shape[0] * wide[0])
    for path in [*shards, *model.glob("*.index.json")]:
        path.unlink()
    write(model / "model.safetensors", kept)


def tensors_of(path: pathlib.Path) -> list[tuple[str, tuple[str, list[int], bytes]]]:
    """(name, (dtype, shape, bytes)) of each tensor of a safetensors file."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return [(name, (entry["dtype"], entry["shape"], data[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]]))
            for name, entry in header.items() if name != "__metadata__"]


def write(path: pathlib.Path, kept: dict[str, tuple[str, list[int], bytes]]) -> None:
    header, place = {}, 0
    for name, shape, numbers in language_model():
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [place, place := place + 2 * numbers]}
    for name, (dtype, shape, data) in kept.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place := place + len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    block = random_block()
    with path.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name, _, numbers in language_model():
            if "norm" in name:
                out.write(ONE * numbers)
                continue
            for start in range(0, numbers, BLOCK_NUMBERS):
                out.write(block[:2 * min(BLOCK_NUMBERS, numbers - start)])
        for _, _, data in kept.values():
            out.write(data)


def random_block() -> memoryview:
    source = random.Random(1)
    block = bytearray(2 * BLOCK_NUMBERS)
    block[0::2] = source.randbytes(BLOCK_NUMBERS)
    block[1::2] = source.randbytes(BLOCK_NUMBERS).translate(bytes(SMALL_POSITIVE | (value & SIGN) for value in range(256)))
    return memoryview(block)


# Run by a Python of its own, so that the peak is that of this one program.
PEAK = ("import resource, subprocess, sys\nstatus = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "print('{\"peak_kib\": %d}' % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\nsys.exit(status)")


def peak_command(command: list) -> list:
    """The same command, which then prints {"peak_kib": ...}: its resident memory at the highest, mapped files included."""
    return [sys.executable, "-c", PEAK, *command]


def size_of(bundle: pathlib.Path) -> int:
    """Bytes."""
    return sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
