"""encdec-run-reference as a tool: the weights of a checkpoint give the tokens of its
goldens, and an impossible run ends with an exit code and a sentence.

usage: reference_test.py BIN_FOLDER EXAMPLE_MODEL GOLDENS_FOLDER
"""
import json
import pathlib
import resource
import subprocess
import sys
import unittest

BIN, EXAMPLE, GOLDENS = map(pathlib.Path, sys.argv[1:4])


TOOL = BIN / "encdec-run-reference"


def run(*arguments, text=None, **options):
    return subprocess.run([TOOL, *map(str, arguments)], text=True, input=text,
                          capture_output=True, **options)


def imported():
    return subprocess.run([BIN / "encdec-import", EXAMPLE], text=True, check=True,
                          capture_output=True).stdout


class Checkpoint(unittest.TestCase):
    def test_finds_the_tokens_of_the_goldens(self):
        lines = json.loads((GOLDENS / "en-fr-200.json").read_text())["lines"][:3]
        for line in lines:
            ids = " ".join(map(str, line["source"]))
            result = run("-", "--checkpoint", EXAMPLE, "--ids", ids,
                         "--steps", line["compare"], text=imported())
            self.assertEqual(result.returncode, 0, result.stderr)
            tokens = [int(step.split()[3]) for step in result.stdout.splitlines()[:-1]]
            self.assertEqual(tokens, line["ids"][:line["compare"]])

    def test_weights_in_files_need_the_folder(self):
        result = run("-", text=imported())
        self.assertEqual(result.returncode, 3)
        self.assertIn("--checkpoint", result.stderr)
        self.assertEqual(run("-", "--checkpoint", "/nowhere", text="").returncode, 2)

    def test_the_folder_must_hold_the_file(self):
        result = run("-", "--checkpoint", GOLDENS, text=imported())
        self.assertEqual(result.returncode, 3)
        self.assertIn("model.safetensors", result.stderr)


HEAD = """
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
!src = tensor<?xi32, #encdec.side<encoder>>
!tgt = tensor<?xi32, #encdec.side<decoder>>
!i = tensor<?xi32>
!m = !encdec.memory<2x4>
!c = !encdec.cache<2x4>
encdec.weight @t : tensor<11x8xf32> = #encdec.seeded<1, 1.0>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<2, 0.5>
"""
ENCODE = """
func.func @encode(%x: !src {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}) -> !e attributes {encdec.entry = "encode"} {
  %y = encdec.embed %x at %p, @t {scale = 1.0} : !src -> !e
  return %y : !e
}
"""
STEP = """
func.func @step(%x: !tgt {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"},
    %b: tensor<?x11xf32> {encdec.arg = "logit_bias"}, %rb: !i {encdec.arg = "row_bias"},
    %top: i64 {encdec.arg = "top_k"}) -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  %y = encdec.embed %x at %p, @t {scale = 1.0} : !tgt -> !d
  %t, %l = encdec.vocabulary %y, @t biased %b by %rb keep %top : !d, tensor<?x11xf32>
  return %t, %l : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
}
"""


class Refusals(unittest.TestCase):
    """No input ends the program by a signal."""

    def refused(self, code, says, text, *arguments):
        result = run("-", *arguments, text=HEAD + text)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertIn(says, result.stderr)

    def function(self, says, arguments, body):
        self.refused(3, says, f"func.func @f({arguments}) {body}", "--function", "f")

    def test_sound_modules_run(self):
        result = run("-", "--steps", 0, text=HEAD + ENCODE + STEP)
        self.assertEqual(result.stdout, "sum of log_probs: 0.000000\n", result.stderr)
        self.assertEqual(run("-", "--function", "step", text=HEAD + STEP).returncode, 0)

    def test_options_out_of_range(self):
        for option in ("--steps=-1", "--steps=5000", "--rows=0", "--rows=1000000000000",
                       "--lengths=-5", "--lengths=3,0", "--lengths=999999999999999",
                       "--ids=", "--ids=1 x", "--ids=1 11", "--ids=-1", "--start=11",
                       "--start=-1", "--seed=x", "--lengths=99999999999999999999",
                       "--function=g", "--no-such-option"):
            self.refused(2, "encdec-run-reference: ", ENCODE + STEP, option)

    def test_entries(self):
        self.refused(3, "encdec.entry = \"step\"", ENCODE)
        self.refused(3, "got two", ENCODE + STEP + STEP.replace("@step", "@again"))
        self.refused(3, "expected tokens and log-probs", ENCODE +
                     "func.func @step() attributes {encdec.entry = \"step\"} { return }")
        self.refused(3, "expected encdec.arg to say what argument 0 is",
                     ENCODE.replace(' {encdec.arg = "tokens"}', "") + STEP)
        self.refused(3, "that a batch gives to step", ENCODE +
                     STEP.replace('"positions"', '"rows"'))
        self.refused(3, "expected the memory that step takes", ENCODE +
                     STEP.replace("%top:", "%m: tensor<?x9xf32, #encdec.side<encoder>> "
                                  '{encdec.arg = "memory"}, %top:'))
        handle = "%%h: !encdec.memory<%s> {encdec.arg = \"memory.0\"}, %%%s:"
        self.refused(3, "to be of one type in all entries",
                     ENCODE.replace("%x:", handle % ("2x4", "x")) +
                     STEP.replace("%top:", handle % ("4x4", "top")))

    def test_arguments_without_values(self):
        for kind in ("f32", "i1", "index", "none", "tensor<*xf32>", "tuple<f32>",
                     "() -> ()", "tensor<?xindex>", "tensor<5xi32>", "vector<4xf32>"):
            self.function("argument 0", f"%x: {kind}", "{ return }")

    def test_bodies(self):
        self.refused(3, "body of one block to run but got 0", "func.func private @f(!i)",
                     "--function", "f")
        self.function("got 2 blocks", "%x: !d",
                      "-> !d { cf.br ^a(%x : !d)\n^a(%y: !d): return %y : !d }")
        self.function("does not know this op", "%x: !i",
                      "{ %y = arith.addi %x, %x : !i\nreturn }")
        self.function("expected a tensor constant", "",
                      "{ %x = arith.constant 7 : i64\nreturn }")
        self.function("expected a tensor constant", "",
                      "{ %x = arith.constant dense<(1.0, 2.0)> : tensor<2xcomplex<f32>>\n"
                      "return }")

    def test_sizes(self):
        wide = "tensor<?x1099511627776xf32, #encdec.side<decoder>>"
        says = "at most 2^30 numbers"
        self.function(says, f"%x: {wide}", "{ return }")
        self.function(says, "", "{ %x = arith.constant dense<1.0> : "
                      "tensor<1099511627776xf32>\nreturn }")
        self.function(says, "%c: !encdec.cache<1x268435456>", "{ return }")
        self.function(says, "%x: !d", "-> !d { %y = encdec.linear %x, @big : !d -> "
                      "tensor<?x1073741824xf32, #encdec.side<decoder>>\nreturn %x : !d }\n"
                      "encdec.weight @big : tensor<1073741824x8xf32> = "
                      "#encdec.seeded<1, 1.0>")

    @unittest.skipIf(b"__asan_init" in TOOL.read_bytes(), "its shadow needs more memory")
    def test_memory_that_runs_out(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
        kind = "tensor<?x134217728xf32, #encdec.side<decoder>>"  # 1 GiB a row
        result = run("-", "--function", "f", preexec_fn=limit,
                     text=f"func.func @f(%x: {kind}) {{ return }}")
        self.assertEqual(result.returncode, 3)
        self.assertIn("more memory than there is", result.stderr)

    def test_rows_that_do_not_go_together(self):
        says = "expected as many rows of each operand"
        self.function(says, '%x: !tgt, %o: !i {encdec.arg = "offsets"}',
                      "-> !d { %y = encdec.embed %x at %o, @t {scale = 1.0} : !tgt -> !d\n"
                      "return %y : !d }")
        read = "%k, %v, %o, %r = encdec.cache_read %c of %a to %p : !c\n"
        cache = '%c: !c, %a: tensor<?x?xi32>, %p: !i, %x: !d, %z: !i {encdec.arg = "offsets"}'
        for op in ("encdec.add %x, %k : !d, !d",
                   "encdec.scores %x, %k of %z in %o {heads = 2, scale = 1.0} : !d, !d",
                   "encdec.self_attention %x, %k, %x of %r in %o {heads = 2, scale = 1.0} "
                   ": !d, !d, !d",
                   "encdec.self_attention %k, %k, %v of %r in %o {heads = 2, scale = 1.0} "
                   ": !d, !d, !d"):
            self.function(says, cache, f"{{ {read} %y = {op}\nreturn }}")
        self.function("expected probs of each key", cache.replace("%p: !i", '%p: !i {encdec.arg = "positions"}') +
                      ', %n: !i {encdec.arg = "rows"}',
                      f"{{ {read} %s = encdec.scores %x, %k of %n in %o {{heads = 2, scale = 1.0}} : !d, !d\n"
                      "%y = encdec.context %s, %v of %p in %o {heads = 2} : "
                      "tensor<2x?x?xf32, #encdec.side<decoder>>, !d\nreturn }")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
