"""Golden data of the prompts: conversations rendered to ids by transformers' tokenizer, cut as the reference cuts them.

Writes prompts.json, [{"name", "messages", "base", "ids"}] with audio items as {"type": "audio", "samples": N} at 16 kHz, and
prompts_tokenizer.json: the tiny checkpoint's tokenizer without most of its audio tokens, which makes it small enough to be
kept; what is left has the same ids in both.
"""
import json
import pathlib
import tempfile

import transformers

from .reference import hearing, prompt
from .whole_chain import ASKED, CALL, FOUND, SCHEMAS, SPEAK, SYSTEM, WRITE, tiny_checkpoint

KEPT_AUDIO_TOKENS = 64
MEL_HOP = 160


def make(folder: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(prefix="parley-prompts-") as work:
        whole = tiny_checkpoint(pathlib.Path(work), "mini").tokenizer
        text = shortened((pathlib.Path(work) / "checkpoint" / "tokenizer.json").read_text())
    (folder / "prompts_tokenizer.json").write_text(text)
    # A file that is named tokenizer.json in a folder is how the class is handed one.
    kept = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "prompts_tokenizer.json"))
    lines = []
    for name, base, messages in cases(whole):
        ids = prompt.build(whole, messages, base, groups_of).ids
        if prompt.build(kept, messages, base, groups_of).ids != ids:
            raise RuntimeError(f"prompt {name}: the shortened tokenizer disagrees with the whole one")
        lines.append(json.dumps({"name": name, "base": base, "messages": messages, "ids": ids}, ensure_ascii=False))
    (folder / "prompts.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


def shortened(text: str) -> str:
    """A tokenizer.json without <audio_64> and those after it."""
    tokenizer = json.loads(text)
    surplus = {f"<audio_{value}>" for value in range(KEPT_AUDIO_TOKENS, 6562)}
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["content"] not in surplus]
    tokenizer["model"]["vocab"] = {token: place for token, place in tokenizer["model"]["vocab"].items() if token not in surplus}
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")) + "\n"


def groups_of(item: dict) -> list[str]:
    """The same arithmetic as for a recording, by its length alone."""
    pieces = [min(hearing.PIECE_SAMPLES, item["samples"] - start) for start in range(0, item["samples"], hearing.PIECE_SAMPLES)]
    return [prompt.audio_group(hearing.token_count((piece + hearing.RIGHT_PADDING) // MEL_HOP)) for piece in pieces]


def cases(tokenizer) -> list[tuple[str, bool, list[dict]]]:
    first, pad, end, start = tokenizer.convert_tokens_to_ids(["<audio_0>", "<tts_pad>", "<tts_end>", "<tts_start>"])
    hello = tokenizer("Hello there.")["input_ids"]
    spoken = [token for place, text in enumerate(hello) for token in (text, *(first + (7 * place + slot) % 64 for slot in range(4)))]

    def audio(samples: int) -> dict:
        return {"type": "audio", "samples": samples}

    def text(value: str) -> dict:
        return {"type": "text", "text": value}

    def human(*items) -> dict:
        return {"role": "human", "content": list(items)}

    said = {"role": "assistant", "content": [text("<tts_start>"), {"type": "token", "token": [*spoken, end]}]}
    return [
        ("text asked, text answered", False, [SYSTEM, ASKED, WRITE]),
        ("text asked, speech answered", False, [SYSTEM, ASKED, SPEAK]),
        ("the user is human", False, [{"role": "user", "content": "Hi"}, WRITE]),
        ("speech asked", False, [SYSTEM, human(audio(24000)), SPEAK]),
        ("speech longer than a piece", False, [human(audio(400000 + 8000)), WRITE]),
        ("speech of exactly two pieces, and every residue of the count", False,
         [human(audio(800000)), *(human(audio(16000 + 160 * more)) for more in range(8)), WRITE]),
        ("items are tokenised apart", False, [human(text("  The quick bro"), text("wn fox"), audio(16000), text("\n\njumps  ")), WRITE]),
        ("a text is tokenised in one with its role", False, [{"role": "human", "content": "\n\n  indented"}, WRITE]),
        ("spoken history", False, [SYSTEM, human(audio(24000)), said, {"role": "human", "content": "Now write a 4-line poem about it."}, WRITE]),
        ("spoken history with pads", False,
         [human(text("Say it.")), {"role": "assistant", "content": [{"type": "token", "token": [
             start, hello[0], first, first + 1, first + 2, first + 3, pad, first + 4, first + 5, first + 6, first + 7, end]}]},
          {"role": "human", "content": "Again."}, SPEAK]),
        ("tools are declared", False, [SYSTEM, {"role": "tool_json_schemas", "content": json.dumps(SCHEMAS, ensure_ascii=False)},
                                       human(audio(79584)), SPEAK]),
        ("a tool is called and answers", False, [
            SYSTEM, {"role": "tool_json_schemas", "content": json.dumps(SCHEMAS, ensure_ascii=False)}, human(audio(79584)),
            {"role": "assistant", "content": [*said["content"], text(CALL)]},
            {"role": "input", "content": [text(FOUND[:33]), text(FOUND[33:])]}, SPEAK]),
        ("thinking is opened", False, [{"role": "system", "content": "想一想再回答。"}, human(audio(40000)),
                                       {"role": "assistant", "content": "\n<think>\n", "eot": False}]),
        ("thinking is closed and speech begins", False, [
            human(audio(40000)), {"role": "assistant", "content": "\n<think>\nA calm voice.\n</think>\n\n<tts_start>", "eot": False}]),
        ("scripts, digits, marks and special tokens in texts", False, [
            {"role": "system", "content": "请记录下你所听到的语音内容。"}, {"role": "human", "content": "naïve café 1234567 — ¿qué? 😀\t\r\n<|EOT|><audio_3>"},
            {"role": "observer", "content": ""}, WRITE]),
        ("base: texts, sound and tokens in a row", True, [
            {"role": "user", "content": "Read this paragraph at a natural pace.\n"}, ASKED, human(audio(24000), text("<tts_start>"))]),
        ("base: a continuation of tokens", True, [human({"type": "token", "token": spoken}, text("and")), WRITE]),
    ]
