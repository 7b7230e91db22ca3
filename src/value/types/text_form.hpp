// The two conveniences of every value type, made from its codec: parse() and to_string().
#pragma once

#include <string>
#include <string_view>

#include "pg/codec.hpp"
#include "pg/expected.hpp"

namespace pg::detail {

/// The value that the server would write as `text`.
template <class T>
[[nodiscard]] Expected<T> parse_value(std::string_view text) {
    T value;
    const Cell cell{text.data(), static_cast<std::int32_t>(text.size())};
    const Fault fault = text.size() > max_value_size
                            ? Fault{"text of more than 1 GiB"}
                            : Codec<T>::decode(cell, WireType{Codec<T>::type.oid, Format::text, nullptr}, value);
    if (!fault) return value;
    ErrorFields fields;
    fields.kind = ErrorKind::decode;
    fields.message = std::string("parse ").append(Codec<T>::type.name).append(": ").append(fault.reason);
    return Error(std::move(fields));
}

/// What the server would write for `value`; empty for a value that it would refuse.
template <class T>
[[nodiscard]] std::string text_of(const T& value) {
    Writer out;
    if (Codec<T>::encode_text(out, value)) return {};
    return std::string(out.bytes());
}

}  // namespace pg::detail
