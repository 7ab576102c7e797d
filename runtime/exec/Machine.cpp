//===- Machine.cpp - how many threads and how much RAM we have ------------===//

#include "runtime/exec/Machine.h"

#include "runtime/base/Cgroup.h"

#include <algorithm>
#include <sched.h>
#include <unistd.h>

namespace encdec::runtime {

namespace {

unsigned affinity() {
  // A machine may have more CPUs than a cpu_set_t of this size has bits; the
  // kernel then answers EINVAL, and a larger set is tried.
  for (int cpus = 1024; cpus <= 1 << 16; cpus *= 2) {
    cpu_set_t *set = CPU_ALLOC(cpus);
    if (!set)
      return 0;
    size_t size = CPU_ALLOC_SIZE(cpus);
    int failed = sched_getaffinity(0, size, set);
    unsigned count = failed ? 0 : unsigned(CPU_COUNT_S(size, set));
    CPU_FREE(set);
    if (!failed)
      return count;
  }
  return 0;
}

} // namespace

unsigned defaultThreads() {
  unsigned threads = affinity();
  for (CpuQuota quota : cpuQuotas())
    threads = threads ? std::min(threads, quota.processors()) : quota.processors();
  return threads ? threads : 1;
}

uint64_t physicalRam() {
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? uint64_t(pages) * uint64_t(size)
                               : uint64_t(1) << 40;
}

} // namespace encdec::runtime
