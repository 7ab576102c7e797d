//===- Refusal.h - how a refused bundle must look -------------------------===//

#pragma once

#include "runtime/bundle/Bundle.h"
#include "tests/bundle/BundleBuilder.h"

#include <gtest/gtest.h>

#include <memory>

namespace encdec::tests {

/// Reads a copy that ends exactly where the bytes do, so that a sanitizer sees a
/// read beyond them.
inline Status readStatus(const std::string &bytes) {
  std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes.size()]);
  memcpy(copy.get(), bytes.data(), bytes.size());
  auto contents = runtime::readBundle({copy.get(), bytes.size()});
  return contents.ok() ? Status() : std::move(contents).status();
}

/// Expects a message that people can read: one printable line of bounded length.
inline void expectOneLine(const std::string &message) {
  EXPECT_FALSE(message.empty());
  EXPECT_LT(message.size(), 400u) << message;
  for (unsigned char c : message)
    EXPECT_TRUE(c >= ' ' && c != 0x7f) << "byte " << int(c) << " in: " << message;
}

inline void expectRefused(const Status &status) {
  EXPECT_TRUE(status.code() == Code::BadModel || status.code() == Code::DoesNotFit)
      << int(status.code()) << ": " << status.message();
  expectOneLine(status.message());
}

/// Refused, with `part` in the message: for the right reason.
inline void expectRefused(const Status &status, const std::string &part) {
  expectRefused(status);
  EXPECT_NE(status.message().find(part), std::string::npos)
      << "expected '" << part << "' in: " << status.message();
}

} // namespace encdec::tests
