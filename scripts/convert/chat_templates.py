"""Recognises a checkpoint's chat template (Jinja text) as one of those that engine/text/chat_template.cpp writes."""
import re

NEWLINE = r"(?:\n|\\n)"  # a template's text has line ends as such or escaped
NO_EXPRESSION = r"[^'\"{}<>]+?"


def recognize(template, source):
    """The "chat_template" entry of config.json, or ValueError with a sentence."""
    if "<|start_header_id|>" in template and "<|eot_id|>" in template:
        found = {"form": "llama3", "default_instructions": "", "preamble": ""}
        if "Cutting Knowledge Date" in template:  # 3.1 and later open every conversation with these lines
            date = re.search(r'date_string = "([^"]+)"', template)
            found["preamble"] = ("Cutting Knowledge Date: December 2023\n"
                                 f"Today Date: {date.group(1) if date else '26 Jul 2024'}\n\n")
        return found
    if "<|im_start|>" in template and "<|im_end|>" in template:
        if "<think>" in template:
            raise ValueError(f"{source}: its chat template is that of a model that thinks aloud, which cannot be spoken")
        default = re.search(rf"<\|im_start\|>system{NEWLINE}({NO_EXPRESSION})<\|im_end\|>", template)
        return {"form": "chatml", "default_instructions": default.group(1) if default else "", "preamble": ""}
    raise ValueError(f"{source}: its chat template is of a form that is not known here (ChatML and Llama 3 are); "
                     f"it begins {template[:80]!r}")
