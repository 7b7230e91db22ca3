// Config held against libpq's own parser, for the fuzzer and for the test that runs its corpus.
#pragma once

#include <string>

namespace pg {

/// Parses with both. Says in what they differ; empty when they agree, and for strings that they need not agree on:
/// those with a keyword of ours or a NUL.
std::string compare_with_libpq(const std::string& conninfo);

}  // namespace pg
