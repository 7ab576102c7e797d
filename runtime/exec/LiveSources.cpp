//===- LiveSources.cpp - the live sources and where their memory lies -----===//

#include "runtime/exec/LiveSources.h"

#include "runtime/bundle/Manifest.h"

#include <algorithm>

namespace encdec::runtime {

LiveSources::LiveSources(uint64_t most, uint64_t places, uint64_t bytesPerPlace)
    : places(places), bytesPerPlace(bytesPerPlace), lengths(most), memoryOffset(most),
      sourceOffset(most + 1) {
  order.reserve(most);
}

void LiveSources::clear() {
  used = 0;
  order.clear();
  std::fill(lengths.begin(), lengths.end(), 0);
  update();
}

size_t LiveSources::add(uint64_t length,
                    const std::function<void(uint64_t, uint64_t, uint64_t)> &move) {
  auto bytes = [&](uint64_t length) { return roundUp16(length) * bytesPerPlace; };
  uint64_t at = 0;
  auto next = order.begin();
  for (; next != order.end() && uint64_t(memoryOffset[*next]) - at < bytes(length); ++next)
    at = uint64_t(memoryOffset[*next]) + bytes(lengths[*next]);
  if (next == order.end() && places * bytesPerPlace - at < bytes(length)) {
    at = 0;
    for (uint32_t source : order) {
      const auto from = uint64_t(memoryOffset[source]);
      if (from != at)
        move(at, from, bytes(lengths[source]));
      memoryOffset[source] = int64_t(at);
      at += bytes(lengths[source]);
    }
  }
  const auto number =
      size_t(std::find(lengths.begin(), lengths.end(), 0) - lengths.begin());
  lengths[number] = length;
  memoryOffset[number] = int64_t(at);
  order.insert(next, uint32_t(number));
  used += roundUp16(length);
  update();
  return number;
}

void LiveSources::remove(size_t source) {
  used -= roundUp16(lengths[source]);
  lengths[source] = 0;
  std::erase(order, uint32_t(source));
  update();
}

void LiveSources::update() {
  for (size_t number = 0; number < lengths.size(); ++number)
    sourceOffset[number + 1] = sourceOffset[number] + int32_t(lengths[number]);
}

} // namespace encdec::runtime
