import numpy as np
import pytest

from keras_ae.cli import arrays

TABLE = np.array([[1.5, -2.0, 3e4], [0.25, 0.0, 7.0]])


@pytest.mark.parametrize("head", ["", "a,b,c\n", '\ufeff"a ""x""",b,c\n'])
def test_a_csv_file_with_and_without_names(tmp_path, head):
    path = tmp_path / "table.csv"
    path.write_text(head + "1.5,-2,3e4\n\n0.25, 0 ,7\n", encoding="utf-8")
    np.testing.assert_array_equal(arrays.read(path, (3,)), TABLE)


def test_an_empty_cell_is_a_missing_value(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n1.5,,3e4\n0.25,0,\n")
    found = arrays.read(path, (3,))
    assert np.isnan(found[0, 1]) and np.isnan(found[1, 2]) and np.isnan(found).sum() == 2


def test_arrays_of_numpy(tmp_path):
    images = np.arange(32, dtype="uint8").reshape(2, 4, 4)
    np.save(tmp_path / "x.npy", images)
    np.savez(tmp_path / "one.npz", anything=images)
    np.savez(tmp_path / "two.npz", x=images, y=[0, 1])
    for name in ("x.npy", "one.npz", "two.npz"):
        found = arrays.read(tmp_path / name, (4, 4, 1))
        np.testing.assert_array_equal(found, images)
        assert found.dtype == "uint8"


def test_images_as_lines_of_numbers(tmp_path):
    (tmp_path / "images.csv").write_text("0,1,2,3,4,5\n6,7,8,9,10,11\n")
    found = arrays.read(tmp_path / "images.csv", (3, 2, 1))
    np.testing.assert_array_equal(found, np.arange(12).reshape(2, 3, 2, 1))


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("table.txt", "1,2,3", r"--data to end in one of .csv, .npy, .npz"),
        ("table.csv", "a,b,c\n", "at least one line of numbers"),
        ("table.csv", "1,2,3\n4,five,6", r"line 2 of the numbers .* Received: 'five'"),
        ("table.csv", "1,2,3\n4,5", "to hold 3 numbers. Received: 2 values"),
        ("table.csv", "1,2\n3,4", r"examples of the shape \(3,\), or 3 values each"),
        ("table.npz", "1,2,3", "an array with the name x"),
    ],
    ids=["suffix", "names only", "text", "ragged", "columns", "damaged"],
)
def test_another_file_is_an_error(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        arrays.read(tmp_path / name, (3,))


def test_two_arrays_without_x_and_no_file_are_errors(tmp_path):
    np.savez(tmp_path / "two.npz", a=TABLE, b=TABLE)
    with pytest.raises(ValueError, match="with the name x"):
        arrays.read(tmp_path / "two.npz", (3,))
    with pytest.raises(FileNotFoundError, match="Expected --data to be a file"):
        arrays.read(tmp_path / "none.npz", (3,))
