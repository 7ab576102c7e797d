#!/usr/bin/env python3
"""The planted faults fit the source, and drawn ones are what draw.py says. Nothing is built."""
import unittest

import draw
import mutants


class MutantsTest(unittest.TestCase):
    def test_planted_faults_fit_the_source(self):
        faults = mutants.planted()  # fails where a text is not there once
        self.assertGreaterEqual(len(faults), 24)
        names = [fault["name"] for fault in faults]
        self.assertEqual(len(names), len(set(names)))
        for fault in faults:
            self.assertNotEqual(fault["change"][1], fault["change"][2])
            for test in mutants.ladder_of(fault["file"]):
                self.assertIn(test, mutants.TESTS)

    def test_drawn_faults_are_the_same_again_and_change_one_place(self):
        faults = mutants.drawn(24, 1)
        self.assertEqual(faults, mutants.drawn(24, 1))
        self.assertNotEqual(faults, mutants.drawn(24, 2))
        for fault in faults:
            self.assertNotEqual(fault["line"], fault["becomes"], fault)
            self.assertTrue(mutants.ladder_of(fault["file"]))

    def test_only_code_is_changed(self):
        text = 'int f(int a, int b) {\n  // a + b\n  say("a < b", \'-\');\n  return a + b; /* 1 */\n}\n'
        self.assertEqual([(old, new) for _, old, new, _ in draw.changes(text)],
                         [('say("a < b", \'-\');', ";"), ("+", "-")])

    def test_each_operator(self):
        for before, after in [("x = a <= b;", "x = a < b;"), ("if (!a) {", "if (a) {"),
                              ("x = min(a, b);", "x = max(a, b);"), ("x = f(a, b);", "x = f(b, a);"),
                              ("x = 4;", "x = 5;"), ("  phase.clear();", "  ;")]:
            found = [draw.applied(before, change) for change in draw.changes(before)]
            self.assertIn(after, found)
        # Sizes of templates and parts of names are no constants.
        self.assertEqual(draw.changes("SmallVector<int, 8> f32;"), [])


if __name__ == "__main__":
    unittest.main()
