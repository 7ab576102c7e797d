//===- Cpu.h - which compiled code this machine can run -------------------===//
//
// Running an instruction that the CPU or the operating system does not support
// kills the process, so the question is asked before code is mapped.

#pragma once

#include <string>
#include <string_view>

namespace encdec::runtime {

/// "x86-64", "aarch64" or "unknown": what this library was compiled for.
std::string_view architecture();

/// The best level that CPU and OS run: "v4-vnni", "v4", "v3-avxvnni", "v3", "neon" or
/// "none". Asked of the hardware once; safe from any thread.
std::string_view bestLevel();

/// Whether code of this level runs here. Unknown names do not.
bool runsLevel(std::string_view level);

/// Levels of this architecture, best first, ending with an empty one.
const std::string_view *levelsByPreference();

/// What a level asks for, in words, for messages.
std::string_view levelNeeds(std::string_view level);

/// The ELF machine number (e_machine) that code of a level has, 0 for unknown
/// names.
unsigned levelMachine(std::string_view level);

/// The names of all levels, of any architecture, for messages: "v3, …, neon".
std::string knownLevels();

} // namespace encdec::runtime
