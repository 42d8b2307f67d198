"""Which recipe (prompts, stop tokens, sampling) goes into the bundle: a file of config/models/, or one that is named."""
import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "config" / "models"
DEFAULT = "step-audio-2-mini"
# Words of a checkpoint's name, most telling first. Nothing in its files tells the members of the family apart.
HINTS = (("mclp-rp-tts-grpo", "mclp-rp-tts-grpo"), ("mclp-rp-tts", "mclp-rp-tts"), ("mclp-cs", "mclp-cs"),
         ("think", "step-audio-2-mini-think"), ("base", "step-audio-2-mini-base"))


def choose(asked, checkpoint, config, folder=FOLDER):
    """(content, sentence on why this one). Raises ValueError with a sentence."""
    if asked is not None:
        path = pathlib.Path(asked)
        if not path.is_file():
            path = folder / f"{asked}.json"
        why = f"recipe: {path.stem}, as asked for"
    else:
        name, hint = by_name(checkpoint, config)
        path = folder / f"{name}.json"
        why = f"recipe: {name}, " + (f"as {hint!r} says; name another with --recipe" if hint else
                                     "the default; name another with --recipe")
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.json"))) or "none"
        raise ValueError(f"{asked if asked is not None else path} is no recipe; those of config/models are: {names}; or name a "
                         "file")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} should hold a JSON object")
    return content, why


def by_name(checkpoint, config):
    for name in (pathlib.Path(checkpoint).resolve().name, str(config.get("_name_or_path", ""))):
        for word, recipe in HINTS:
            if word in name.lower():
                return recipe, name
    return DEFAULT, ""
