// Demands judged in memory that ends with them, and whole challenges read by the letter of RFC 5802.
#include "tests/fuzz/demand_check.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <regex>

#include "providers/libpq/authentication.hpp"

namespace pg::libpq {
namespace {

Demand judge(std::string_view bytes, std::uint32_t most_iterations) {
    const std::unique_ptr<char[]> copy(new char[bytes.size()]);
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    static_cast<void>(is_plain_report({copy.get(), bytes.size()}));
    return judge_demand({copy.get(), bytes.size()}, most_iterations);
}

/// More than that are asked for by a challenge that comes first, or behind other messages of authentication but the one
/// that says all is well.
bool asks_for_more(std::string_view bytes, std::uint32_t most_iterations) {
    static const std::regex challenge("r=[!-+\\--~]{1,64},s=[A-Za-z0-9+/=]{1,64},i=([0-9]{1,18})");
    constexpr std::size_t front = 9;  // a type, a length and the kind of request
    while (bytes.size() >= front && bytes[0] == 'R') {
        const auto length =
            static_cast<std::size_t>(static_cast<unsigned char>(bytes[3])) << 8 | static_cast<unsigned char>(bytes[4]);
        const bool is_short = bytes[1] == 0 && bytes[2] == 0 && length >= 8 && length <= 1000;
        if (!is_short || bytes.size() < 1 + length || bytes[5] != 0 || bytes[6] != 0 || bytes[7] != 0) return false;
        if (bytes[8] == 0) return false;
        const std::string text(bytes.substr(front, 1 + length - front));
        std::smatch parts;
        if (bytes[8] == 11 && std::regex_match(text, parts, challenge) && std::stoll(parts[1]) > most_iterations)
            return true;
        bytes.remove_prefix(1 + length);
    }
    return false;
}

}  // namespace

std::string demand_check_goes_wrong(std::string_view input) {
    if (input.empty()) return {};
    const std::uint32_t most_iterations = static_cast<unsigned char>(input.front()) * 256U;
    const std::string_view bytes = input.substr(1);
    const Demand whole = judge(bytes, most_iterations);
    if (whole != Demand::excessive && asks_for_more(bytes, most_iterations))
        return "too much is asked for, and let pass";
    if (whole == Demand::excessive) return {};
    for (std::size_t size = 0; size < bytes.size() && size < 256; ++size)
        if (judge(bytes.substr(0, size), most_iterations) == Demand::excessive)
            return "what was too much is none when more has come";
    return {};
}

}  // namespace pg::libpq
