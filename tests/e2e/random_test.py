#!/usr/bin/env python3
"""Random Marian checkpoints of every variant: ids equal Transformers' up to the
first step that rounding may decide (tests/models/goldens.py), log-probabilities
where the whole sentence is compared."""
import json
import unittest

from driver import BUILD, compile_model, generate_ids, goldens


def free_tokens(folder, count):
    """Which of the generated tokens were chosen, not forced: forced ones count 0."""
    path = folder / "generation_config.json"
    options = json.loads((path if path.exists() else folder / "config.json").read_text())
    new = options.get("max_new_tokens") or (options.get("max_length") or 21) - 1
    first = 1 if options.get("forced_bos_token_id") is not None else 0
    forced_last = options.get("forced_eos_token_id") is not None and count == new
    return slice(first, count - 1 if forced_last else count)


class RandomModels(unittest.TestCase):
    def test_ids(self):
        models = goldens("random.json")["models"]
        self.assertGreaterEqual(len(models), 40)
        compared = total = 0
        for model in models:
            with self.subTest(model=model["name"]):
                folder = BUILD / "models" / "random" / model["name"]
                bundle = compile_model(folder, f"random-{model['name']}.encdec")
                cases = model["cases"]
                results = generate_ids(bundle, [case["source"] for case in cases])
                self.assertEqual(len(results), len(cases))
                for case, result in zip(cases, results):
                    count = case["compare"]
                    self.assertEqual(result["ids"][:count], case["ids"][:count],
                                     f"source {case['source']}")
                    compared, total = compared + count, total + len(case["ids"])
                    if count == len(case["ids"]):
                        expected = sum(case["log_probs"][free_tokens(folder, count)])
                        self.assertLess(abs(result["log_prob"] - expected),
                                        1e-4 * max(1, abs(expected)))
        print(f"{len(models)} models, {compared} of {total} tokens compared "
              f"({compared / total:.2%})")
        self.assertGreaterEqual(compared, 0.98 * total)


unittest.main()
