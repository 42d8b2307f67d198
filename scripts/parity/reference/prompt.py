"""Conversations to prompt ids, cut for the tokenizer as the reference cuts them: it never merges across two of the texts.

A message is {"role", "content", "eot"?}: content is a text (tokenised in one with its role), null (the role alone: the turn
is open) or a list of items {"type": "text", "text"}, {"type": "audio", ...}, {"type": "token", "token": [ids]}, each tokenised
on its own. A base model knows no roles and no ends of turns.
"""
import dataclasses
from collections.abc import Callable

TURN, END = "<|BOT|>", "<|EOT|>"
ROLES = {"user": "human"}
AudioTexts = Callable[[dict], list]  # the texts or id lists that an audio item stands for, one a piece


@dataclasses.dataclass
class Prompt:
    ids: list[int]
    scored: list[int]  # places in ids


def audio_group(tokens: int) -> str:
    return "<audio_start>" + "<audio_patch>" * tokens + "<audio_end>"


def build(tokenizer, messages: list[dict], base: bool, audio: AudioTexts) -> Prompt:
    prompt = Prompt([], [])

    def add(part, scored: bool = False) -> None:
        ids = tokenizer(part)["input_ids"] if isinstance(part, str) else list(part)
        if scored:
            prompt.scored += range(len(prompt.ids), len(prompt.ids) + len(ids))
        prompt.ids += ids

    for message in messages:
        content, scored = message["content"], message.get("score", False)
        role = "" if base else f"{TURN}{ROLES.get(message['role'], message['role'])}\n"
        end = END if not base and message.get("eot", True) else ""
        if content is None:
            add(role)
        elif isinstance(content, str):
            if scored and not base:
                raise ValueError("a scored message of a chat needs its content as a list: a text is tokenised in one with its role")
            add(role + content + end, scored)
        else:
            add(role)
            for item in content:
                for part in parts_of(item, audio):
                    add(part, scored)
            add(end)
    return prompt


def parts_of(item: dict, audio: AudioTexts) -> list:
    if item["type"] == "audio":
        return audio(item)
    return [item[item["type"]]]
