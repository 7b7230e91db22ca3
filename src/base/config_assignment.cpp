// How an error about a connection string reads.
#include "src/base/config_assignment.hpp"

#include <algorithm>
#include <utility>

#include "src/base/position.hpp"

namespace pg::config {

namespace {

Error error_at(std::uint32_t position, std::string message) {
    ErrorFields fields;
    fields.kind = ErrorKind::usage;
    fields.position = position;
    fields.message = std::move(message);
    return Error(std::move(fields));
}

}  // namespace

Error conninfo_error(std::string_view conninfo, std::size_t offset, std::string_view what, std::string_view advice) {
    const std::uint32_t position = position_of(conninfo, offset);
    std::string message = "connection string: ";
    message.append(what).append(" at ").append(std::to_string(position));
    if (!advice.empty()) message.append("; ").append(advice);
    return error_at(position, std::move(message));
}

Error value_error(std::string_view conninfo, std::size_t offset, std::string_view what) {
    const std::uint32_t position = position_of(conninfo, offset);
    std::string message = "connection string: at ";
    message.append(std::to_string(position)).append(", ").append(what);
    return error_at(position, std::move(message));
}

std::string shown(std::string_view word, bool may_show) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    return may_show && plain ? std::string(" `").append(word).append("`") : std::string();
}

}  // namespace pg::config
