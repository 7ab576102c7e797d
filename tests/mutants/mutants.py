#!/usr/bin/env python3
"""Plants faults in the compiler, one at a time, and says which test catches each.

  tests/mutants/mutants.py                      those of mutants.json
  tests/mutants/mutants.py --draw 24 --seed 7   24 drawn ones instead
  tests/mutants/mutants.py NAME...              of either, those whose names have NAME in them
  tests/mutants/mutants.py --list               names, nothing is run

A fault is planted in a tree of its own (a git worktree of HEAD in build/mutants, built once),
or with --tree in another clone, which must be built and which nothing else may use meanwhile.
What the tests need is built, and the tests of the touched folder run, the cheapest first, until
one fails. Then the source is as it was.

For each fault a line on stdout, with --json an object: caught by which test after how many
seconds (build and tests), "does not compile" (does not count), "equivalent" (mutants.json or
equivalent.json say why no test can catch it), "survived", or "timed out", which is a catch too.
Exit: 0 when none survived, 1 when some did, 2 when something else is wrong.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import draw

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Where faults are drawn.
DRAWN = ["compiler/fuse/*.cpp", "dialect/Group.cpp", "compiler/cpu/*.cpp", "compiler/schedule/*.cpp",
         "compiler/place/*.cpp", "compiler/lower/*.cpp"]

LIT = "lit -q --max-failures=1 tests/{}"
LIT_TARGETS = "encdec-opt encdec-run-reference encdec encdec-compile my_fusion my_kernel"
# What is built, and what then runs in the build folder, with these variables.
TESTS = {
    **{f"lit-{folder}": (LIT_TARGETS, LIT.format(folder), {})
       for folder in ("dialect", "fuse", "place", "schedule", "cpu", "lower")},
    "dialect": ("encdec_dialect_tests", "bin/encdec_dialect_tests", {}),
    "place": ("encdec_place_tests", "bin/encdec_place_tests", {}),
    "fuse": ("FuseTest", "bin/FuseTest", {}),
    "graphs-few": ("encdec_lower_tests", "bin/encdec_lower_tests --gtest_filter=Graphs.*",
                   {"ENCDEC_GRAPHS": "15"}),
    "kernels": ("encdec_lower_tests", "bin/encdec_lower_tests --gtest_fail_fast "
                "--gtest_filter=RowLayout.*:Levels/*-*CodeShape*", {}),
    "models": ("encdec_lower_tests", "bin/encdec_lower_tests --gtest_fail_fast "
               "--gtest_filter=*CodeShape*:*Segments*:Random/*-Random/Model*", {}),
    "groups": ("encdec_lower_tests", "bin/encdec_lower_tests --gtest_filter=Groups.*", {}),
    "graphs": ("encdec_lower_tests", "bin/encdec_lower_tests --gtest_filter=Graphs.*", {}),
    "schedules": ("encdec_schedule_tests",
                  "bin/encdec_schedule_tests --gtest_fail_fast --gtest_filter=-Mutants.*", {}),
    "schedule-mutants": ("encdec_schedule_tests",
                         "bin/encdec_schedule_tests --gtest_filter=Mutants.*", {}),
}
# Of each folder, the cheapest first.
LADDERS = {
    "dialect": "dialect lit-dialect lit-fuse graphs-few fuse graphs",
    "compiler/fuse": "lit-fuse graphs-few fuse graphs",
    "compiler/place": "lit-place place graphs-few graphs models",
    "compiler/schedule": "lit-schedule graphs-few schedules graphs schedule-mutants",
    "compiler/cpu": "lit-cpu graphs-few graphs groups kernels models",
    "compiler/lower": "lit-lower graphs-few graphs models kernels schedules",
}
LIMIT = 600  # seconds for one test: a fault may loop for ever


class Failed(Exception):
    """Something besides a planted fault is wrong."""


def planted():
    """The faults of mutants.json: name, path, change, why it is wrong."""
    found = []
    for each in json.loads((HERE / "mutants.json").read_text()):
        text = (ROOT / each["file"]).read_text()
        if text.count(each["find"]) != 1:
            raise Failed(f"mutants.json: {each['name']}: expected its text once in {each['file']}, "
                         f"found {text.count(each['find'])} times; adapt it to the source")
        change = (text.index(each["find"]), each["find"], each["replace"], "planted")
        found.append({"name": each["name"], "file": each["file"], "change": change,
                      "equivalent": each.get("equivalent")})
    return found


def line_of(text, offset):
    return text[text.rfind("\n", 0, offset) + 1:text.find("\n", offset)].strip()


def drawn(count, seed):
    sources = {str(path.relative_to(ROOT)): path.read_text()
               for glob in DRAWN for path in ROOT.glob(glob)}
    known = json.loads((HERE / "equivalent.json").read_text())
    found = []
    for file, change in draw.draw(sources, count, seed):
        text = sources[file]
        number = text.count("\n", 0, change[0]) + 1
        line = line_of(text, change[0])
        after = line_of(draw.applied(text, change), change[0])
        why = next((each["why"] for each in known
                    if (each["file"], each["line"], each["becomes"]) == (file, line, after)), None)
        found.append({"name": f"{file}:{number}:{change[3]}", "file": file, "change": change,
                      "equivalent": why, "line": line, "becomes": after})
    return found


def run(command, cwd, variables={}):
    """The exit status (None: over the limit) and the output. No child outlives this."""
    child = subprocess.Popen(command.split(), cwd=cwd, env={**os.environ, **variables},
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", start_new_session=True)
    try:
        output = child.communicate(timeout=LIMIT)[0]
        return child.returncode, output
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()


def build(tree, targets):
    return run(f"cmake --build build --target {targets}", tree)


def ladder_of(file):
    return LADDERS[file if file in LADDERS else str(pathlib.PurePath(file).parent)].split()


def command_of(tree, test):
    """With the lit that the build found."""
    command = TESTS[test][1]
    if command.startswith("lit "):
        cache = (tree / "build/CMakeCache.txt").read_text()
        lit = next(line for line in cache.splitlines() if line.startswith("LIT:"))
        command = lit.split("=", 1)[1] + command[3:]
    return command


def judge(tree, fault):
    """Plants one fault; returns the result and by what."""
    if fault["equivalent"]:
        return "equivalent", fault["equivalent"]
    path = tree / fault["file"]
    before = path.read_text()
    path.write_text(draw.applied(before, fault["change"]))
    try:
        for test in ladder_of(fault["file"]):
            status, output = build(tree, TESTS[test][0])
            if status != 0:
                if "error:" in output:
                    return "does not compile", ""
                raise Failed(f"{fault['name']}: the build failed without an error of the compiler:\n"
                             + output[-2000:])
            status, output = run(command_of(tree, test), tree / "build", TESTS[test][2])
            if status != 0:
                return ("timed out" if status is None else "caught"), test
        return "survived", ""
    finally:
        path.write_text(before)


def worktree():
    """A tree of HEAD to plant in, built."""
    tree = ROOT / "build/mutants"
    if not (tree / ".git").exists():
        subprocess.run(["git", "-C", ROOT, "worktree", "prune"], check=True)
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", tree, "HEAD"], check=True)
    head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    subprocess.run(["git", "-C", tree, "checkout", "-q", "--force", "--detach", head], check=True)
    subprocess.run([tree / "tests/setup.sh", "release"], check=True)
    return tree


def check_whole(tree, faults):
    """Without a fault every test passes, or a catch means nothing."""
    for test in dict.fromkeys(test for fault in faults for test in ladder_of(fault["file"])):
        status, output = build(tree, TESTS[test][0])
        if status == 0:
            status, output = run(command_of(tree, test), tree / "build", TESTS[test][2])
        if status != 0:
            raise Failed(f"{test} fails without a fault:\n{output[-2000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--draw", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tree", type=pathlib.Path, help="a built clone to plant in")
    parser.add_argument("--unchecked", action="store_true",
                        help="do not run the tests without a fault first")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    faults = drawn(args.draw, args.seed) if args.draw else planted()
    faults = [fault for fault in faults
              if not args.names or any(name in fault["name"] for name in args.names)]
    if not faults:
        raise Failed("no fault has such a name; --list shows them")
    if args.list:
        for fault in faults:
            print(fault["name"], *(("|", fault["line"], "=>", fault["becomes"]) if args.draw else ()))
        return 0
    tree = args.tree.resolve() if args.tree else worktree()
    if not args.unchecked:
        check_whole(tree, faults)
    survived = 0
    for fault in faults:
        start = time.monotonic()
        result, by = judge(tree, fault)
        seconds = round(time.monotonic() - start, 1)
        survived += result == "survived"
        said = {"name": fault["name"], "result": result, "by": by, "seconds": seconds}
        if "line" in fault:
            said |= {"line": fault["line"], "becomes": fault["becomes"]}
        print(json.dumps(said) if args.json else
              f"{fault['name']}: {result} {by} after {seconds} s", flush=True)
    return 1 if survived else 0


if __name__ == "__main__":
    # A stop from outside restores the source, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        sys.exit(main())
    except Failed as error:
        print(f"mutants: {error}", file=sys.stderr)
        sys.exit(2)
