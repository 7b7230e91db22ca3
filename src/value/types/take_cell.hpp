// One value inside another in the binary form: its length, then its bytes.
#pragma once

#include "src/value/reader.hpp"

namespace pg::detail {

/// The next value; NULL for a length of -1. The reader fails at any other negative length, as at one that is too long.
[[nodiscard]] inline Cell take_cell(Reader& in) {
    const auto length = in.take<std::int32_t>();
    if (length == -1) return {};
    const std::string_view bytes = in.take_bytes(static_cast<std::uint32_t>(length));
    return {bytes.data(), static_cast<std::int32_t>(bytes.size())};
}

}  // namespace pg::detail
