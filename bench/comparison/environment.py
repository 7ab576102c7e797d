"""What a comparison needs before it can start: virtual environments of its own,
a checkpoint, each peer's form of it, and bundles. Everything lies under build/
and is made once; bundles are compiled anew each time. A peer that cannot be installed
or converted is left out with a sentence, and the rest goes on."""
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import checkpoint as random_checkpoint

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "build" / "compare"

# optimum holds transformers at 4, so its engines get an environment of their own.
ENVIRONMENTS = {
    "compare-venv": ["ctranslate2", "transformers", "torch", "sentencepiece"],
    "compare-venv-optimum": ["optimum-intel", "openvino", "nncf", "optimum-onnx",
                             "onnxruntime", "torch", "sentencepiece"],
}


@dataclass(frozen=True)
class PeerKind:
    family: str        # of worker.py
    environment: str
    form: tuple | None # arguments of convert.py; None: the checkpoint itself
    type: str
    # Settings that may make the peer faster on one machine and slower on another; a trial
    # finds the fastest. (options of worker.py, environment variables)
    settings: tuple = (({}, {}),)

    @property
    def quality(self):
        return "f32" if self.type == "f32" else "int8"


def has_vnni():
    return re.search(r"\b(avx512_|avx_)vnni\b",
                     Path("/proc/cpuinfo").read_text(encoding="utf-8")) is not None


# CTranslate2 takes MKL on Intel's processors and oneDNN on others unless told.
CTRANSLATE2 = (({}, {}), ({}, {"CT2_USE_MKL": "1"}),
               ({}, {"CT2_USE_MKL": "1", "CT2_USE_EXPERIMENTAL_PACKED_GEMM": "1"}))
OPENVINO = ({"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}, {})
OPENVINO_INT8 = (({}, {}), ({"torch_threads": 1}, {}),
                 ({"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}, {}))
# Spinning threads of two pools, ONNX Runtime's and torch's, can take ten times as long.
ONNX_RUNTIME = (({"use_io_binding": True, "session.intra_op.allow_spinning": "0"},
                 {"OMP_WAIT_POLICY": "PASSIVE"}),
                ({"use_io_binding": True, "torch_threads": 1}, {}),
                ({"use_io_binding": True}, {}), ({}, {}))
PEERS = {
    "CTranslate2 f32": PeerKind("ctranslate2", "compare-venv",
                                ("ctranslate2", "float32"), "f32", CTRANSLATE2),
    "CTranslate2 int8": PeerKind("ctranslate2", "compare-venv", ("ctranslate2", "int8"),
                                 "int8", CTRANSLATE2),
    "OpenVINO f32": PeerKind("openvino", "compare-venv-optimum", ("openvino", "f32"),
                             "f32", (OPENVINO,)),
    "OpenVINO int8": PeerKind("openvino", "compare-venv-optimum", ("openvino", "int8"),
                              "int8", OPENVINO_INT8),
    "ONNX Runtime f32": PeerKind("onnxruntime", "compare-venv-optimum", ("onnxruntime",),
                                 "f32", ONNX_RUNTIME),
    "ONNX Runtime int8": PeerKind(
        "onnxruntime", "compare-venv-optimum",
        ("onnxruntime-int8", "QInt8" if has_vnni() else "QUInt8"), "int8", ONNX_RUNTIME),
    "transformers f32": PeerKind("transformers", "compare-venv", None, "f32"),
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
                    + error_line(done.stdout))
    stamp.write_text(json.dumps(packages))
    return None


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def error_line(text):
    """The sentence for pip's output: pip prints errors first and advice after them."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else last_line(text)


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


def checkpoint(model, size="opus"):
    """The folder of --model, or of the random model of a size, made when missing."""
    if model:
        return Path(model).resolve()
    folder = WORK / f"random-{size}" / "checkpoint"
    folder.parent.mkdir(parents=True, exist_ok=True)
    made_once(folder, lambda part: random_checkpoint.write(random_checkpoint.SIZES[size], part))
    return folder


def forms_folder(source):
    """The folder of a checkpoint's converted forms, named by the checkpoint's path, size
    and time; the user's own folders get no files."""
    if source.is_relative_to(WORK):
        return source.parent
    weights = (source / "model.safetensors").stat()
    key = f"{source} {weights.st_size} {weights.st_mtime_ns}".encode()
    folder = WORK / (source.name + "-" + hashlib.sha256(key).hexdigest()[:12])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def peer_form(name, source, threads):
    """(folder, None), or (None, a sentence)."""
    peer = PEERS[name]
    if peer.form is None:
        return source, None
    folder = forms_folder(source) / "-".join(peer.form)
    if not folder.exists():
        say(f"converting for {name}")
    kind, *options = peer.form
    problem = made_once(folder, lambda part: convert(
        peer.environment, [kind, source, part, *options], threads))
    return (None, f"conversion failed: {problem}") if problem else (folder, None)


def compile_to(build, source, bundle, weights):
    """Compiles a bundle; returns the seconds. Without a bundle the program ends."""
    start = time.monotonic()
    done = subprocess.run([build / "bin" / "encdec", "compile", source, "-o", bundle,
                           "--weights", weights, "--quiet"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"encdec compile --weights {weights} {source}: "
                 + last_line(done.stdout))
    return time.monotonic() - start


def bundle_path(source, weights):
    return forms_folder(source) / f"{weights}.encdec"


def compile_bundle(build, source, weights):
    """(bundle, seconds)."""
    bundle = bundle_path(source, weights)
    return bundle, compile_to(build, source, bundle, weights)


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
