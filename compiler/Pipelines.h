// The named pipelines, each a function of one options struct.
#pragma once
