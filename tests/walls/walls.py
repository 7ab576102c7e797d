#!/usr/bin/env python3
"""The one-way walls, read from the sources and from the built files.

dialect knows MLIR only; compiler knows dialect; runtime knows neither, nor LLVM.
Compiler and runtime share runtime/base and one header; the compiler's programs may use
the runtime's C API. Inside the compiler, folders include each other in one direction;
folders that serve every target name no target, and schedule and lower name no op and no
kernel. Families of models are data: no source names one. Inside the runtime, base <- bundle <- exec <- search.

usage: walls.py SOURCE_DIR [BUILD_DIR]
"""
import itertools
import json
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
LLVM = ("mlir/", "llvm/", "llvm-c/", "mlir-c/", "lld/", "clang/")

# The headers of the C API.
API = ("encdec/encdec.hpp",) + tuple(
    f"encdec/{name}.h" for name in ("runtime", "model", "state", "options", "generate",
                                    "generation", "text", "bundle"))

# folder -> prefixes of includes that its files must not have
FORBIDDEN = {
    "dialect": ("compiler/", "runtime/", "encdec/abi.h") + API,
    "compiler": ("runtime/",) + API,
    "compiler/fuse": ("compiler/lower/", "compiler/emit/", "compiler/place/",
                      "compiler/schedule/", "compiler/cpu/"),
    "compiler/place": ("compiler/lower/", "compiler/emit/", "compiler/schedule/",
                       "compiler/cpu/"),
    "compiler/schedule": ("dialect/", "compiler/fuse/", "compiler/place/", "compiler/lower/",
                          "compiler/cpu/", "compiler/emit/", "compiler/import/"),
    "compiler/lower": ("dialect/", "compiler/fuse/", "compiler/place/", "compiler/cpu/",
                       "compiler/emit/", "compiler/import/"),
    "compiler/cpu": ("compiler/fuse/", "compiler/emit/", "compiler/import/"),
    "runtime": ("dialect/", "compiler/") + LLVM,
    "runtime/base": ("runtime/bundle/", "runtime/exec/", "runtime/search/", "runtime/text/",
                     "runtime/tools/", "runtime/Api") + API,
    "runtime/text": ("runtime/bundle/", "runtime/exec/", "runtime/search/"),
    "runtime/bundle": ("runtime/exec/", "runtime/search/", "runtime/tools/"),
    "runtime/exec": ("runtime/search/", "runtime/tools/"),
    "include/encdec": ("dialect/", "compiler/", "runtime/") + LLVM,
}

# folder -> prefixes of includes that its files may have all the same
ALLOWED = {
    "compiler": ("runtime/base/",),
    "compiler/tools": API,
}


def check_sources(root):
    errors, files = [], 0
    for folder, forbidden in FORBIDDEN.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".hpp", ".cpp", ".c", ".td"):
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


# Folders of the compiler that serve every target, and those that know no kernel either.
ANY_TARGET = ("compiler/place", "compiler/schedule", "compiler/lower")
ANY_KERNEL = ("compiler/schedule", "compiler/lower")
INSTRUCTION_SETS = re.compile(r"avx|vnni|\bsse\d?|\bneon|x86|aarch64|\bv3\b|\bv4\b|pmadd|dpbusd",
                              re.I)


def code_of(path):
    """A source file without its comments and, of a .td, without its texts."""
    text = re.sub(r"\[\{.*?\}\]", "", path.read_text(), flags=re.S)
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def names_of_kernels(root):
    """Ops of the dialect as classes and as strings, kernels of the CPU as strings."""
    # weight is left out: calls name weights as symbols.
    ops = {name for path in (root / "dialect").glob("*Ops.td")
           for name in re.findall(r'def EncDec_\w+Op\b[^{]*?"(\w+)"', path.read_text())}
    ops.discard("weight")
    table = root / "compiler" / "cpu" / "Cpu.cpp"
    kernels = set(re.findall(r'\{"(\w+)",', table.read_text())) if table.exists() else set()
    classes = ["".join(part.capitalize() for part in op.split("_")) + "Op" for op in ops]
    return re.compile("|".join([rf"(?<!::)\b{name}\b" for name in classes]
                               + [f'"{name}"' for name in ops | kernels]) or "(?!)")


def check_generic(root):
    """Folders that serve every target name no target; likewise with kernels."""
    errors, kernels = [], names_of_kernels(root)
    for folder in ANY_TARGET:
        for path in sorted((root / folder).glob("*")):
            if path.suffix not in (".h", ".cpp", ".td"):
                continue
            found = INSTRUCTION_SETS.findall(path.read_text())
            if folder in ANY_KERNEL:
                found += kernels.findall(code_of(path))
            errors += [f"{path.relative_to(root)}: names {name}, which {folder}/ must not know"
                       for name in sorted(set(found))]
    return errors


def check_families(root):
    """Names of model families stand in data alone: the importer's and the tokenizers'."""
    # "fast" and the language codes are no families.
    names = {path.stem for path in (root / "compiler" / "tokenizer" / "families").glob("*.json")}
    names -= {"fast", "iso639"}
    for path in (root / "compiler" / "import" / "families").glob("*.json"):
        data = json.loads(path.read_text())
        for family in [data] if "family" in data else data.values():
            names.update(family["model_types"])
            names.add(family.get("family", family["model_types"][0]))
    # T5Config, importMarian and "marian" name a family; called does not name led.
    words = "|".join(re.escape(form) for name in sorted(names)
                     for form in (name, name.capitalize(), name.upper()))
    pattern = re.compile(rf"(?<![A-Za-z])(?:{words})(?![a-z])|[a-z](?:"
                         + "|".join(re.escape(name.capitalize()) for name in sorted(names))
                         + r")(?![a-z])") if names else re.compile("(?!)")
    errors = []
    for folder in ("dialect", "compiler", "runtime", "include"):
        for path in sorted((root / folder).rglob("*")):
            name = str(path.relative_to(root))
            if path.suffix not in (".h", ".cpp", ".c", ".td"):
                continue
            errors += [f"{name}: names the family {found}; families are data of "
                       "compiler/import/families and compiler/tokenizer/families" for found in
                       sorted(set(pattern.findall(path.read_text())))]
    return errors


def check_cycles(root):
    """The folders of the compiler include each other in one direction only."""
    def folders(path, seen):
        """Folders that a file includes, by itself or through headers of no folder."""
        for include in INCLUDE.findall(path.read_text()):
            parts = pathlib.PurePath(include).parts
            if parts[0] != "compiler" or include in seen:
                continue
            seen.add(include)
            if len(parts) > 2:
                yield parts[1]
            elif (root / include).exists():
                yield from folders(root / include, seen)

    edges = {folder.name: {to for path in folder.glob("*") if path.suffix in (".h", ".cpp")
                           for to in folders(path, set())} - {folder.name}
             for folder in sorted((root / "compiler").glob("*")) if folder.is_dir()}

    def reach(start, at, trail):
        for to in sorted(edges.get(at, ())):
            if to == start:
                return [*trail, to]
            if to not in trail and (found := reach(start, to, [*trail, to])):
                return found
        return None

    cycles = {}
    for folder in edges:
        if cycle := reach(folder, folder, [folder]):
            cycles.setdefault(frozenset(cycle), cycle)
    return [f"compiler/: {' includes '.join(cycle)}" for cycle in cycles.values()]


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
    """A name that two libraries define: one would take it from the other."""
    shown = {path.name: exported(path) for path in (build / "lib").glob("libencdec_*.so")}
    errors = [f"{a} and {b}: both define {name}; one of them must be enough"
              for a, b in itertools.combinations(sorted(shown), 2)
              for name in sorted(shown[a] & shown[b])]
    errors += [f"{library}: shows {name}, which is not of its C API"
               for library in ("libencdec_runtime.so", "libencdec_compiler_c.so")
               for name in sorted(shown.get(library, ()))
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
    errors = (check_sources(root) + check_generic(root) + check_families(root)
              + check_cycles(root))
    if len(sys.argv) > 2:
        build = pathlib.Path(sys.argv[2])
        errors += check_links(build) + check_symbols(build)
    for error in errors:
        print(error, file=sys.stderr)
    print(f"{len(errors)} breaches")
    return 1 if errors else 0


sys.exit(main())
