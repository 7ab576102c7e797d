// From a placed module or a checkpoint folder to something that runs: the public headers
// of compiler/emit.
#pragma once
#include "compiler/emit/BundleWriter.h"
#include "compiler/emit/Compile.h"
#include "compiler/emit/Jit.h"
#include "compiler/emit/Link.h"
#include "compiler/emit/Object.h"
