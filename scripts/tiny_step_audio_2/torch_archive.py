"""Writes tensors as torch.save does: a zip archive with a pickle and the bytes of each storage. torch.load(weights_only=True)
reads it."""
import struct
import zipfile

STORAGE = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same tensors make the same bytes
ALIGNMENT = 64


def write(path, arrays):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        put(archive, "archive/data.pkl", pickled(arrays))
        put(archive, "archive/byteorder", b"little")
        for key, array in enumerate(arrays.values()):
            put(archive, f"archive/data/{key}", array.tobytes())
        put(archive, "archive/version", b"3\n")


def put(archive, name, data):
    entry = zipfile.ZipInfo(name, EPOCH)
    header = archive.fp.tell() + 30 + len(name)
    padding = -(header + 4) % ALIGNMENT  # torch maps a storage where it lies
    entry.extra = struct.pack("<HH", 0x4246, padding) + b"Z" * padding
    archive.writestr(entry, data)


def pickled(arrays):
    """OrderedDict of _rebuild_tensor_v2 calls, in pickle protocol 2."""
    program = [b"\x80\x02", name("collections", "OrderedDict"), b")R("]
    for key, (tensor_name, array) in enumerate(arrays.items()):
        strides = [stride // array.itemsize for stride in array.strides]
        program += [text(tensor_name), name("torch._utils", "_rebuild_tensor_v2"), b"((", text("storage"),
                    name("torch", STORAGE[str(array.dtype)]), text(str(key)), text("cpu"), number(array.size), b"tQ",
                    number(0), numbers(array.shape), numbers(strides), b"\x89", name("collections", "OrderedDict"), b")R",
                    b"tR"]
    return b"".join([*program, b"u."])


def name(module, member):
    return f"c{module}\n{member}\n".encode()


def text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value):
    return b"J" + struct.pack("<i", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"
