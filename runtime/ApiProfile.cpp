//===- ApiProfile.cpp - the C API: where the time goes --------------------===//

#include "runtime/ApiSupport.h"

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

namespace {

bool isEntry(uint32_t entry) {
  return entry == ENCDEC_PROFILE_ENCODE || entry == ENCDEC_PROFILE_STEP;
}

EntryKind kindOf(uint32_t entry) {
  return entry == ENCDEC_PROFILE_ENCODE ? EntryKind::Encode : EntryKind::Step;
}

} // namespace

extern "C" {

encdec_status *encdec_state_profile_start(encdec_state *state) {
  return guarded([&]() -> Status {
    return state ? state->state->startProfile() : isNull("state");
  });
}

encdec_status *encdec_state_profile_stop(encdec_state *state) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}}));
    state->state->stopProfile();
    return {};
  });
}

uint64_t encdec_state_profile_count(const encdec_state *state, uint32_t entry) {
  const Profile *profile = state ? state->state->profiled() : nullptr;
  return profile && isEntry(entry) ? profile->count(kindOf(entry)) : 0;
}

encdec_status *encdec_state_get_profile(const encdec_state *state, uint32_t entry,
                                        uint64_t index,
                                        encdec_segment_profile *out_profile) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"state", state}, {"out_profile", out_profile}}));
    const Profile *profile = state->state->profiled();
    if (!profile)
      return usageError("nothing was profiled; call encdec_state_profile_start "
                        "first");
    const uint64_t count = encdec_state_profile_count(state, entry);
    if (index >= count)
      return usageError("entry " + std::to_string(entry) + " has " +
                        std::to_string(count) + " segments, none is number " +
                        std::to_string(index));
    ENCDEC_ASSIGN_OR_RETURN(SegmentProfile of,
                            profile->segment(kindOf(entry), index));
    encdec_segment_profile value = {};
    value.ops = of.info->ops.c_str();
    value.side = of.info->decoder ? "decoder" : "encoder";
    value.layer = of.info->layer ? int64_t(*of.info->layer) : -1;
    value.calls = of.calls;
    value.rows = of.rows;
    value.nanoseconds = of.nanoseconds;
    value.wait_nanoseconds = of.waited;
    value.weight_bytes = of.weightBytes;
    value.key_bytes = of.keyBytes;
    value.weight_multiply_adds = of.weightMadds;
    value.key_multiply_adds = of.keyMadds;
    value.least_rows = of.info->leastRows;
    value.worker_rows = of.info->workerRows;
    return writeSized(out_profile, value);
  });
}

} // extern "C"
