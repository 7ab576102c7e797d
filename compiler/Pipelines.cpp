// Which passes run, in which order, and why in that order.
#include "compiler/Pipelines.h"
