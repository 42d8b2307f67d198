"""Imports the public reference packages without what their `__init__` files drag in.

`stepaudio2` imports its CUDA-only classes and hyperpyyaml, `chatterbox` a whole synthesizer; what is needed are a few
modules of each. An empty package that only knows its folder stands in for `stepaudio2`; the one file of `chatterbox` is
loaded by its path.
"""
import importlib
import importlib.util
import pathlib
import sys
import types


def installed(package: str) -> pathlib.Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"the package {package} is not installed: make the environment that scripts/make_parity_data.py describes")
    return pathlib.Path(next(iter(found.submodule_search_locations)))


def stepaudio2(module: str):
    """A module of stepaudio2-minicpmo, such as `flashcosyvoice.modules.hifigan`."""
    if "stepaudio2" not in sys.modules:
        hollow = types.ModuleType("stepaudio2")
        hollow.__path__ = [str(installed("stepaudio2"))]
        sys.modules["stepaudio2"] = hollow
    return importlib.import_module(f"stepaudio2.{module}")


def camplus():
    """chatterbox's port of CAM++, the module with the class CAMPPlus."""
    path = installed("chatterbox") / "models" / "s3gen" / "xvector.py"
    spec = importlib.util.spec_from_file_location("reference_xvector", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
