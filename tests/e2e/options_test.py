#!/usr/bin/env python3
"""Random sets of generation options (tests/models/options.py): what Transformers refuses is
refused, ids and scores are Transformers' wherever no decision was within rounding, tokens
are drawn by the probabilities that its processors leave, and beam searches draw sequences as
often as it does, with its scores.

    options_test.py BUILD [GOLDENS.json]
"""
import collections
import json
import math
import pathlib
import sys
import unittest

from driver import (GOLDENS, checkpoint, compile_model, generate_behind, make_checkpoint, run,
                    spelled)

TABLE = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else GOLDENS / "options.json"
TOLERANCE = 1e-4
COPIES, SAMPLES = 500, 4  # of a source, of each copy's draws
LEAST_EXPECTED = 5  # draws of what the test of a distribution tells from others
UNLIKELY = 4.75  # standard deviations, beyond which a normal variable is once in a million


def ids_in(options):
    """All ids that a set names."""
    found = []
    for key, value in options.items():
        if key in ("bad_words_ids", "sequence_bias"):
            found += [t for word in value for t in (word if key[0] == "b" else word[0])]
        elif key.endswith(("_id", "_tokens")) and not key.startswith("m"):
            found += value if isinstance(value, list) else [value]
    return found


def unfeasible(options, prompt):
    most = (options.get("max_new_tokens") or
            (options.get("max_length") or make_checkpoint.MAX_LENGTH) - prompt)
    return max(options.get("min_new_tokens") or 0,
               (options.get("min_length") or 0) - prompt) > most


# Sets that one side alone may refuse: (who, why, whether a set with this vocabulary and so
# many tokens of start and prefix is one).
EXCEPTIONS = [
    ("encdec", "ids are checked wherever they stand; Transformers ignores some that no token has",
     lambda options, size, prompt: any(not 0 <= t < size for t in ids_in(options))),
    ("encdec", "a number below its least is a mistake; Transformers takes it for none",
     lambda options, size, prompt: min(options.get("num_return_sequences", 1),
                                       options.get("max_length", 1)) < 1 or any(
         (options.get(key) or 0) < 0 for key in ("min_length", "min_new_tokens",
                                                 "no_repeat_ngram_size",
                                                 "encoder_no_repeat_ngram_size"))),
    ("encdec", "a word without tokens does nothing and is a mistake; Transformers ignores it",
     lambda options, size, prompt: [] in options.get("bad_words_ids", []) + [
         word for word, _ in options.get("sequence_bias", [])]),
    ("encdec", "a least length above the greatest is a mistake; Transformers warns",
     lambda options, size, prompt: unfeasible(options, prompt)),
]


def generate(bundle, sources, options, *more, check=True):
    words = [f"--{key.replace('_', '-')}={text}" for key, text in spelled(options).items()]
    asked = [word for ids in sources for word in ("--ids", " ".join(map(str, ids)))]
    return run("generate", bundle, "--json", *words, *asked, *more, check=check)


def search(bundle, case, copies=1, check=True, **more):
    """What so many copies of a case's source give, by the command line or, with a prefix, by
    the C API."""
    options = {**case["options"], **more}
    if not case["prefix"]:
        return generate(bundle, [case["source"]] * copies, options, check=check)
    return generate_behind(bundle, [case["source"]] * copies, case["prefix"], options, check)


def results(output):
    """[[hypothesis, ...]] of each source; none where no token could be chosen."""
    lines = [json.loads(line) for line in output.stdout.splitlines()]
    return [[one for one in line.get("alternatives") or [line] if one.get("ids")]
            for line in lines]


def close(a, b):
    """Scores that are not finite are null."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= TOLERANCE * max(1, abs(b))


def excess(statistic, degrees):
    """By how many standard deviations a chi-squared statistic exceeds its mean (Wilson and
    Hilferty 1931)."""
    if degrees < 1:
        return 0
    spread = 2 / (9 * degrees)
    return ((statistic / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)


def deviation(counts, probabilities):
    """The excess of counts over what they have by these probabilities. Rare tokens count as
    one."""
    total = sum(counts.values())
    cells, rare = [], [0, 0.0]
    for token, p in probabilities.items():
        if p * total >= LEAST_EXPECTED:
            cells.append((counts[token], p * total))
        else:
            rare = [rare[0] + counts[token], rare[1] + p * total]
    if rare[1] >= LEAST_EXPECTED:
        cells.append(rare)
    return excess(sum((found - expected) ** 2 / expected for found, expected in cells),
                  len(cells) - 1)


def difference(mine, theirs):
    """The excess of the differences between two samples of as many draws, as if one
    distribution had both. What is rare in both together counts as one."""
    cells, rare = [], [0, 0]
    for name in mine | theirs:
        pair = mine[name], theirs[name]
        if sum(pair) >= 2 * LEAST_EXPECTED:
            cells.append(pair)
        else:
            rare = [rare[0] + pair[0], rare[1] + pair[1]]
    if sum(rare) >= 2 * LEAST_EXPECTED:
        cells.append(rare)
    return excess(sum((a - b) ** 2 / (a + b) for a, b in cells), len(cells) - 1)


class Options(unittest.TestCase):
    def test_sets(self):
        for model in json.loads(TABLE.read_text())["models"]:
            family, count = model["family"], collections.Counter()
            spec = make_checkpoint.complete(model["spec"])
            vocabulary = min(spec["vocab"], spec["decoder_vocab"])
            folder = checkpoint(f"options-{family}", model["spec"])
            bundle = compile_model(folder, f"options-{family}.encdec", "--quiet")
            for case in model["cases"]:
                count["sets"] += 1
                with self.subTest(family=family, options=json.dumps(case["options"]),
                                  source=case["source"]):
                    self.check(bundle, case, count, vocabulary)
            print(f"{family}:", ", ".join(f"{n} {name}" for name, n in count.items()), flush=True)
            self.assertGreaterEqual(count["tokens compared"], 0.95 * count["tokens"])
            self.assertGreaterEqual(count["decided"], 0.25 * count["beam searches"])

    def check(self, bundle, case, count, vocabulary):
        out = search(bundle, case, check=False)
        count["with a prefix"] += bool(case["prefix"])
        if out.returncode:
            self.assertEqual(out.stderr.count("\n"), 1, out.stderr)
        if "refused" in case and out.returncode:
            count["refused by both"] += 1
        elif "refused" in case or out.returncode:
            who = "Transformers" if "refused" in case else "encdec"
            facts = case["options"], vocabulary, 1 + len(case["prefix"])
            self.assertTrue(any(who == alone and applies(*facts)
                                for alone, _, applies in EXCEPTIONS),
                            f"{who} alone refuses: {case.get('refused') or out.stderr.strip()}")
            count[f"refused by {who} alone, an exception"] += 1
        elif "probabilities" in case:
            self.check_draws(bundle, case, count)
        elif "drawn" in case:
            self.check_drawn_beams(bundle, case, count)
        else:
            self.check_search(case, results(out)[0], count)

    def check_search(self, case, found, count):
        if "compare" in case:
            compared, ids = case["compare"], case["ids"]
            count["tokens"] += len(ids)
            count["tokens compared"] += compared
            mine = found[0]["ids"] if found else []
            self.assertEqual(mine[:compared], ids[:compared])
            if compared == len(ids):
                self.assertEqual(mine, ids)
                self.assertTrue(close(found[0]["log_prob"], case["log_prob"]), (found, case))
                count["greedy sets equal to the end"] += 1
            return
        expected = case["hypotheses"]
        count["beam searches"] += 1
        if expected:
            self.assertTrue(close(found[0]["score"], expected[0]["score"]), (found, expected))
        count["equal"] += [h["ids"] for h in found] == [h["ids"] for h in expected]
        if not case["decided"]:
            return
        count["decided"] += 1
        self.assertEqual([h["ids"] for h in found], [h["ids"] for h in expected])
        for mine, theirs in zip(found, expected):
            self.assertTrue(close(mine["score"], theirs["score"]), (mine, theirs))

    def check_draws(self, bundle, case, count):
        probabilities = dict(map(tuple, case["probabilities"]))
        found = results(search(bundle, case, COPIES, num_return_sequences=SAMPLES,
                               seed=count["sets"]))
        drawn = collections.Counter(sample["ids"][0] for samples in found for sample in samples)
        self.assertEqual(sum(drawn.values()), COPIES * SAMPLES)
        self.assertLessEqual(set(drawn), set(probabilities))
        self.assertLess(deviation(drawn, probabilities), UNLIKELY, (drawn, probabilities))
        count["draws"] += sum(drawn.values())
        self.check_company(bundle, case)

    def check_drawn_beams(self, bundle, case, count):
        """Sequences of equal scores, as forced ends have, count as one: which of them stands
        first, Transformers leaves to its sorting."""
        total, returned = case["draws"], case["options"]["num_return_sequences"]
        scores = {tuple(ids): score for ids, score, *_ in case["drawn"]}
        found = results(search(bundle, case, total, seed=count["sets"]))
        for rank in sorted({0, returned - 1}):
            mine = collections.Counter(
                scores.get(tuple(one[rank]["ids"]), tuple(one[rank]["ids"]))
                if rank < len(one) else "none" for one in found)
            theirs = collections.Counter()
            for _, score, *counts in case["drawn"]:
                theirs[score] += counts[rank > 0]
            theirs["none"] = total - sum(theirs.values())
            self.assertLess(difference(mine, theirs), UNLIKELY, (rank, mine, theirs))
        for one in (one for sequences in found for one in sequences):
            if tuple(one["ids"]) in scores:
                self.assertTrue(close(one["score"], scores[tuple(one["ids"])]), one)
                count["scores of drawn beams"] += 1
        count["beam searches drawn"] += 1
        self.check_company(bundle, case)

    def check_company(self, bundle, case):
        """A source's draws are the same in a batch and alone, whatever the threads."""
        sources = [case["source"], case["source"][-1:], case["source"][-2:]]
        prefix = ["--prefix-ids", " ".join(map(str, case["prefix"]))] if case["prefix"] else []

        def found(sources, *words): # nothing, and an error, where no token can be chosen
            return results(generate(bundle, sources, case["options"], *prefix, *words, check=False))

        together = found(sources, "--threads", 2)
        for i in reversed(range(len(sources))):
            [alone] = found([sources[i]], "--threads", 1, "--generation-id", i)
            self.assertEqual([h["ids"] for h in alone], [h["ids"] for h in together[i]])


unittest.main()
