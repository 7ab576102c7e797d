#!/usr/bin/env python3
"""Writes a tokenizer folder of NLLB's size: tokenizer.json with 256,000 pieces and about
400,000 merges in the form of tokenizers 0.20 and later, 24 MB.

    large.py FOLDER

The pieces are random words of several alphabets, each made from two earlier ones; the
merges are these pairs, and other cuts of the pieces into two pieces. The other parts are
those of tests/tokenizers/nllb-json5.
"""
import json
import pathlib
import random
import sys

PARTS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "tokenizers" / "nllb-json5"
PIECES, MERGES = 256_000, 400_000
ALPHABETS = ["abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщыьэюя",
             "αβγδεζηθικλμνξοπρστυφχψω", "अआइईउऊएओकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
             "אבגדהוזחטיכלמנסעפצקרשת", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"]


def words(rng, count):
    """`count` pieces in the order in which they are made, and the pairs that made them."""
    made, pairs = dict.fromkeys("▁"), []
    parts = []
    for letters in ALPHABETS:
        made.update(dict.fromkeys(letters))
        parts.append((["▁" + c for c in letters], list(letters)))
        pairs += [("▁", c) for c in letters]
        made.update(dict.fromkeys(parts[-1][0]))
    while len(made) < count:
        starts, others = rng.choice(parts)
        kind = rng.choice((starts, others))
        # Small numbers are chosen more often, as frequent pieces are.
        left = kind[int(len(kind) * rng.random() ** 3)]
        right = others[int(len(others) * rng.random() ** 3)]
        if len(left + right) <= 14 and left + right not in made:
            made[left + right] = None
            pairs.append((left, right))
            kind.append(left + right)
    return list(made), pairs


def more_pairs(pieces, pairs, count):
    """`pairs` and further cuts of the pieces, up to `count` in all."""
    known, all_pairs = set(pieces), dict.fromkeys(pairs)
    for piece in pieces:
        for cut in range(1, len(piece)):
            if len(all_pairs) >= count:
                return list(all_pairs)
            if piece[:cut] in known and piece[cut:] in known:
                all_pairs[piece[:cut], piece[cut:]] = None
    return list(all_pairs)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    document = json.loads((PARTS / "tokenizer.json").read_text("utf-8"))
    model, old = document["model"], document["model"]["vocab"]
    special = [t["content"] for t in document["added_tokens"]]
    pieces, pairs = words(random.Random(1), PIECES)
    first = [name for name in special if old.get(name, 4) < 4]
    vocabulary = dict.fromkeys(first) | dict.fromkeys(pieces)
    model["vocab"] = {name: i for i, name in enumerate(vocabulary)}
    model["merges"] = [list(pair) for pair in more_pairs(pieces, pairs, MERGES)]
    ids = {}
    for token in document["added_tokens"]:
        token["id"] = ids[token["content"]] = model["vocab"].get(token["content"], len(vocabulary) + len(ids) - len(first))
    for name, token in document["post_processor"]["special_tokens"].items():
        token["ids"] = [ids[name]]
    text = json.dumps(document, ensure_ascii=False, indent=2)
    (folder / "tokenizer.json").write_text(text, "utf-8")
    config = (PARTS / "tokenizer_config.json").read_text("utf-8")
    (folder / "tokenizer_config.json").write_text(config, "utf-8")
    print(f"{folder}: {len(model['vocab'])} pieces, {len(model['merges'])} merges, "
          f"{len(text.encode()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
