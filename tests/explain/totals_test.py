"""Totals of encdec explain beside formulas over config.json, for random checkpoints of every
family (tests/models).

usage: totals_test.py BUILD_DIR
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "models"))
from families import FAMILIES  # noqa: E402
from make_checkpoint import DEFAULTS, write  # noqa: E402

EXAMPLE = TESTS.parent / "examples" / "models" / "en-fr"
BUILD = pathlib.Path(sys.argv.pop(1))
PER_FAMILY = 12  # the first ones differ in sizes, ties and parts


def padded(size):
    return (size + 15) // 16 * 16


class Model:
    """Sizes of a checkpoint, from its config.json; what layers hold, from its family."""

    def __init__(self, family, spec, config):
        def key(*names):
            return next(config[name] for name in names if name in config)
        self.family, self.spec = FAMILIES[family], {
            **DEFAULTS, **FAMILIES[family].get("defaults", {}), **spec}
        self.width = config["d_model"]
        self.layers = [key("encoder_layers", "num_layers"),
                       key("decoder_layers", "num_decoder_layers")]
        heads = [key("encoder_attention_heads", "num_heads"),
                 key("decoder_attention_heads", "num_heads")]
        self.heads = heads
        self.inner = [h * config.get("d_kv", self.width // h) for h in heads]
        self.ffn = [key("encoder_ffn_dim", "d_ff"), key("decoder_ffn_dim", "d_ff")]
        self.gates = int("gated" in str(config.get("feed_forward_proj", "")))
        self.vocabulary = config.get("decoder_vocab_size", config["vocab_size"])

    def madds(self):
        """(encode, step): multiply-adds of a row, and of a row and key by the keys' name."""
        d = self.width

        def ffn(side):
            return (2 + self.gates) * d * self.ffn[side]
        e, s = self.layers
        encode = e * (4 * d * self.inner[0] + ffn(0)) + s * 2 * d * self.inner[1]
        step = s * (6 * d * self.inner[1] + ffn(1)) + d * self.vocabulary
        keys = s * 2 * self.inner[1]
        return (encode, {"source": e * 2 * self.inner[0]}), (step, {"cache": keys,
                                                                    "memory": keys})

    def bytes(self):
        """(encode, step): bytes of f32 weights, each once, one row of what is looked up."""
        family, d = self.family, self.width

        def matrix(n, k, biased=family["biases"]):
            return 4 * padded(n) * k + (4 * padded(n) if biased else 0)
        norm = 4 * padded(d) * (2 if family["biases"] else 1)  # RMS norms have no beta

        def row(vocabulary):  # of tokens and of positions
            return 4 * padded(vocabulary) * d // vocabulary + (
                0 if family["relative_bias"] else 4 * padded(d))

        def attention(side):
            return 3 * matrix(self.inner[side], d) + matrix(d, self.inner[side])

        def ffn(side):
            return (1 + self.gates) * matrix(self.ffn[side], d) + matrix(d, self.ffn[side])

        def around(side):  # layers
            tables = {"first": 1, "all": self.layers[side]}.get(family["relative_bias"], 0)
            return ((norm if family["embedding_norm"] else 0)
                    + (norm if family["final_norm"] else 0)
                    + 4 * tables * self.spec["buckets"] * padded(self.heads[side]))
        e, s = self.layers
        projected = 2 * matrix(self.inner[1], d)
        encode = (row(self.spec["vocab"]) + around(0) + s * projected
                  + e * (attention(0) + ffn(0) + 2 * norm))
        head = matrix(self.vocabulary, d, family["logit_bias"] and self.spec["logit_bias"])
        step = (around(1) + head
                + s * (attention(1) + attention(1) - projected + ffn(1) + 3 * norm))
        # A head that is the token table reads that row with the rest of it.
        rest = row(self.vocabulary) - 4 * padded(self.vocabulary) * d // self.vocabulary
        return encode, {step + row(self.vocabulary), step + rest}


class Totals(unittest.TestCase):
    def explain(self, folder, *options):
        out = subprocess.run([BUILD / "bin" / "encdec-explain", folder, "--json", "--quiet",
                              "--threads", "1", *options], capture_output=True, text=True, check=False)
        self.assertEqual(out.returncode, 0, out.stderr)
        return json.loads(out.stdout)

    def compare(self, family, name, spec):
        folder = BUILD / "models" / family / name
        config = json.loads((folder / "config.json").read_text())
        if spec.get("encoder_only"):
            return
        report = self.explain(folder)
        self.assertEqual(report["stopped"], "")
        model = Model(family, spec, config)
        for entry, (rows, keys), size in zip(("encode", "step"), model.madds(), model.bytes()):
            total = report["totals"][entry]
            self.assertEqual(total["row_madds"], rows, entry)
            self.assertEqual({k["from"]: k["madds"] for k in total["keys"]}, keys, entry)
            sizes = size if isinstance(size, set) else {size}
            self.assertIn(total["weight_bytes"], sizes, entry)
        self.consistent(report)

    def consistent(self, report):
        """Totals of ops, of calls and of phases are the same; indices are those of ops."""
        for entry, total in report["totals"].items():
            for parts in (report["calls"], report["phases"]):
                self.assertEqual(sum(p["row_madds"] for p in parts if p["entry"] == entry),
                                 total["row_madds"])
            self.assertEqual(sum(op["row_madds"] for op in report["ops"]
                                 if op["runs_in"] == entry), total["row_madds"])
            self.assertEqual(total["imported_ops"],
                             sum(op["entry"] == entry for op in report["ops"]))
            self.assertEqual(total["calls"],
                             sum(call["entry"] == entry for call in report["calls"]))
        fused = next(s for s in report["stages"] if s["name"] == "fused")["ops"]
        for i, op in enumerate(report["ops"]):
            self.assertIn(i, fused[op["fused"]]["from"])
            for call in op["calls"]:
                self.assertIn(i, report["calls"][call]["from"])
            self.assertTrue(op["calls"] or op["op"] in (
                "encdec.cache_read", "func.return"), op)

    def test_formats(self):
        """Every imported op of the example model is found again, whatever its weights are."""
        for options in (["--weights", "int8"], ["--weights", "bf16"],
                        ["--weights", "int8-dynamic", "--weights-for", "shared=f32"], ["--sketch"]):
            with self.subTest(options=options):
                self.consistent(self.explain(EXAMPLE, *options))

    def test_encoder_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            write({**DEFAULTS, **FAMILIES["t5"]["defaults"], "family": "t5",
                   "encoder_only": True}, pathlib.Path(folder))
            report = self.explain(folder)
        self.assertEqual(list(report["totals"]), ["encode"])
        self.consistent(report)

    def test_families(self):
        for family in FAMILIES:
            goldens = json.loads((TESTS / "models" / "goldens" / f"{family}.json").read_text())
            for golden in goldens["models"][:PER_FAMILY]:
                with self.subTest(family=family, name=golden["name"]):
                    self.compare(family, golden["name"], golden["spec"])


if __name__ == "__main__":
    unittest.main()
