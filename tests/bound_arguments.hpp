// Arguments of a Bind message, one by one, for those who play a client.
#pragma once

#include <string>

#include "src/wire/client_messages.hpp"

namespace pg::wire {

/// An argument; no bytes for NULL.
struct Argument {
    const char* data = nullptr;
    std::int32_t length = -1;  // for NULL
    std::int16_t format = 0;   // 1: binary
};

inline void put_bind(SendBuffer& out, std::string_view statement, std::span<const Argument> arguments,
                     std::span<const std::int16_t> formats) {
    std::string values;
    for (const Argument& one : arguments) {
        char length[sizeof one.length];
        store(length, one.length);
        values.append(length, sizeof length);
        if (one.length > 0) values.append(one.data, static_cast<std::size_t>(one.length));
    }
    put_bind(out, statement, arguments.size(), [&](std::size_t i) { return arguments[i].format; }, values, formats);
}

}  // namespace pg::wire
