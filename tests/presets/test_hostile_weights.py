"""Weights files with anything but plain arrays, or with damaged bits. The hashes are right."""

import io
import random

import h5py
import numpy as np
import pytest
from hostile import WEIGHTS, flipped, rehashed


def rebuilt(content, change):
    """The bytes of an HDF5 file after `change(file)`."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def arrays(content):
    found = []
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(
            lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
        )
    return found


@pytest.mark.mutations(100)
def test_weights_that_are_no_plain_arrays(presets, judge, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["a"] = np.zeros((4, 2), "float32")
    (tmp_path / "raw").write_bytes(b"\0" * 1000)

    def put(value, **options):
        def change(file, name):
            shape = file[name].shape
            del file[name]
            if value is None:
                file.create_dataset(name, shape, **{"dtype": "float32", **options})
            else:
                file[name] = value(shape) if callable(value) else value

        return change

    def virtual(file, name):
        shape = file[name].shape
        del file[name]
        layout = h5py.VirtualLayout(shape, "float32")
        layout[...] = h5py.VirtualSource(tmp_path / "other.h5", "a", shape)
        file.create_virtual_dataset(name, layout)

    def moved(file, name):
        file.move(name, name + "x")

    def cycle(file, name):
        file[name].parent["again"] = file["/"]

    def twice(file, name):
        file[name].parent["again"] = file[name]

    def many(file, name):
        for i in range(3000):
            file.create_group(f"group_{i}")

    def deep(file, name):
        file.create_group("/".join("a" * 100))

    changes = {
        "a link to another file": put(h5py.ExternalLink(str(tmp_path / "other.h5"), "a")),
        "a soft link": put(h5py.SoftLink("/vars/0")),
        "a virtual array": virtual,
        "an array in another file": put(None, external=[(str(tmp_path / "raw"), 0, 1000)]),
        "compressed": put(None, compression="gzip"),
        "in chunks": put(None, chunks=True),
        "never written": lambda file, name: (
            file.move(name, "old"),
            file.create_dataset(name, (10**6, 10**6), "float32"),
        ),
        "a bomb": lambda file, name: (
            file.move(name, "old"),
            file.create_dataset(
                name, (10**5, 10**5), "float32", chunks=(1000, 1000), compression="gzip"
            ),
        ),
        "text": put("os.system"),
        "bytes": put(np.array([b"abc", b"def"])),
        "complex": put(lambda shape: np.zeros(shape, "complex64")),
        "a table": put(lambda shape: np.zeros(shape, [("a", "f4"), ("b", "f4")])),
        "references": put(None, dtype=h5py.ref_dtype),
        "NaN": put(lambda shape: np.full(shape, np.nan, "float32")),
        "infinite": put(lambda shape: np.full(shape, np.inf, "float32")),
        "an axis more": put(lambda shape: np.zeros((*shape, 1), "float32")),
        "longer": put(lambda shape: np.zeros([n + 1 for n in shape] or [2], "float32")),
        "empty": put(h5py.Empty("float32")),
        "a group": lambda file, name: (file.move(name, "old"), file.create_group(name)),
        "under another name": moved,
        "missing": lambda file, name: file.__delitem__(name),
        "a circle": cycle,
        "one array under two names": twice,
        "thousands of groups": many,
        "groups in groups": deep,
    }
    for preset in ("AE", "own"):
        files = presets[preset]
        names = arrays(files[WEIGHTS])
        for label, change in changes.items():
            for name in names[:2]:
                changed = rebuilt(
                    files[WEIGHTS], lambda file, change=change, name=name: change(file, name)
                )
                judge(
                    preset, f"{name} is {label}", rehashed({**files, WEIGHTS: changed}), "refused"
                )
        for label, content in {
            "nothing": b"",
            "no HDF5": b"PK\3\4" * 100,
            "a signature alone": b"\x89HDF\r\n\x1a\n",
        }.items():
            judge(
                preset, f"the weights are {label}", rehashed({**files, WEIGHTS: content}), "refused"
            )


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(slice(10), id="first", marks=pytest.mark.mutations(10)),
        pytest.param(
            slice(10, 50), id="others", marks=[pytest.mark.mutations(40), pytest.mark.slow]
        ),
    ],
)
@pytest.mark.parametrize("name", ["AE", "own"])
def test_bits_of_the_weights_file(name, part, presets, judge):
    """Bits of the file's structure, not of the values or their addresses.

    With the right hash, any values and addresses are valid.
    """
    files = presets[name]
    content = files[WEIGHTS]
    inside = set()
    with h5py.File(io.BytesIO(content)) as file:
        for path in arrays(content):
            start = file[path].id.get_offset()
            address = content.index(start.to_bytes(8, "little"))
            inside |= {*range(start, start + file[path].nbytes), *range(address, address + 8)}
    structure = [
        position
        for position, byte in enumerate(content)
        if position not in inside and (byte or position % 16 == 0)
    ]
    chance = random.Random(name)
    bits = [(position, chance.randrange(8)) for position in chance.sample(structure, 50)]
    for position, bit in bits[part]:
        changed = flipped(content, 8 * position + bit)
        judge(
            name, f"byte {position} of the weights", rehashed({**files, WEIGHTS: changed}), "either"
        )
