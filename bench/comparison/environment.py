"""What a comparison needs before it can start: virtual environments of its own,
a checkpoint, each peer's form of it, and bundles. Everything lies under build/
and is made once; bundles are compiled anew each time."""
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "build" / "compare"

# optimum holds transformers at 4, so its engines get an environment of their own.
ENVIRONMENTS = {
    "compare-venv": ["ctranslate2", "transformers", "torch", "sentencepiece"],
    "compare-venv-optimum": ["optimum-intel", "openvino", "nncf", "optimum-onnx",
                             "onnxruntime", "torch", "sentencepiece"],
}
PEERS = {
    # column: (kind, environment, how it is converted, type asked for)
    "CTranslate2 f32": ("ctranslate2", "compare-venv", ["float32"], "float32"),
    "CTranslate2 int8": ("ctranslate2", "compare-venv", ["int8"], "int8"),
    "OpenVINO f32": ("openvino", "compare-venv-optimum", ["f32"], "f32"),
    "OpenVINO int8": ("openvino", "compare-venv-optimum", ["int8"], "int8"),
    "ONNX Runtime f32": ("onnxruntime", "compare-venv-optimum", [], "f32"),
    "transformers f32": ("transformers", "compare-venv", None, "f32"),
}
WEIGHTS = ("f32", "int8", "int8-dynamic")


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def child_environment(threads):
    """One number of threads for whatever library a peer brings; no network, no GPU."""
    number = str(threads)
    return {**os.environ, "OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number,
            "OPENBLAS_NUM_THREADS": number, "HF_HUB_OFFLINE": "1",
            "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false",
            "PYTHONUNBUFFERED": "1", "ENCDEC_THREADS": number}


def python_of(environment):
    return ROOT / "build" / environment / "bin" / "python"


def install(environment):
    """Returns None, or a sentence saying why the environment cannot be had."""
    python, packages = python_of(environment), ENVIRONMENTS[environment]
    stamp = python.parents[1] / "installed.json"
    if stamp.exists() and json.loads(stamp.read_text()) == packages:
        return None
    say(f"installing {', '.join(packages)} (gigabytes, once)")
    python.parents[2].mkdir(exist_ok=True)
    for command in ([sys.executable, "-m", "venv", python.parents[1]],
                    [python, "-m", "pip", "install", "-q", *packages]):
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            return (f"{', '.join(packages)} cannot be installed: "
                    + last_line(done.stdout))
    stamp.write_text(json.dumps(packages))
    return None


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def convert(environment, arguments, threads):
    """Runs convert.py; its FOLDER is the last path among the arguments. Returns
    None or a sentence."""
    done = subprocess.run([python_of(environment), HERE / "convert.py", *arguments],
                          env=child_environment(threads), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return last_line(done.stdout) if done.returncode else None


def made_once(folder, make):
    """Calls make(temporary folder) unless the folder is there whole already."""
    if folder.exists():
        return None
    temporary = folder.with_name(folder.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    problem = make(temporary)
    if problem is None:
        temporary.rename(folder)
    return problem


def checkpoint(model, threads):
    """The folder of --model, or of the random model, made when missing."""
    if model:
        return Path(model).resolve()
    folder = WORK / "random" / "checkpoint"
    folder.parent.mkdir(parents=True, exist_ok=True)
    problem = made_once(folder, lambda part: convert(
        "compare-venv", ["random", part], threads))
    if problem:
        sys.exit(f"compare: the random checkpoint cannot be made: {problem}")
    return folder


def forms_folder(source):
    """Converted forms lie beside nothing of the user's: one folder a checkpoint,
    named by its path, size and time."""
    if source.is_relative_to(WORK):
        return source.parent
    weights = (source / "model.safetensors").stat()
    import hashlib
    key = f"{source} {weights.st_size} {weights.st_mtime_ns}".encode()
    folder = WORK / (source.name + "-" + hashlib.sha256(key).hexdigest()[:12])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def peer_form(name, source, threads):
    """(folder, None), or (None, a sentence)."""
    kind, environment, options, _ = PEERS[name]
    if options is None:
        return source, None
    folder = forms_folder(source) / "-".join([kind, *options])
    if not folder.exists():
        say(f"converting for {name}")
    problem = made_once(folder, lambda part: convert(
        environment, [kind, source, part, *options], threads))
    return (None, f"conversion failed: {problem}") if problem else (folder, None)


def compile_bundle(build, source, weights):
    """(bundle, seconds). The comparison is about encdec: without it, it ends."""
    bundle = forms_folder(source) / f"{weights}.encdec"
    start = time.monotonic()
    done = subprocess.run([build / "bin" / "encdec", "compile", source, "-o", bundle,
                           "--weights", weights, "--quiet"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"compare: encdec compile --weights {weights}: "
                 + last_line(done.stdout))
    return bundle, time.monotonic() - start
