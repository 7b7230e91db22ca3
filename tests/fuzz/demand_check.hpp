// What the fuzzer and a unit test ask of the look at what a server demands before libpq does it.
#pragma once

#include <string>
#include <string_view>

namespace pg::libpq {

/// The first byte of the input, times 256, says how many iterations of SCRAM may be asked for; the rest is what a
/// server sends. No challenge as RFC 5802 writes it that asks for more may be fair, nor be so again when more has come.
/// Returns how that is not so, or nothing.
std::string demand_check_goes_wrong(std::string_view input);

}  // namespace pg::libpq
