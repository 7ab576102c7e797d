//===- Pool.h - one vector of the states of a source's tokens -------------===//

#pragma once

#include "runtime/exec/State.h"

namespace encdec::runtime {

/// vectors[b][j] = the mean over the tokens i of source b of states[i][j]: [B][d_model],
/// from the last encode of a state that gives them.
void poolMean(const State &state, float *vectors);
/// vectors[b][j] = states[i][j], i the first token of source b.
void poolFirst(const State &state, float *vectors);

} // namespace encdec::runtime
