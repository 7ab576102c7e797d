#!/usr/bin/env python3
"""The one-way walls, read from the sources and from the built files.

dialect knows MLIR only; compiler knows dialect; runtime knows neither, nor LLVM.
Compiler and runtime share runtime/base and one header; the compiler's programs may
use the runtime's C API. Inside the compiler, fuse and lower do not include each
other; inside the runtime, base <- bundle <- exec <- search.

usage: walls.py SOURCE_DIR [BUILD_DIR]
"""
import itertools
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
LLVM = ("mlir/", "llvm/", "llvm-c/", "mlir-c/", "lld/", "clang/")

# folder -> prefixes of includes that its files must not have
FORBIDDEN = {
    "dialect": ("compiler/", "runtime/", "encdec/runtime.h", "encdec/abi.h"),
    "compiler": ("runtime/", "encdec/runtime.h"),
    "compiler/fuse": ("compiler/lower/", "compiler/emit/", "compiler/place/"),
    "compiler/place": ("compiler/lower/", "compiler/emit/"),
    "compiler/lower": ("compiler/fuse/", "compiler/emit/"),
    "runtime": ("dialect/", "compiler/") + LLVM,
    "runtime/base": ("runtime/bundle/", "runtime/exec/", "runtime/search/", "runtime/text/",
                     "runtime/tools/", "runtime/Api", "encdec/runtime.h"),
    "runtime/text": ("runtime/bundle/", "runtime/exec/", "runtime/search/"),
    "runtime/bundle": ("runtime/exec/", "runtime/search/", "runtime/tools/"),
    "runtime/exec": ("runtime/search/", "runtime/tools/"),
    "include/encdec": ("dialect/", "compiler/", "runtime/") + LLVM,
}

# folder -> prefixes of includes that its files may have all the same
ALLOWED = {
    "compiler": ("runtime/base/",),
    "compiler/tools": ("encdec/runtime.h",),
}


def check_sources(root):
    errors, files = [], 0
    for folder, forbidden in FORBIDDEN.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".c", ".td"):
                continue
            files += 1
            allowed = sum((prefixes for inside, prefixes in ALLOWED.items()
                           if root / inside in path.parents), ())
            for include in INCLUDE.findall(path.read_text()):
                if include.startswith(forbidden) and not include.startswith(allowed):
                    errors.append(f"{path.relative_to(root)}: includes {include}, "
                                  f"which {folder}/ must not know")
    if not files:
        errors.append(f"{root}: no source files found")
    return errors


def needed(path):
    """Every shared library behind a file, by name."""
    out = subprocess.run(["ldd", path], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in out.stdout.splitlines() if line.strip()]


def exported(path):
    """The symbols that a library defines and shows, without weak ones: inline
    functions, which several libraries may hold."""
    out = subprocess.run(["nm", "-D", "--defined-only", path],
                         capture_output=True, text=True, check=True)
    rows = [line.split()[-2:] for line in out.stdout.splitlines()]
    return {name.split("@")[0] for kind, name in rows if kind in "TDBR"}


def check_symbols(build):
    """One library would take a name that two define from the other."""
    shown = {path.name: exported(path) for path in (build / "lib").glob("libencdec_*.so")}
    errors = [f"{a} and {b}: both define {name}; one of them must be enough"
              for a, b in itertools.combinations(sorted(shown), 2)
              for name in sorted(shown[a] & shown[b])]
    errors += [f"libencdec_runtime.so: shows {name}, which is not of the C API"
               for name in sorted(shown.get("libencdec_runtime.so", ()))
               if not name.startswith("encdec_")]
    return errors


def check_links(build):
    errors = []
    runtime = sorted((build / "lib").glob("libencdec_runtime.so"))
    for path in [build / "bin" / "encdec", *runtime]:
        if not path.exists():
            errors.append(f"{path}: expected this file, found none; build it first")
            continue
        for name in needed(path):
            if re.search(r"LLVM|MLIR|clang|encdec_(compiler|dialect)", name):
                errors.append(f"{path.name}: has {name} behind it; the runtime must "
                              "have no LLVM, MLIR or compiler")
    if not runtime:
        errors.append(f"{build}/lib: expected libencdec_runtime.so, found none")
    for path in runtime:
        size = path.resolve().stat().st_size
        if size >= 1_000_000:
            errors.append(f"{path.name}: expected under 1,000,000 bytes, got {size}")
    return errors


def main():
    root = pathlib.Path(sys.argv[1])
    errors = check_sources(root)
    if len(sys.argv) > 2:
        build = pathlib.Path(sys.argv[2])
        errors += check_links(build) + check_symbols(build)
    for error in errors:
        print(error, file=sys.stderr)
    print(f"{len(errors)} breaches")
    return 1 if errors else 0


sys.exit(main())
