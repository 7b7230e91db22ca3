// Bytes of the protocol as tests write them down, and what the writers make.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "src/wire/bytes.hpp"

namespace wire_check {

using namespace std::string_literals;

/// An integer in network order. @{
inline std::string int16(int value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
inline std::string int32(std::uint32_t value) {
    return int16(static_cast<int>(value >> 16)) + int16(static_cast<int>(value & 0xffff));
}  /// @}

/// A message: its kind, its length and its body.
inline std::string message(char type, std::string_view body) {
    return type + int32(static_cast<std::uint32_t>(body.size() + 4)) + std::string(body);
}

/// What `write(buffer)` leaves to be sent.
template <class Write>
std::string written(Write write) {
    pg::wire::SendBuffer out;
    write(out);
    return std::string(out.unsent());
}

/// `reads(body)` is true for `body`, and false for every beginning of it and for one byte more.
template <class Reads>
void expect_whole_body_only(std::string_view body, Reads reads) {
    EXPECT_TRUE(reads(body));
    for (std::size_t size = 0; size < body.size(); ++size)
        EXPECT_FALSE(reads(body.substr(0, size))) << size << " of " << body.size() << " bytes";
    EXPECT_FALSE(reads(std::string(body) + '\0'));
    EXPECT_FALSE(reads(std::string(body) + 'x'));
}

}  // namespace wire_check
