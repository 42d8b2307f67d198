"""Reads the tensors of a `.pt` file that torch.save wrote, without torch and without running anything that is in it.

The file is a zip archive: `<root>/data.pkl`, a pickle that says which tensors there are, and `<root>/data/<key>`, the bytes
of each storage. A pickle is a program for a stack machine, and Python's own would import and call whatever it names. The
machine here knows containers, numbers, text and the few names below, and refuses the file at the first other thing."""
import pathlib
import pickletools
import zipfile

import numpy as np

from tensor_file import NUMPY_OF, WIDTH, Tensor

STORAGES = {"DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
            "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8"}
DICTIONARY = "collections.OrderedDict"
TENSOR = "torch._utils._rebuild_tensor_v2"
PARAMETER = "torch._utils._rebuild_parameter"
KNOWN = {DICTIONARY, TENSOR, PARAMETER} | {f"torch.{storage}" for storage in STORAGES}
MARK = object()


class Name:
    """A global that the pickle mentions: only ever compared, never looked up."""

    def __init__(self, text):
        self.text = text


class Storage:
    def __init__(self, dtype, key, elements):
        self.dtype, self.key, self.elements = dtype, key, elements


class View:
    """A tensor: a window on a storage; offset and strides in elements."""

    def __init__(self, storage, offset, shape, strides):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides


def read(path):
    """Every tensor by name; its bytes are read when they are needed. Raises ValueError with a sentence."""
    path = pathlib.Path(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a zip archive, which torch.save has written since version 1.6: "
                         "fetch it again, or save it anew with a current torch")
    try:
        entries, root, pickle = listing(path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # checksums, compression, encryption
        raise ValueError(f"{path} is damaged ({error}): fetch it again") from error
    value = Machine(path).run(pickle)
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}; expected tensors by name (a state_dict)")
    tensors = {}
    for name, view in value.items():
        if not isinstance(name, str) or not isinstance(view, View):
            raise ValueError(f"{path}: {name!r} is a {type(view).__name__}; expected a tensor")
        tensors[name] = tensor(path, name, view, entries.get(f"{root}data/{view.storage.key}"))
    return tensors


def listing(path):
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError(f"{path} holds {len(pickles)} files data.pkl; expected one, as torch.save writes it")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
            raise ValueError(f"{path} was written on a big-endian machine, which cannot be read here")
        return entries, root, archive.read(pickles[0])


def tensor(path, name, view, entry):
    if entry is None:
        raise ValueError(f"{path} lacks the bytes of {name} (data/{view.storage.key}): fetch it again")
    width = WIDTH[view.storage.dtype]
    if entry.file_size != view.storage.elements * width or entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{path}: data/{view.storage.key}, where {name} is, has {entry.file_size} bytes; expected "
                         f"{view.storage.elements} elements of {view.storage.dtype}, not compressed")
    last = view.offset + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides))
    if len(view.shape) != len(view.strides) or min((view.offset, *view.shape, *view.strides)) < 0 or (
            0 not in view.shape and last >= view.storage.elements):
        raise ValueError(f"{path}: {name} {list(view.shape)} reaches outside of its storage of {view.storage.elements} "
                         "elements")

    def load():
        try:
            with zipfile.ZipFile(path) as archive:  # checks the bytes' checksum
                raw = np.frombuffer(archive.read(entry.filename), np.uint8)
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{path} is damaged where {name} is ({error}): fetch it again") from error
        elements = raw.view("<u2" if view.storage.dtype == "BF16" else NUMPY_OF[view.storage.dtype])
        window = np.lib.stride_tricks.as_strided(elements[view.offset:], view.shape,
                                                 [stride * width for stride in view.strides], writeable=False)
        return np.ascontiguousarray(window).reshape(-1).view(np.uint8)

    return Tensor(view.storage.dtype, tuple(view.shape), load)


class Machine:
    """Runs the opcodes that a state_dict needs."""

    def __init__(self, path):
        self.path, self.stack, self.memo = path, [], {}

    def refuse(self, what):
        raise ValueError(f"{self.path} is refused: its pickle {what}, and only tensors in containers are read; "
                         "nothing of it was executed")

    def run(self, pickle):
        try:
            for opcode, argument, _ in pickletools.genops(pickle):
                if opcode.name == "STOP":
                    return self.stack.pop()
                action = getattr(self, "op_" + opcode.name.lower(), None)
                if action is None:
                    self.refuse(f"uses the operation {opcode.name}")
                action(argument)
        except (IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path}: its pickle is damaged: fetch it again") from error
        except ValueError as error:
            if str(error).startswith(str(self.path)):
                raise
            raise ValueError(f"{self.path}: its pickle is damaged ({error}): fetch it again") from error
        self.refuse("ends nowhere")

    def push(self, value):
        self.stack.append(value)

    def above_mark(self):
        place = len(self.stack) - 1
        while self.stack[place] is not MARK:
            place -= 1
            if place < 0:
                raise IndexError
        values = self.stack[place + 1:]
        del self.stack[place:]
        return values

    # ---- constants and containers
    def op_proto(self, version):
        pass

    op_frame = op_proto
    op_binint = op_binint1 = op_binint2 = op_long1 = op_binfloat = push
    op_binunicode = op_short_binunicode = push

    def op_none(self, _):
        self.push(None)

    def op_newtrue(self, _):
        self.push(True)

    def op_newfalse(self, _):
        self.push(False)

    def op_mark(self, _):
        self.push(MARK)

    def op_empty_dict(self, _):
        self.push({})

    def op_empty_list(self, _):
        self.push([])

    def op_empty_tuple(self, _):
        self.push(())

    def op_tuple(self, _):
        self.push(tuple(self.above_mark()))

    def op_tuple1(self, _):
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def op_tuple2(self, _):
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def op_tuple3(self, _):
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def op_append(self, _):
        value = self.stack.pop()
        self.container(list).append(value)

    def op_appends(self, _):
        values = self.above_mark()
        self.container(list).extend(values)

    def op_setitem(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self.container(dict)[key] = value

    def op_setitems(self, _):
        values = self.above_mark()
        self.container(dict).update(zip(values[::2], values[1::2]))

    def container(self, kind):
        if type(self.stack[-1]) is not kind:
            raise TypeError
        return self.stack[-1]

    # ---- memory
    def op_binput(self, place):
        self.memo[place] = self.stack[-1]

    op_long_binput = op_binput

    def op_memoize(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def op_binget(self, place):
        self.push(self.memo[place])

    op_long_binget = op_binget

    # ---- names, and the few calls that stand for tensors
    def op_global(self, both):
        self.name(both.replace(" ", "."))

    def op_stack_global(self, _):
        member, module = self.stack.pop(), self.stack.pop()
        self.name(f"{module}.{member}")

    def name(self, text):
        if text not in KNOWN:
            self.refuse(f"names {text}")
        self.push(Name(text))

    def op_binpersid(self, _):
        kind, storage, key, _, elements = self.stack.pop()
        if kind != "storage" or not isinstance(key, str) or not isinstance(elements, int):
            raise TypeError
        self.push(Storage(STORAGES[storage.text.removeprefix("torch.")], key, elements))

    def op_reduce(self, _):
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            self.refuse("calls something that it made itself")
        if function.text == DICTIONARY:
            self.push(dict(*arguments))
        elif function.text == TENSOR:
            storage, offset, shape, strides = arguments[:4]
            if not isinstance(storage, Storage):
                raise TypeError
            self.push(View(storage, offset, tuple(shape), tuple(strides)))
        elif function.text == PARAMETER:
            self.push(arguments[0])
        else:
            self.refuse(f"calls {function.text}")

    def op_build(self, _):
        state = self.stack.pop()  # a state_dict's `_metadata`: versions of its modules, which nothing here asks for
        if not isinstance(self.container(dict), dict) or not isinstance(state, dict):
            raise TypeError
