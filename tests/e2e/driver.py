"""What the end-to-end tests share: the programs, and how ids are compared."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "models"))
import make_checkpoint  # noqa: E402
from families import FAMILIES  # noqa: E402, F401

BUILD = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build")
ENCDEC = BUILD / "bin" / "encdec"
EXAMPLE = ROOT / "examples" / "models" / "en-fr"
SMALL_T5 = ROOT / "tests" / "models" / "small-t5"
GOLDENS = ROOT / "tests" / "models" / "goldens"
OUT = BUILD / "e2e"


def run(*arguments, check=True, **options):
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    result = subprocess.run([ENCDEC, *map(str, arguments)], capture_output=True,
                            text=True, **options)
    if check and result.returncode:
        raise AssertionError(f"encdec {' '.join(map(str, arguments[:3]))} … exited "
                             f"{result.returncode}: {result.stderr.strip()}")
    return result


def compile_model(folder, name, *options):
    """Compiles a checkpoint into OUT/NAME and returns the path; for this machine alone, unless
    the options name CPU levels."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / name
    if "--cpu" not in options:
        options += ("--cpu", "host")
    run("compile", folder, "-o", path, *options)
    return path


def checkpoint(name, spec, tokenizer=None):
    """A random checkpoint (tests/models), with a trained tokenizer (tests/tokenizers) or none."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    if tokenizer:
        shutil.copytree(ROOT / "tests" / "tokenizers" / tokenizer, folder)
    make_checkpoint.write(spec, folder)
    return folder


def generate_ids(bundle, sources, *options):
    """One batch of id lists in, one JSON object a source out."""
    arguments = [word for ids in sources for word in ("--ids", " ".join(map(str, ids)))]
    out = run("generate", bundle, "--json", *options, *arguments).stdout
    return [json.loads(line) for line in out.splitlines()]


def spelled(options):
    """Options of generation as the command line and the C API take their values."""
    return {key: "none" if value is None else value if isinstance(value, str)
            else json.dumps(value) for key, value in options.items()}


def generate_behind(bundle, sources, prefix, options, check=True):
    """The same, each behind a prefix, by the C API (prefixed.c)."""
    lines = ("|".join(" ".join(map(str, ids)) for ids in (source, prefix)) for source in sources)
    out = subprocess.run([BUILD / "bin" / "encdec_prefixed", bundle,
                          *(f"{key}={text}" for key, text in spelled(options).items())],
                         input="".join(f"{line}\n" for line in lines), capture_output=True,
                         text=True)
    if check and out.returncode:
        raise AssertionError(f"encdec_prefixed exited {out.returncode}: {out.stderr.strip()}")
    return out


def generate_texts(bundle, texts, *options, beams=1):
    """One batch of texts in, one JSON object a text out."""
    arguments = [word for text in texts for word in ("--text", text)]
    out = run("generate", bundle, "--json", "--beams", beams, *options, *arguments).stdout
    return [json.loads(line) for line in out.splitlines()]


def check_like_goldens(test, lines, results):
    """Results are the reference's up to what rounding may decide, in 98 % of the tokens."""
    compared = total = 0
    for line, result in zip(lines, results, strict=True):
        count = line["compare"]
        test.assertEqual(result["ids"][:count], line["ids"][:count], line["text"])
        compared, total = compared + count, total + len(line["ids"])
        if count == len(line["ids"]):
            test.assertEqual(result["text"], line["output"])
            test.assertAlmostEqual(result["log_prob"], line["log_prob"], delta=1e-3)
    print(f"{compared} of {total} tokens compared ({compared / total:.2%})")
    test.assertGreaterEqual(compared, 0.98 * total)


def goldens(name):
    return json.loads((GOLDENS / name).read_text())


def common_prefix(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
