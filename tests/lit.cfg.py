# One lit configuration for all folders of tests (see Lit.cmake).
import os

import lit.formats

config.name = config.encdec_folder
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.join(config.encdec_source, "tests",
                                       config.encdec_folder)
config.test_exec_root = os.path.join(config.encdec_build, "tests",
                                     config.encdec_folder, "lit")
config.excludes = ["Inputs"]
config.environment["PATH"] = os.pathsep.join(
    [config.encdec_tools, config.llvm_tools, os.environ["PATH"]])
# Where plugins of encdec-opt are built.
config.substitutions.append(("%{lib}", os.path.join(config.encdec_build, "lib")))
# What a file of rewrite patterns includes.
config.substitutions.append(
    ("%{include}", os.path.join(config.encdec_build, "include", "encdec-compiler")))
config.substitutions.append(
    ("%{llvm-include}", os.path.join(config.llvm_tools, os.pardir, "include")))
