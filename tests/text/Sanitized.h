// Whether the address sanitizer makes everything slow. GCC says it with a macro, Clang with
// a feature.
#pragma once

namespace encdec::test {

#if defined(__has_feature)
inline constexpr bool isSanitized = __has_feature(address_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr bool isSanitized = true;
#else
inline constexpr bool isSanitized = false;
#endif

} // namespace encdec::test
