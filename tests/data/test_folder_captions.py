"""Captions of a folder's pictures, beside each or in one file, and a run that learns from them."""

import csv
import json

import pytest
from PIL import Image

from tests.support import runs
from tfgen import data
from tfgen.data import shapes
from tfgen.errors import UserError

TEXTS = {
    "a.png": ["a red dot"],
    "b.png": ["a blue dot", "it is blue, and a dot"],
    "sub/c.png": ["nothing", "a void", "emptiness"],
}


def pictures(root, names=TEXTS):
    """A picture of each name, all of one colour of its own."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (10 * i, 0, 9)).save(root / name)


def beside(root, texts=TEXTS):
    for name, lines in texts.items():
        (root / name).with_suffix(".txt").write_text("\n".join(lines) + "\n\n")


def rows(texts):
    return [{"file_name": name, "text": text} for name in texts for text in texts[name]]


def as_jsonl(root, texts=TEXTS):
    root.joinpath("metadata.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows(texts)))


def as_csv(root, texts=TEXTS):
    with open(root / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "file_name"])
        writer.writeheader()
        writer.writerows(rows(texts))


def captions_of(root, split="train"):
    """{name: captions} as `load` gives them, found again by colour."""
    held = data.arrays(data.open_source(str(root)).load(split, ("caption",)))
    names = [list(TEXTS)[image[0, 0, 0] // 10] for image in held["image"]]
    every = held.get("captions", held["caption"][:, None])
    assert [row[0] for row in every] == list(held["caption"])
    texts = [[text.decode() for text in row if text] for row in every]
    return dict(zip(names, texts, strict=True))


@pytest.mark.parametrize("write", [beside, as_jsonl, as_csv])
def test_captions_go_with_their_pictures(write, tmp_path):
    pictures(tmp_path)
    write(tmp_path)
    (tmp_path / "README.txt").write_text("Three pictures.")
    assert captions_of(tmp_path) == TEXTS
    # Only where they are asked for.
    assert set(data.arrays(data.open_source(str(tmp_path)).load("train"))) == {"image"}


def test_one_caption_a_picture_is_no_list(tmp_path):
    pictures(tmp_path)
    beside(tmp_path, {name: texts[:1] for name, texts in TEXTS.items()})
    held = data.arrays(data.open_source(str(tmp_path)).load("train", ("caption",)))
    assert set(held) == {"image", "caption"}


@pytest.mark.parametrize("place", ["each", "above"])
def test_metadata_of_splits_stand_in_each_or_above_them(place, tmp_path):
    for split in ("train", "test"):
        pictures(tmp_path / split)
        if place == "each":
            as_jsonl(tmp_path / split)
    if place == "above":
        named = [(f"{split}/{name}", TEXTS[name]) for split in ("train", "test") for name in TEXTS]
        as_csv(tmp_path, dict(named))
    assert captions_of(tmp_path, "train") == captions_of(tmp_path, "test") == TEXTS


def test_a_folder_without_captions_is_refused_by_who_wants_them(tmp_path):
    pictures(tmp_path)
    source = data.open_source(str(tmp_path))
    assert "caption" not in source.load("train", ("caption",)).examples().element_spec


def refused(root, message):
    with pytest.raises(UserError, match=message):
        data.open_source(str(root)).load("train", ("caption",))


@pytest.mark.parametrize("write", [beside, as_jsonl, as_csv])
def test_a_picture_without_caption(write, tmp_path):
    pictures(tmp_path)
    write(tmp_path, {name: TEXTS[name] for name in ("a.png", "b.png")})
    refused(tmp_path, r"1 of 3 pictures have no caption, as .*sub/c\.png: give each")


def test_empty_captions(tmp_path):
    pictures(tmp_path)
    beside(tmp_path)
    (tmp_path / "b.txt").write_text("\n \n")
    refused(tmp_path, r"b\.txt is empty: it wants a caption a line")
    (tmp_path / "b.txt").write_text("blue\n ... \n")
    refused(tmp_path, r"b\.txt, line 2: the caption '\.\.\.' has no word")
    for name in TEXTS:
        (tmp_path / name).with_suffix(".txt").unlink()
    as_jsonl(tmp_path, TEXTS | {"b.png": ["blue", "  "]})
    refused(tmp_path, r"metadata\.jsonl, line 3: the caption '' has no word")


def test_captions_in_two_ways(tmp_path):
    pictures(tmp_path)
    as_jsonl(tmp_path)
    beside(tmp_path, {"b.png": ["blue"]})
    refused(tmp_path, r"captions in two ways, as .*b\.txt and in .*metadata\.jsonl: keep one")
    (tmp_path / "b.txt").unlink()
    as_csv(tmp_path)
    refused(tmp_path, r"has metadata\.jsonl and metadata\.csv: keep one")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"file_name": "b.png", "text": "blue"', r"line 2 is no JSON: .*column \d+"),
        ('["b.png", "blue"]', r"line 2 is no object"),
        ('{"file_name": "b.png", "caption": "blue"}', r"line 2 has no string 'text', but 'file_n"),
        ('{"file_name": "b.png", "text": ["blue"]}', r"line 2 has no string 'text'.*several rows"),
        ('{"file_name": "z.png", "text": "blue"}', r"line 2 names 'z\.png', and there is no file"),
    ],
)
def test_broken_lines_of_metadata_are_named(line, message, tmp_path):
    pictures(tmp_path)
    good = json.dumps({"file_name": "a.png", "text": "red"})
    (tmp_path / "metadata.jsonl").write_text(f"{good}\n{line}\n{good}\n")
    refused(tmp_path, rf"metadata\.jsonl, {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_name,text\na.png,a red, small dot\n", r"line 2 has more fields .* wants quotes"),
        ("file,text\na.png,red\n", r"line 2 has no string 'file_name', but 'file', 'text'"),
        ("file_name,text\na.png\n", r"line 2 has no string 'text'"),
        ('file_name,text\na.png,"red\n', r"is no CSV after line 1: unexpected end of data"),
        ("file_name,text\na.png,r\udce9d\n", r"is not UTF-8"),
    ],
)
def test_broken_csv(text, message, tmp_path):
    pictures(tmp_path)
    (tmp_path / "metadata.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(tmp_path, rf"metadata\.csv.* ?{message}")


def test_captions_as_other_tools_write_them(tmp_path, monkeypatch):
    """Names in capitals, whole paths, half a character, a book for a caption."""
    pictures(tmp_path)
    beside(tmp_path)
    (tmp_path / "a.txt").rename(tmp_path / "a.TXT")
    assert captions_of(tmp_path) == TEXTS
    (tmp_path / "b.txt").write_text("a line\n" * 101)
    refused(tmp_path, r"b\.png has 101 captions, and 100 are read at most")
    for text in (*tmp_path.rglob("*.txt"), tmp_path / "a.TXT"):
        text.unlink()
    absolute = [
        {"file_name": str(tmp_path / r["file_name"]), "text": r["text"]} for r in rows(TEXTS)
    ]
    table = tmp_path / "metadata.jsonl"
    table.write_text("".join(json.dumps(r) + "\n" for r in absolute))
    monkeypatch.chdir(tmp_path.parent)
    assert captions_of(f"./{tmp_path.name}") == TEXTS
    table.write_text('{"file_name": "a.png", "text": "red \\ud83d"}\n')
    refused(tmp_path, r"line 1: the caption .* holds half a character")


# --- the whole way -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_on_a_folder_of_pictures_with_captions(tmp_path):
    """Trained, sampled by caption and measured: sprites, each with two captions.

    Dear, for it is three commands, each of which traces all that it needs.
    """
    folder, run = tmp_path / "sprites", tmp_path / "run"
    folder.mkdir()
    for i in range(80):
        at = dict(shape=i % 4, colour=i % 6, scale=i % 3, x=i % 5, y=i // 16, rotation=0)
        scale, colour, shape = (
            list(names)[at[key]]
            for key, names in (
                ("scale", shapes.SCALES),
                ("colour", shapes.COLOURS),
                ("shape", shapes.SHAPES),
            )
        )
        Image.fromarray(shapes.draw(**at)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"A {colour} {shape}.\n{scale} {shape}\n")
    tiny = dict(width=4, depth=1, embedding=4, text_dim=6, condition_dim=3, latent_dim=4)
    tiny |= dict(contrast=0.0, diversity=0.0, penalty="none", normalisation="none")
    done = runs.train(
        "text_to_image",
        run,
        **{f"model__{name}": value for name, value in tiny.items()},
        steps=10,
        save_every=10,
        data__name=str(folder),
        data__size="8",
        data__split="train[:60]",
        data__validation="train[60:]",
    )
    assert done.returncode == 0, done.stderr
    about = json.loads((run / "config.json").read_text())
    assert about["config"]["model"]["length"] == 0
    out = tmp_path / "grid.png"
    asked = (f"--from={run}", "--seeds=0:4", f"--out={out}")
    done = runs.here("export.sample", *asked, f"--caption=A {colour} {shape} {scale} {scale}")
    assert done.returncode == 0, done.stderr
    assert Image.open(out).size[0] > 16
    said = f"warning: the model reads 3 words of a caption: '{scale} {scale}' of "
    assert done.stderr.splitlines()[-1].startswith(said)
    done = runs.here(
        "train.evaluate", f"--workdir={run}", "--n=20", "--features=textures", "--parts=samples"
    )
    assert done.returncode == 0, done.stderr
    assert "frechet" in json.loads((run / "metrics.json").read_text())["results"]
