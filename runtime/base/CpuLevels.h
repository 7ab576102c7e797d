//===- CpuLevels.h - the CPU levels: names, order, what they ask for ------===//
//
// A level is a set of instructions that code is compiled for. Running one that
// the CPU or the operating system does not support kills the process, so the
// question is asked before code is mapped.

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace encdec {

/// A feature of x86-64 CPUs, and the bit of CPUID that says so.
struct CpuFeature {
  std::string_view name; ///< As /proc/cpuinfo, LLVM and GCC know it.
  uint32_t leaf, subleaf;
  enum Register { Eax, Ebx, Ecx, Edx } in;
  unsigned bit;
};

struct CpuLevel {
  std::string_view name;         ///< As in bundles, --cpu and ENCDEC_CPU.
  std::string_view architecture; ///< "x86-64" or "aarch64".
  unsigned elfMachine;           ///< e_machine of its code.
  std::string_view needs;        ///< What it asks for, in words.
  std::string_view below; ///< The level whose needs this one includes, or empty.
  /// Needs beyond those of the level below: features, and bits of XCR0 for the
  /// registers that the operating system must save.
  std::span<const CpuFeature> features;
  uint64_t states;
  /// Whether dot products of whole numbers are all that it adds to the level below.
  bool onlyForWholes;

  /// What this machine lacks to run its code, in words; empty where it runs.
  std::string missingHere() const;
  /// The same question, asked of the hardware once; safe from any thread.
  bool runsHere() const;
};

/// All levels; those of one architecture in order, the most preferred last.
std::span<const CpuLevel> cpuLevels();

/// The level called `name`; a usage error with the names of all.
Result<const CpuLevel *> findCpuLevel(std::string_view name);

/// The most preferred level that runs on this machine, or null. Without `wholes`, levels that
/// add only dot products of whole numbers (CpuLevel::onlyForWholes) are passed over.
const CpuLevel *bestCpuLevel(bool wholes = true);

/// "x86-64", "aarch64" or "unknown": what this library was compiled for.
std::string_view architecture();

} // namespace encdec
