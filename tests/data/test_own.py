"""What digits of one's own are called, and their classes."""

import hashlib

import numpy as np
import pytest
from idx_files import four_files, gzipped, images_file, labels_file, some_labels, some_pixels

from cnn import Recipe
from data import DataError, Digits, Uploaded, class_names, is_own, load, load_idx, named_by_content
from data.own import LONGEST_CLASS

KUZUSHIJI = "お, き, す, つ, な, は, ま, や, れ, を"


def uploaded(files: dict[str, bytes]) -> list[Uploaded]:
    return [Uploaded(name, content) for name, content in files.items()]


def refusal(files: dict[str, bytes], most: int = 1000) -> str:
    with pytest.raises(DataError) as caught:
        load_idx(uploaded(files), most)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ". " not in sentence
    return sentence


def some_digits(last: int = 0) -> Digits:
    images = np.arange(3 * 784, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)
    return Digits("folder", images, np.array([1, 2, 3]), images[:1], np.array([last]))


# ---- The name ----


def test_the_name_is_a_checksum_of_everything_in_them() -> None:
    digits = some_digits()
    pixels = digits.images.tobytes()
    parts = (3, pixels), (3, b"\1\2\3"), (1, pixels[:784]), (1, b"\0")
    content = b"".join(count.to_bytes(8, "big") + part for count, part in parts)
    name = named_by_content(digits).name
    assert name == f"own-{hashlib.sha256(content).hexdigest()[:8]}"
    assert is_own(name)
    assert Recipe(data=name).data == name  # a name that a recipe can have
    assert named_by_content(some_digits(last=1)).name != name


def test_a_name_without_its_digits_is_refused() -> None:
    with pytest.raises(DataError, match="own-0a1b2c3d are somebody's own: bring the same files"):
        load("own-0a1b2c3d")


# ---- The classes ----


def test_names_of_classes_are_read() -> None:
    assert class_names("0,1,2,3,4,5,6,7,8,9") == tuple("0123456789")
    fashion = "T-shirt/top, Trouser,Pullover,  Dress , Coat,Sandal,Shirt,Sneaker,Bag,Ankle  boot"
    assert class_names(fashion)[0] == "T-shirt/top"
    assert class_names(fashion)[3] == "Dress"
    assert class_names(fashion)[9] == "Ankle boot"
    assert class_names(KUZUSHIJI) == tuple("おきすつなはまやれを")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "0 names are given where there are 10"),
        ("a,b,c", "3 names are given where there are 10"),
        ("0,1,2,3,4,5,6,7,8,9,10", "11 names are given"),
        ("0,1,2,3,,5,6,7,8,9", "9 names are given"),
        ("0,1,2,3,4,5,6,7,8,8", "Two classes are called 8"),
        ("0,1,2,3,4,5,6,7,8," + "x" * (LONGEST_CLASS + 1), "is too long"),
        ("0,1,2,3,4,5,6,7,8,<b>", "cannot have '<' in its name"),
        ("0,1,2,3,4,5,6,7,8,![](x)", "cannot have '!' in its name"),
        ("0,1,2,3,4,5,6,7,8,a\0", "in its name"),
    ],
)
def test_names_that_no_class_can_have_are_refused(text: str, wrong: str) -> None:
    with pytest.raises(DataError) as caught:
        class_names(text)
    assert wrong in str(caught.value)
    assert ". " not in str(caught.value).replace("' . /", "")


# ---- Four uploaded files ----


@pytest.mark.parametrize("packed", [False, True])
def test_four_uploaded_files_are_read(packed: bool) -> None:
    files = gzipped(four_files()) if packed else four_files()
    digits = load_idx(uploaded(files))
    assert digits.images.tobytes() == some_pixels(5, 1)
    assert digits.labels.tolist() == list(some_labels(5, 2))
    assert digits.held_out_images.tobytes() == some_pixels(3, 3)
    assert digits.held_out_labels.tolist() == list(some_labels(3, 4))
    assert not digits.images.flags.writeable
    assert digits.name == load_idx(uploaded(four_files())[::-1]).name
    assert is_own(digits.name)


def test_what_has_become_of_the_names_does_not_matter() -> None:
    first, second, third, fourth = four_files().values()
    names = (
        "emnist-digits-train-images-idx3-ubyte (1).gz",
        "Train-Labels.bin",
        "my-test-images",
        "t10k-labels.idx1-ubyte",
    )
    files = dict(zip(names, (first, second, third, fourth), strict=True))
    assert load_idx(uploaded(files)).name == load_idx(uploaded(four_files())).name


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_file_is_named(missing: int) -> None:
    files = four_files()
    name = list(files)[missing]
    del files[name]
    assert f"has {name.split('-idx')[0]} in the name" in refusal(files)


def test_a_file_twice_is_refused() -> None:
    files = four_files()
    files["train-images (1)"] = files["train-images-idx3-ubyte"]
    assert refusal(files).startswith("2 of the 5 files have train-images in the name")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (images_file(some_pixels(5))[:-1], "has fewer bytes than the 5 images"),
        (b"PK\3\4 no IDX file", "is not an IDX file"),
        (images_file(some_pixels(5), 2**31), "promises 2,147,483,648 images"),
        (images_file(some_pixels(5), 1001), "at most 1,000"),
        (images_file(some_pixels(4)), "has 4 images but"),
        (b"", "ends within its header"),
    ],
)
def test_a_broken_file_is_refused_by_its_name(content: bytes, wrong: str) -> None:
    sentence = refusal(four_files() | {"train-images-idx3-ubyte": content})
    assert sentence.startswith("train-images-idx3-ubyte ")
    assert wrong in sentence


def test_a_label_beyond_nine_is_refused() -> None:
    files = four_files() | {"t10k-labels-idx1-ubyte": labels_file(b"\1\2\x0a")}
    assert "item 3 the label 10" in refusal(files)
