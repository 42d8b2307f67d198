"""Writes prompts.json: conversations as the models' own chat templates write them, for test/engine/text/chat_template_test.cpp.

    pip install jinja2==3.1.6
    python make_prompts.py FOLDER      # with smollm2.jinja, qwen2.5.jinja, llama3.jinja and llama3.1.jinja

The templates are the "chat_template" of each model's tokenizer_config.json: SmolLM2-Instruct, Qwen2.5-Instruct, Llama 3 Instruct
and Llama 3.1 Instruct. They are rendered as Hugging Face's transformers does, and recognised as the converter does.
"""
import json
import pathlib
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../scripts/convert"))
import chat_templates  # noqa: E402

WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "The weather of a city: \"now\" or later.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "enum": [1, 2]}},
                   "required": ["city"]}}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "Zeit in Zürich, jetzt.",
                                          "parameters": {"type": "object", "properties": {}}}}


def message(role, content):
    return {"role": role, "content": content}


def call(*calls, content=""):
    return {"role": "assistant", "content": content,
            "tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in calls]}


PLAIN = [
    [message("user", "What is the capital of France?")],
    [message("system", "You are terse. Answer in one word."), message("user", "Capital of France?")],
    [message("user", "Hi!"), message("assistant", "Hello, how can I help?"), message("user", "Tell me a joke."),
     message("assistant", "Why did the chicken cross the road?\n\nTo get to the other side."), message("user", "Another, 再来一个 😀")],
    [message("system", "Be kind."), message("user", "One"), message("assistant", "Two"), message("system", "Now be rude."),
     message("user", "def f(x):\n    return x**2")],
    [message("user", "")],
]
TRIMMED = [[message("system", "  Be kind. \n"), message("user", " One \n\n"), message("assistant", "\tTwo "), message("user", "x")]]
WITH_TOOLS = [
    ([WEATHER], [message("user", "Weather in Oslo?")]),
    ([WEATHER, CLOCK], [message("system", "You speak like a pirate."), message("user", "Weather in Oslo?"),
                        call(("weather", {"city": "Oslo", "days": 2})), message("tool", "{\"sky\": \"grey\"}"),
                        message("assistant", "Arr, grey."), message("user", "And in Łódź, at what time?"),
                        call(("weather", {"city": "Łódź"}), ("clock", {}), content="Let me look."),
                        message("tool", "rain"), message("tool", "12:30"), message("assistant", "Rain at half past twelve."),
                        message("user", "Thanks.")]),
]


def environment():
    jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    jinja.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return jinja


def main():
    folder = pathlib.Path(sys.argv[1])
    written = []
    for model, conversations in {"smollm2": PLAIN, "qwen2.5": PLAIN, "llama3": PLAIN + TRIMMED, "llama3.1": PLAIN + TRIMMED}.items():
        source = (folder / f"{model}.jinja").read_text().rstrip("\n")
        template = environment().from_string(source)
        cases = [(None, messages) for messages in conversations] + (WITH_TOOLS if model == "qwen2.5" else [])
        written.append({"model": model, "chat_template": chat_templates.recognize(source, model), "conversations": [
            {"tools": tools or [], "messages": messages, "prompt": template.render(
                messages=messages, tools=tools, bos_token="<|begin_of_text|>", add_generation_prompt=True)}
            for tools, messages in cases]})
    (HERE / "prompts.json").write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n")


main()
