//===- ApiSupport.h - the C border: statuses, sized structs, exceptions ---===//

#pragma once

#include "encdec/runtime.h"
#include "runtime/exec/State.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

struct encdec_status {
  int code;
  std::string message;
};

struct encdec_model {
  std::shared_ptr<const encdec::runtime::Model> model;
};

struct encdec_state {
  std::unique_ptr<encdec::runtime::State> state;
};

namespace encdec::runtime::api {

/// The one status that needs no memory; freeing leaves it alone.
encdec_status *outOfMemory();

encdec_status *make(const Status &status);

/// Runs `body` (returning Status) and turns whatever it does into a status.
template <typename Body> encdec_status *guarded(Body &&body) noexcept {
  try {
    Status status = body();
    return status.ok() ? nullptr : make(status);
  } catch (const std::bad_alloc &) {
    return outOfMemory();
  } catch (const std::exception &error) {
    try {
      return make(Status(Code::Failure, std::string("internal error: ") + error.what()));
    } catch (...) {
      return outOfMemory();
    }
  } catch (...) {
    return outOfMemory();
  }
}

inline Status isNull(const char *what) {
  return usageError(std::string(what) + " is NULL");
}

/// The caller's struct as this version knows it: fields the caller's version
/// lacks keep their defaults.
template <typename T> T readSized(const T *given, T defaults) {
  if (given)
    std::memcpy(&defaults, given, std::min<uint64_t>(given->size, sizeof(T)));
  defaults.size = sizeof(T);
  return defaults;
}

/// Gives the caller as much of `value` as its version of the struct holds.
template <typename T> Status writeSized(T *out, T value) {
  const uint64_t size = out->size;
  if (size < sizeof(uint64_t))
    return usageError("the size field of an out-struct is not set");
  value.size = size;
  std::memcpy(static_cast<void *>(out), &value, std::min<uint64_t>(size, sizeof(T)));
  return {};
}

} // namespace encdec::runtime::api
