#!/usr/bin/env python3
"""One model stored in several ways that Transformers reads alike, and banned tokens."""
import json
import math
import shutil
import sys
import unittest

from driver import OUT, ROOT, compile_model, generate_ids, run

sys.path.insert(0, str(ROOT / "tests" / "models"))
import make_checkpoint  # noqa: E402

SPEC = {"seed": 77, "encoder_layers": 1, "decoder_layers": 2, "vocab": 300}
SOURCES = [[5, 17, 200, 31, 0], [9, 0], [100, 101, 102, 103, 104, 105, 0]]


def checkpoint(name, spec=SPEC, tensors=None):
    """A folder of `spec`, its weights replaced by {file: tensors}."""
    folder = OUT / f"stored-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    make_checkpoint.write({**SPEC, **spec}, folder)
    for file, chosen in (tensors or {}).items():
        make_checkpoint.write_safetensors(folder / file, chosen, "F32")
    return folder


def weights(folder):
    """The checksum of the weights that a bundle of `folder` holds."""
    bundle = compile_model(folder, f"{folder.name}.encdec", "--cpu", "v3")
    sections = json.loads(run("inspect", bundle, "--json").stdout)["sections"]
    return [part["xxh3_128"] for part in sections if part["kind"] == "weights"]


class Stored(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tensors = make_checkpoint.tensors(SPEC)
        cls.plain = weights(checkpoint("plain"))

    def test_doubles(self):
        self.assertEqual(weights(checkpoint("f64", {"dtype": "F64"})), self.plain)

    def test_the_base_model_saved_alone(self):
        bare = {name.removeprefix("model."): tensor for name, tensor in self.tensors.items()}
        self.assertEqual(weights(checkpoint("base", tensors={"model.safetensors": bare})),
                         self.plain)

    def test_an_index_that_is_not_quite_right(self):
        names = sorted(self.tensors)
        one, two = ({name: self.tensors[name] for name in names[begin:begin + 40]}
                    for begin in (0, 30))  # ten in both
        folder = checkpoint("shards", tensors={"1.safetensors": one, "2.safetensors": two})
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(json.dumps(
            {"weight_map": {names[0]: "2.safetensors", "ghost": "1.safetensors"}}))
        self.assertLessEqual(len(names), 70)
        self.assertEqual(weights(folder), self.plain)


class Banned(unittest.TestCase):
    """A bias of -inf on a logit never lets the token be chosen, as bad_words_ids do not;
    other than those it also takes the token's share of the probability."""

    def test_minus_infinity_in_final_logits_bias(self):
        free = compile_model(checkpoint("free"), "stored-free.encdec", "--cpu", "v3")
        often = {token for result in generate_ids(free, SOURCES, "--beams", 1)
                 for token in result["ids"]} - {0}
        self.assertGreater(len(often), 3)
        bans = sorted({*sorted(often)[::2], *range(128, 256)})  # a whole block of columns
        words = checkpoint("words", {"generation": {
            "bad_words_ids": [[make_checkpoint.pad(make_checkpoint.complete(SPEC))],
                              *([token] for token in bans)]}})
        tensors = make_checkpoint.tensors(SPEC)
        for token in bans:
            tensors["final_logits_bias"][1][token] = -math.inf
        bias = checkpoint("bias", tensors={"model.safetensors": tensors})
        for options in (["f32"], ["bf16"], ["int8"], ["int8-dynamic"], ["f32", "--sketch"]):
            name = "-".join(options)
            one, other = (compile_model(folder, f"{folder.name}-{name}.encdec", "--cpu", "v3", "--weights",
                                        *options) for folder in (words, bias))
            for beams in (1, 4):
                with self.subTest(name, beams=beams):
                    expected, got = (generate_ids(bundle, SOURCES, "--beams", beams)
                                     for bundle in (one, other))
                    if beams == 1:
                        self.assertEqual([r["ids"] for r in got], [r["ids"] for r in expected])
                    for result, of_words in zip(got, expected):
                        self.assertFalse(set(result["ids"]) & set(bans))
                        self.assertLessEqual(result["log_prob"], 0)
                        if beams == 1:
                            self.assertGreater(result["log_prob"], of_words["log_prob"])


unittest.main()
