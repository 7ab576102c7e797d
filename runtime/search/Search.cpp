//===- Search.cpp - which strategy the options ask for --------------------===//

#include "runtime/search/Alternatives.h"
#include "runtime/search/Beam.h"
#include "runtime/search/Greedy.h"
#include "runtime/search/Groups.h"

namespace encdec::runtime {

std::unique_ptr<Search> makeSearch(const SearchOptions &options) {
  if (options.alternatives)
    return std::make_unique<Alternatives>(options);
  if (options.beams == 1)
    return std::make_unique<GreedySearch>(options);
  if (options.groups > 1 || !options.words.empty())
    return std::make_unique<GroupSearch>(options);
  return std::make_unique<BeamSearch>(options);
}

} // namespace encdec::runtime
