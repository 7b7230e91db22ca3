// Where a pool that learns its limit settles, by what its statements compete for.
#pragma once

#include <string>

/// One line for each kind of statement, beside pools of other sizes.
void measure_adaptive(const std::string& conninfo);
